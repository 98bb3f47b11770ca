//! The table of event streams and their events, `tests/suites/sse/format.json`, fed to the parser whole, byte by byte and cut
//! in two everywhere. A browser reads the same table (`tests/suites/browser/sse.mjs`).

use std::time::Duration;

use goldcrest_core::sse::media_type::{EVENT_STREAM, is_event_stream};
use goldcrest_core::sse::parse::{ParseError, Parser, ParserLimits};
use serde_json::Value;

/// Event type, data, last event ID.
type ParsedEvent = (String, String, String);

struct Case {
    name: String,
    /// The bytes of the stream.
    mime: String,
    /// By that type the response is no event stream.
    refused: bool,
    stream: Vec<u8>,
    events: Vec<ParsedEvent>,
    /// The parser's state at the end of the stream.
    reconnection_time: Option<Duration>,
    last_event_id: String,
}

fn cases() -> Vec<Case> {
    let table: Value = serde_json::from_str(include_str!("../../tests/suites/sse/format.json")).unwrap();
    let cases: Vec<Case> = table["cases"].as_array().unwrap().iter().map(case).collect();
    assert!(cases.len() > 100, "the table is there");
    cases
}

fn case(case: &Value) -> Case {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let stream = match (text(&case["text"]), text(&case["bytes"])) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(bytes)) => bytes.chars().map(|byte| u8::try_from(byte).unwrap()).collect(),
        both => panic!("{}: {both:?}", case["name"]),
    };
    let events = case["events"].as_array().unwrap().iter();
    let part = |event: &Value, at: usize| text(&event[at]).unwrap();
    Case {
        name: text(&case["name"]).unwrap(),
        mime: text(&case["mime"]).unwrap_or_else(|| EVENT_STREAM.to_owned()),
        refused: case["refused"] == true,
        stream,
        events: events.map(|event| (part(event, 0), part(event, 1), part(event, 2))).collect(),
        reconnection_time: case["retry"].as_u64().map(Duration::from_millis),
        last_event_id: text(&case["id"]).unwrap_or_default(),
    }
}

/// Parses a stream in pieces that end at `cuts`. Returns its events, and the parser's reconnection time and last event ID at
/// the end.
fn read(stream: &[u8], cuts: &[usize]) -> Result<(Vec<ParsedEvent>, Option<Duration>, String), ParseError> {
    const BOUNDS: ParserLimits = ParserLimits { id: 12, event_type: 12 };
    let mut parser = Parser::new([0; BOUNDS.memory(40)], BOUNDS);
    let (mut said, mut start) = (Vec::new(), 0);
    for &end in cuts.iter().chain([&stream.len()]) {
        while start < end {
            let fed = parser.feed(&stream[start..end])?;
            if let Some(event) = fed.event {
                said.push((event.event_type.to_owned(), event.data.to_owned(), event.last_event_id.to_owned()));
            } else {
                assert_eq!(start + fed.consumed, end, "without an event all is consumed");
            }
            start += fed.consumed;
        }
    }
    Ok((said, parser.reconnection_time(), parser.last_event_id().to_owned()))
}

#[test]
fn every_stream_parses_as_the_standard_says_at_any_split() {
    for case in cases().into_iter().filter(|case| !case.refused) {
        let Case { name, stream, .. } = case;
        let expected = Ok((case.events, case.reconnection_time, case.last_event_id));
        assert_eq!(read(&stream, &[]), expected, "{name}: whole");
        assert_eq!(read(&stream, &Vec::from_iter(0..stream.len())), expected, "{name}: bytewise");
        for cut in 0..=stream.len() {
            assert_eq!(read(&stream, &[cut]), expected, "{name}: cut at {cut}");
        }
    }
}

#[test]
fn a_media_type_is_an_event_stream_or_not() {
    for case in cases() {
        assert_eq!(is_event_stream(case.mime.as_bytes()), !case.refused, "{}: {}", case.name, case.mime);
    }
}
