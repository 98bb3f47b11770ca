use super::*;
use crate::output::Output;
use crate::sse::encode;
use crate::sse::field::EventField;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const BOUNDS: ParserLimits = ParserLimits { id: 12, event_type: 12 };
type Small = Parser<[u8; BOUNDS.memory(40)]>;

fn small() -> Small {
    Parser::new([0; BOUNDS.memory(40)], BOUNDS)
}

/// Event type, data, last event ID.
type Seen = (String, String, String);

/// Feeds all of `input`.
fn feed_all<B: AsRef<[u8]> + AsMut<[u8]>>(
    parser: &mut Parser<B>,
    mut input: &[u8],
    seen: &mut Vec<Seen>,
) -> Result<(), ParseError> {
    loop {
        let fed = parser.feed(input)?;
        let consumed = fed.consumed;
        match fed.event {
            Some(event) => {
                seen.push((event.event_type.to_string(), event.data.to_string(), event.last_event_id.to_string()))
            }
            None => {
                assert_eq!(consumed, input.len(), "without an event all is consumed");
                return Ok(());
            }
        }
        input = &input[consumed..];
    }
}

/// Feeds a stream to a new parser, in pieces that end at `cuts`. Returns the events, the error, the last event ID and
/// the reconnection time.
fn read<B: AsRef<[u8]> + AsMut<[u8]>>(
    mut parser: Parser<B>,
    stream: &[u8],
    cuts: &[usize],
) -> (Vec<Seen>, Result<(), ParseError>, String, Option<Duration>) {
    let mut seen = Vec::new();
    let mut start = 0;
    let mut result = Ok(());
    for &end in cuts.iter().chain([&stream.len()]) {
        result = feed_all(&mut parser, &stream[start..end], &mut seen);
        start = end;
    }
    let (id, time) = (parser.last_event_id().to_string(), parser.reconnection_time());
    (seen, result, id, time)
}

fn every_byte(stream: &[u8]) -> Vec<usize> {
    (0..stream.len()).collect()
}

#[test]
fn a_cr_dispatches_without_waiting_for_an_lf() {
    let mut parser = small();
    let mut seen = Vec::new();
    feed_all(&mut parser, b"data: 1\r\n\r", &mut seen).unwrap();
    assert_eq!(seen.len(), 1);
    feed_all(&mut parser, b"\ndata: 2\r\r", &mut seen).unwrap();
    assert_eq!(seen.len(), 2);
}

#[test]
fn one_call_dispatches_one_event() {
    let mut parser = small();
    let stream = b"data: 1\n\ndata: 2\n\n";
    let fed = parser.feed(stream).unwrap();
    assert_eq!((fed.consumed, fed.event.map(|event| event.data)), (9, Some("1")));
    let fed = parser.feed(&stream[9..]).unwrap();
    assert_eq!((fed.consumed, fed.event.map(|event| event.data)), (9, Some("2")));
    assert_eq!(parser.feed(b"").unwrap(), ParseProgress { consumed: 0, event: None });
}

#[test]
fn a_line_within_the_input_is_borrowed_from_it() {
    let mut parser = small();
    let stream = b"id: 1\ndata: here\n\n";
    let data = parser.feed(stream).unwrap().event.unwrap().data;
    assert!(stream.as_ptr_range().contains(&data.as_ptr()));
    // The line is within the input, the event is not.
    let mut parser = small();
    let _ = parser.feed(b"event: add\nda").unwrap();
    let rest = b"ta: here\n\n";
    let data = parser.feed(rest).unwrap().event.unwrap().data;
    assert!(rest.as_ptr_range().contains(&data.as_ptr()));
}

/// Checks the error and the events before it, for the whole stream, single bytes and two pieces.
fn assert_fails(stream: &[u8], error: ParseError) {
    let whole = read(small(), stream, &[]);
    assert_eq!(whole.1, Err(error), "{}", stream.escape_ascii());
    assert_eq!(read(small(), stream, &every_byte(stream)), whole, "{}: bytewise", stream.escape_ascii());
    for cut in 0..=stream.len() {
        assert_eq!(read(small(), stream, &[cut]), whole, "{}: cut at {cut}", stream.escape_ascii());
    }
}

fn assert_passes(stream: &[u8]) {
    for cuts in [vec![], every_byte(stream)] {
        let (seen, result, ..) = read(small(), stream, &cuts);
        assert_eq!((seen.len(), result), (1, Ok(())), "{}", stream.escape_ascii());
    }
}

#[test]
fn data_is_accepted_exactly_up_to_its_bound() {
    let line = |len| [&b"data: "[..], &vec![b'x'; len], b"\n\n"].concat();
    assert_passes(&line(40));
    assert_fails(&line(41), ParseError::DataTooLong);
    // The LF between two lines counts, the LF after the last does not.
    let lines = |len| [&b"data: "[..], &[b'x'; 20], b"\ndata: ", &vec![b'y'; len], b"\n\n"].concat();
    assert_passes(&lines(19));
    assert_fails(&lines(20), ParseError::DataTooLong);
    // The bound is on the decoded text.
    let ill_formed = |len| [&b"data: x"[..], &vec![0xFF; len], b"\n\n"].concat();
    assert_passes(&ill_formed(13));
    assert_fails(&ill_formed(14), ParseError::DataTooLong);
}

#[test]
fn an_event_type_is_accepted_exactly_up_to_its_bound() {
    assert_passes(b"event: 012345678901\ndata: x\n\n");
    assert_fails(b"event: 0123456789012\ndata: x\n\n", ParseError::EventTypeTooLong);
    assert_fails(b"data: x\n\nevent: \xFF\xFF\xFF\xFF\xFF\ndata: x\n\n", ParseError::EventTypeTooLong);
}

#[test]
fn an_id_is_accepted_exactly_up_to_its_bound() {
    assert_passes(b"id: 012345678901\ndata: x\n\n");
    assert_fails(b"id: 0123456789012\ndata: x\n\n", ParseError::IdTooLong);
    assert_fails(b"id: 1\ndata: x\n\nid: \xFF\xFF\xFF\xFF\xFF\n\n", ParseError::IdTooLong);
}

#[test]
fn an_event_too_long_leaves_the_last_event_id_unchanged() {
    let stream = [b"id: 1\ndata: x\n\nid: 2\ndata: ", &[0xFF; 20][..], b"\n\n"].concat();
    let (seen, result, id, _) = read(small(), &stream, &[]);
    assert_eq!((seen.len(), result, id.as_str()), (1, Err(ParseError::DataTooLong), "1"));
}

#[test]
fn a_parse_error_is_final_until_restart() {
    let mut parser = small();
    let mut seen = Vec::new();
    feed_all(&mut parser, b"id: 7\nretry: 5\ndata: x\n\nevent: kept?\nid: 8\n", &mut seen).unwrap();
    assert_eq!(feed_all(&mut parser, b"id: 0123456789012\n", &mut seen), Err(ParseError::IdTooLong));
    for _ in 0..2 {
        assert_eq!(feed_all(&mut parser, b"\n\ndata: x\n\n", &mut seen), Err(ParseError::IdTooLong));
    }
    parser.restart();
    feed_all(&mut parser, b"\xEF\xBB\xBFdata: y\n\n", &mut seen).unwrap();
    assert_eq!(seen.last().unwrap(), &("message".to_string(), "y".to_string(), "7".to_string()));
    assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(5)));
}

#[test]
fn a_restart_discards_an_incomplete_line() {
    for cut in [&b"data: x"[..], b"da", b": c", b"data: x\n", b"event: y\nid: 3\n", b"data: x\r", b"\xEF\xBB", b"id: 1"]
    {
        let mut parser = small();
        let mut seen = Vec::new();
        feed_all(&mut parser, cut, &mut seen).unwrap();
        parser.restart();
        feed_all(&mut parser, b"\ndata: y\n\n", &mut seen).unwrap();
        assert_eq!(seen, [("message".to_string(), "y".to_string(), String::new())], "{}", cut.escape_ascii());
    }
}

#[test]
fn a_restart_after_an_id_resumes_from_it() {
    let mut parser = small();
    parser.restart_after(IdField::new(b"7f-3").unwrap()).unwrap();
    assert_eq!(parser.last_event_id(), "7f-3");
    assert_eq!(parser.restart_after(IdField::new(b"0123456789012").unwrap()), Err(ParseError::IdTooLong));
    assert_eq!(parser.feed(b"data: x\n\n").unwrap().event.unwrap().last_event_id, "7f-3");
}

#[test]
fn too_short_memory_is_an_error_and_not_a_panic() {
    for size in 0..BOUNDS.memory(0) {
        let stream = b"id: 0123456789\nevent: 0123456789\ndata: x\n\n";
        let (seen, result, ..) = read(Parser::new(vec![0; size], BOUNDS), stream, &every_byte(stream));
        assert!(seen.is_empty() && result.is_err(), "{size}");
    }
}

#[test]
fn comments_and_unknown_fields_of_any_length_take_no_memory() {
    let long = vec![b'c'; 10_000];
    let stream = [b":", &long[..], b"\n", &long, b"\n", &long, b": ", &long, b"\ndata: x\n\n"].concat();
    assert_passes(&stream);
}

/// A parser with quadratic cost would take hours here.
#[test]
fn a_long_event_fed_byte_by_byte_costs_one_pass() {
    const LEN: usize = 1 << 20;
    let mut parser = Parser::new(vec![0; ParserLimits::DEFAULT.memory(LEN)], ParserLimits::DEFAULT);
    let _ = parser.feed(b"data: ").unwrap();
    for _ in 0..LEN {
        let _ = parser.feed(b"x").unwrap();
    }
    assert_eq!(parser.feed(b"\n\n").unwrap().event.unwrap().data.len(), LEN);
}

/// An output that stores all bytes.
struct All(Vec<u8>);

impl Output for All {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Streams with many special bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => prop::sample::select(vec![&b"data"[..], b"event", b"id", b"retry"]),
        6 => prop::sample::select(vec![&b":"[..], b": ", b"\n", b"\r", b"\r\n", b"\n\n"]),
        3 => prop::sample::select(vec![&b"x"[..], b" ", b"\0", b"12", b"\xEF\xBB\xBF", b"\xC3", b"\xA9", b"\xF0\x9F", b"y: z"]),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn cuts_of(stream: &[u8], cuts: &[prop::sample::Index]) -> Vec<usize> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    cuts
}

/// Up to six characters, none of which is one of these.
fn text_without(excluded: &'static str, least: usize) -> impl Strategy<Value = String> {
    let character = any::<char>().prop_filter("excluded", |character| !excluded.contains(*character));
    prop::collection::vec(character, least..7).prop_map(String::from_iter)
}

fn data() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(&['\r', '\n', '\u{1f94c}', '\0', ' ', ':'][..]);
    prop::collection::vec(prop_oneof![odd, prop::char::range('a', 'z')], 0..21).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn any_split_of_a_stream_results_in_the_same_events(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = read(small(), &stream, &[]);
        prop_assert_eq!(&read(small(), &stream, &cuts_of(&stream, &cuts)), &whole);
        prop_assert_eq!(&read(small(), &stream, &every_byte(&stream)), &whole);
    }

    #[test]
    fn encoded_events_are_parsed_alike_for_any_split(
        events in prop::collection::vec((text_without("\0\r\n", 0), text_without("\r\n", 1), data()), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut all = All(Vec::new());
        for (id, kind, data) in &events {
            let (id, event) = (IdField::new(id.as_bytes()).unwrap(), EventField::new(kind.as_bytes()).unwrap());
            encode::EventBlock { id: Some(id), event: Some(event), ..encode::EventBlock::new(data.as_bytes()) }.encode(&mut all);
        }
        let expected: Vec<Seen> = events
            .iter()
            .map(|(id, kind, data)| (kind.clone(), data.replace("\r\n", "\n").replace('\r', "\n"), id.clone()))
            .collect();
        let parser = || Parser::new([0; ParserLimits::DEFAULT.memory(100)], ParserLimits::DEFAULT);
        for cuts in [vec![], cuts_of(&all.0, &cuts), every_byte(&all.0)] {
            let (seen, result, ..) = read(parser(), &all.0, &cuts);
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(&seen, &expected);
        }
    }
}
