//! The parser of event streams beside eventsource-stream's.

use eventsource_stream::Eventsource;
use futures_lite::{StreamExt, future, stream};
use goldcrest_core::sse::parse::{Parser, ParserLimits};

/// Event type, data, last event ID.
pub(crate) type Seen = (String, String, String);

/// Gives `bytes` to both, ours cut by `cuts`, and compares the events.
///
/// The other parser gets all in one piece, decoded as the standard says and without the byte order mark: it refuses
/// invalid UTF-8, panics at a leading mark, and takes CR and LF in two pieces for two line ends. After a CR at the end it
/// waits for an LF: a colon shows that there is none.
pub fn parses_the_same_as_eventsource_stream(bytes: &[u8], cuts: &[u8]) {
    let ours = ours(bytes, cuts);
    assert_eq!(ours, says(&String::from_utf8_lossy(bytes)), "{}", bytes.escape_ascii());
}

/// The events that eventsource-stream finds in the text.
pub(crate) fn says(text: &str) -> Vec<Seen> {
    theirs(&format!(":\n{}:", text.strip_prefix('\u{feff}').unwrap_or(text)))
}

/// Any bytes, cut in any two ways, say the same.
pub fn parses_the_same_at_any_split(bytes: &[u8], cuts: &[u8]) {
    assert_eq!(ours(bytes, cuts), ours(bytes, &[]), "{}", bytes.escape_ascii());
}

fn ours(bytes: &[u8], cuts: &[u8]) -> Vec<Seen> {
    let bounds = ParserLimits { id: bytes.len() * 3, event_type: bytes.len() * 3 };
    let mut parser = Parser::new(vec![0; bounds.memory(bytes.len() * 3)], bounds);
    let mut seen = Vec::new();
    for mut input in super::cut(bytes, cuts) {
        while !input.is_empty() {
            let fed = parser.feed(input).expect("there is memory for all of it");
            if let Some(event) = fed.event {
                seen.push((event.event_type.into(), event.data.into(), event.last_event_id.into()));
            }
            input = &input[fed.consumed..];
        }
    }
    seen
}

fn theirs(text: &str) -> Vec<Seen> {
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(text.to_owned())]);
    future::block_on(async {
        let mut events = whole.eventsource();
        let mut seen = Vec::new();
        while let Some(Ok(event)) = events.next().await {
            seen.push((event.event, event.data, event.id));
        }
        seen
    })
}
