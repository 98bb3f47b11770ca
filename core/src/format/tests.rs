mod clock;

use super::*;
use crate::log::{Encoding, EventId, EventLog, EventType, GapPolicy, LogReader, Position};
use crate::time::Instant;
use crate::ws::connection::MessageKind;
use core::time::Duration;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const EPOCH: u32 = 0xabc;
const NOW: Instant = Instant::from_millis(1_000_000);

type Log = EventLog<Vec<u8>>;

fn log(events: &[(&str, Encoding, &[u8])]) -> Log {
    let mut log = EventLog::new(vec![0; 1 << 16], 64, EPOCH).unwrap();
    for (name, encoding, data) in events {
        log.append(EventType::new(name).unwrap(), *encoding, data).unwrap();
    }
    log
}

/// Fills buffers of these sizes until the body has no more bytes.
fn drain(
    follow: &mut StreamBody,
    log: &Log,
    now: Instant,
    sizes: impl IntoIterator<Item = usize>,
) -> (Vec<u8>, BodyState) {
    let mut written = Vec::new();
    let mut state = BodyState::More;
    for size in sizes {
        let mut buffer = vec![0; size];
        let fill = follow.fill(log, &mut buffer, now);
        written.extend_from_slice(&buffer[..fill.written]);
        state = fill.state;
        if state != BodyState::More {
            break;
        }
        assert_eq!(fill.written, size, "More means that the buffer is full");
    }
    (written, state)
}

fn follow(format: StreamFormat, log: &Log, position: Position) -> StreamBody {
    StreamBody::new(format, log, position, GapPolicy::Replay, StreamTimers::default(), NOW)
}

fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap()
}

#[test]
fn sse_writes_all_fields_of_an_event() {
    let log = log(&[
        ("", Encoding::Text, b"plain"),
        ("reading", Encoding::Text, b"one\ntwo\r\n\rthree"),
        ("", Encoding::Text, b""),
        ("blob", Encoding::Binary, b"\x00\xff\x10"),
        ("", Encoding::Binary, b""),
    ]);
    let mut reader = follow(StreamFormat::EventStream, &log, Position::Oldest);
    let (written, state) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!(
        text(&written),
        "retry: 3000\n\
         id: 00000abc-1\ndata: plain\n\n\
         id: 00000abc-2\nevent: reading\ndata: one\ndata: two\ndata: \ndata: three\n\n\
         id: 00000abc-3\ndata: \n\n\
         id: 00000abc-4\nevent: blob;base64\ndata: AP8Q\n\n\
         id: 00000abc-5\nevent: message;base64\ndata: \n\n"
    );
    assert_eq!(state, BodyState::Wait(NOW + Duration::from_secs(15)));
}

#[test]
fn ndjson_writes_one_object_per_line() {
    let log =
        log(&[("", Encoding::Text, b"a \"quoted\" \\ line\r\n\t\x01\x7f"), ("Gr\u{fc}n", Encoding::Binary, b"ab")]);
    let mut reader = follow(StreamFormat::Ndjson, &log, Position::Oldest);
    let (written, _) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!(
        text(&written),
        "{\"after\":\"00000abc-0\"}\n\
         {\"id\":\"00000abc-1\",\"type\":\"message\",\"data\":\"a \\\"quoted\\\" \\\\ line\\r\\n\\t\\u0001\x7f\"}\n\
         {\"id\":\"00000abc-2\",\"type\":\"Gr\u{fc}n\",\"encoding\":\"base64\",\"data\":\"YWI=\"}\n"
    );
}

#[test]
fn a_gap_precedes_the_events_after_it() {
    let log = log(&[("", Encoding::Text, b"x")]);
    let lost = Position::After(EventId { epoch: 1, seq: 9 });
    let (written, _) = drain(&mut follow(StreamFormat::EventStream, &log, lost), &log, NOW, [4096]);
    assert_eq!(text(&written), "retry: 3000\nid: 00000abc-0\nevent: gap\ndata: {}\n\nid: 00000abc-1\ndata: x\n\n");
    let (written, _) = drain(&mut follow(StreamFormat::Ndjson, &log, lost), &log, NOW, [4096]);
    assert_eq!(
        text(&written),
        "{\"gap\":{},\"after\":\"00000abc-0\"}\n{\"id\":\"00000abc-1\",\"type\":\"message\",\"data\":\"x\"}\n"
    );
}

#[test]
fn sse_sends_its_cursor_without_data_only_to_clients_without_one() {
    let (empty, one) = (log(&[]), log(&[("", Encoding::Text, b"x")]));
    let after = |seq| Position::After(EventId { epoch: EPOCH, seq });
    let primed = |seq| std::format!("retry: 3000\nid: 00000abc-{seq}\n\n");
    for (log, position, resumed, expected) in [
        (&empty, Position::Newest, false, primed(0)),
        (&empty, Position::Oldest, false, primed(0)),
        (&one, Position::Newest, false, primed(1)),
        (&one, after(1), false, primed(1)),
        (&one, after(1), true, "retry: 3000\n".to_string()),
        (&one, after(0), true, "retry: 3000\nid: 00000abc-1\ndata: x\n\n".to_string()),
        (&one, after(0), false, "retry: 3000\nid: 00000abc-1\ndata: x\n\n".to_string()),
        (&empty, Position::Unknown, true, "retry: 3000\nid: 00000abc-0\nevent: gap\ndata: {}\n\n".to_string()),
    ] {
        let mut reader = follow(StreamFormat::EventStream, log, position).resumed(resumed);
        assert_eq!(text(&drain(&mut reader, log, NOW, [4096]).0), expected, "{position:?}, resumed: {resumed}");
    }
}

#[test]
fn ndjson_keep_alives_are_lines_with_the_cursor() {
    let mut log = log(&[]);
    let mut reader = follow(StreamFormat::Ndjson, &log, Position::Newest).resumed(true);
    let (mut written, _) = drain(&mut reader, &log, NOW, [4096]);
    log.append(EventType::MESSAGE, Encoding::Text, b"1").unwrap();
    let mut now = NOW;
    for _ in 0..3 {
        written.extend(drain(&mut reader, &log, now, [4096]).0);
        now = now + Duration::from_secs(15);
    }
    let cursor = |seq| std::format!("{{\"after\":\"00000abc-{seq}\"}}\n");
    assert_eq!(text(&written), [cursor(0), line(1), cursor(1), cursor(1)].concat());
}

/// A log of three slots, and a body that has fallen behind in it.
fn behind(policy: GapPolicy) -> (Log, StreamBody) {
    let mut log = EventLog::new(vec![0; 1024], 3, EPOCH).unwrap();
    log.append(EventType::MESSAGE, Encoding::Text, b"1").unwrap();
    let mut reader =
        StreamBody::new(StreamFormat::Ndjson, &log, Position::Oldest, policy, StreamTimers::default(), NOW);
    drop(drain(&mut reader, &log, NOW, [4096]));
    for n in 2..=6 {
        log.append(EventType::MESSAGE, Encoding::Text, n.to_string().as_bytes()).unwrap();
    }
    (log, reader)
}

fn line(seq: u64) -> String {
    std::format!("{{\"id\":\"00000abc-{seq}\",\"type\":\"message\",\"data\":\"{seq}\"}}\n")
}

#[test]
fn a_live_reader_that_falls_behind_follows_its_gap_policy() {
    let (log, mut reader) = behind(GapPolicy::Replay);
    let (written, _) = drain(&mut reader, &log, NOW, [4096]);
    let gap = "{\"gap\":{\"missed\":2},\"after\":\"00000abc-3\"}\n";
    assert_eq!(text(&written), [gap, &line(4), &line(5), &line(6)].concat());

    let (log, mut reader) = behind(GapPolicy::Latest);
    let (written, _) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!(text(&written), ["{\"gap\":{\"missed\":4},\"after\":\"00000abc-5\"}\n", &line(6)].concat());

    let (log, mut reader) = behind(GapPolicy::Disconnect);
    let (written, state) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!((text(&written), state), (gap, BodyState::End));
}

#[test]
fn an_event_overwritten_after_any_byte_of_it_aborts() {
    let events = [("reading", Encoding::Text, &b"one\ntwo"[..])];
    let opening = b"retry: 3000\n";
    let (whole, _) =
        drain(&mut follow(StreamFormat::EventStream, &log(&events), Position::Oldest), &log(&events), NOW, [4096]);
    for cut in 1..whole.len() {
        let mut log = log(&events);
        let mut reader = follow(StreamFormat::EventStream, &log, Position::Oldest);
        let mut buffer = vec![0; cut];
        assert_eq!(reader.fill(&log, &mut buffer, NOW).state, BodyState::More);
        for _ in 0..64 {
            log.append(EventType::MESSAGE, Encoding::Text, b"new").unwrap();
        }
        let mut buffer = [0; 64];
        let fill = reader.fill(&log, &mut buffer, NOW);
        if cut > opening.len() {
            assert_eq!(fill, Fill { written: 0, state: BodyState::Abort }, "cut at {cut}");
        } else {
            assert_eq!(fill.state, BodyState::More, "cut at {cut}: nothing of the event had been sent");
        }
    }
}

#[test]
fn keep_alives_are_sent_to_idle_readers_only() {
    let mut log = log(&[]);
    let mut reader = follow(StreamFormat::EventStream, &log, Position::Newest);
    let (_, state) = drain(&mut reader, &log, NOW, [4096]);
    let first = NOW + Duration::from_secs(15);
    assert_eq!(state, BodyState::Wait(first));
    let early = NOW + Duration::from_secs(10);
    log.append(EventType::MESSAGE, Encoding::Text, b"x").unwrap();
    assert_eq!(drain(&mut reader, &log, early, [4096]).1, BodyState::Wait(early + Duration::from_secs(15)));
    assert_eq!(drain(&mut reader, &log, first, [4096]), (vec![], BodyState::Wait(early + Duration::from_secs(15))));
    let late = early + Duration::from_secs(15);
    let (written, state) = drain(&mut reader, &log, late, [1; 9]);
    assert_eq!((&written[..], state), (&b":\n"[..], BodyState::Wait(late + Duration::from_secs(15))));
}

#[test]
fn clock_jumps_do_not_stop_a_stream() {
    let log = log(&[("", Encoding::Text, b"x")]);
    let mut reader = follow(StreamFormat::Ndjson, &log, Position::Oldest);
    for now in [Instant::MAX, Instant::default(), Instant::MAX, NOW] {
        let mut buffer = [0; 256];
        let fill = reader.fill(&log, &mut buffer, now);
        assert!(matches!(fill.state, BodyState::Wait(_)) || fill.written == buffer.len(), "{now:?}: {fill:?}");
    }
}

#[test]
fn retry_is_sent_after_the_newest_event() {
    let log = log(&[("", Encoding::Text, b"first"), ("", Encoding::Text, b"second")]);
    let mut reader = follow(StreamFormat::EventStream, &log, Position::Oldest);
    let (mut written, _) = drain(&mut reader, &log, NOW, [45]);
    reader.end(Duration::from_millis(4321));
    let (rest, state) = drain(&mut reader, &log, NOW, [4096]);
    written.extend(rest);
    assert_eq!(
        text(&written),
        "retry: 3000\nid: 00000abc-1\ndata: first\n\nid: 00000abc-2\ndata: second\n\nretry: 4321\n"
    );
    assert_eq!(state, BodyState::End);
}

fn poll_all(poll: &mut PollBody, log: &Log, size: usize) -> (Vec<u8>, BodyState) {
    let mut written = Vec::new();
    loop {
        let mut buffer = vec![0; size];
        let fill = poll.fill(log, &mut buffer);
        written.extend_from_slice(&buffer[..fill.written]);
        if fill.state != BodyState::More {
            return (written, fill.state);
        }
    }
}

#[test]
fn a_poll_has_its_length_and_gap() {
    let log = log(&[("", Encoding::Text, b"a"), ("b", Encoding::Text, b"\"")]);
    let mut poll = PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &PollLimits::default());
    let body = "{\"events\":[{\"id\":\"00000abc-1\",\"type\":\"message\",\"data\":\"a\"},\
                {\"id\":\"00000abc-2\",\"type\":\"b\",\"data\":\"\\\"\"}],\"after\":\"00000abc-2\"}";
    assert_eq!(poll.length(), body.len() as u64);
    assert_eq!((text(&poll_all(&mut poll, &log, 7).0), poll.last().seq), (body, 2));

    let mut lost = PollBody::new(&log, log.seek(Position::Unknown, GapPolicy::Latest), &PollLimits::default());
    let (written, state) = poll_all(&mut lost, &log, 4096);
    assert_eq!(
        (text(&written), state),
        (
            "{\"gap\":{},\"events\":[{\"id\":\"00000abc-2\",\"type\":\"b\",\"data\":\"\\\"\"}],\"after\":\"00000abc-2\"}",
            BodyState::End
        )
    );
    assert_eq!(lost.length(), written.len() as u64);
    let mut none = PollBody::new(&log, log.seek(Position::Newest, GapPolicy::Replay), &PollLimits::default());
    assert!(none.is_empty());
    assert_eq!(text(&poll_all(&mut none, &log, 1).0), "{\"events\":[],\"after\":\"00000abc-2\"}");
}

#[test]
fn a_poll_is_bounded_and_the_next_continues_after_it() {
    let log = log(&[("", Encoding::Text, &b"0123456789"[..]); 10]);
    let bounds = PollLimits { events: 3, bytes: 120 };
    let mut position = Position::Oldest;
    let mut answers = Vec::new();
    loop {
        let poll = PollBody::new(&log, log.seek(position, GapPolicy::Replay), &bounds);
        if poll.is_empty() {
            break;
        }
        answers.push(poll.last().seq);
        position = Position::After(poll.last());
    }
    assert_eq!(answers, [2, 4, 6, 8, 10], "two events of 54 bytes fit 120");
    let tiny = PollLimits { events: 0, bytes: 0 };
    assert_eq!(
        PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &tiny).last().seq,
        1,
        "at least one event"
    );
}

#[test]
fn a_poll_whose_events_are_overwritten_aborts() {
    let mut log = log(&[("", Encoding::Text, b"a"), ("", Encoding::Text, b"b")]);
    let mut poll = PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &PollLimits::default());
    let mut buffer = [0; 20];
    assert_eq!(poll.fill(&log, &mut buffer).state, BodyState::More);
    for _ in 0..64 {
        log.append(EventType::MESSAGE, Encoding::Text, b"new").unwrap();
    }
    assert_eq!(poll.fill(&log, &mut [0; 999]), Fill { written: 0, state: BodyState::Abort });
}

fn messages(
    log: &Log,
    subprotocol: Subprotocol,
    position: Position,
    size: usize,
) -> (Vec<(MessageKind, Vec<u8>)>, NextMessage) {
    let mut reader = EventMessages::new(subprotocol, log, position, GapPolicy::Replay);
    let mut written = Vec::new();
    loop {
        match reader.next(log) {
            NextMessage::Message(kind, length) => {
                let mut message = Vec::new();
                while (message.len() as u64) < length {
                    let mut buffer = vec![0; size.min(length as usize - message.len())];
                    let written = reader.fill(log, &mut buffer).unwrap();
                    assert!(written > 0);
                    message.extend_from_slice(&buffer[..written]);
                }
                written.push((kind, message));
            }
            other => return (written, other),
        }
    }
}

#[test]
fn messages_have_the_data_or_the_envelope() {
    let log = log(&[("t", Encoding::Text, b"a\nb"), ("u", Encoding::Binary, b"\x00\n"), ("", Encoding::Text, b"")]);
    for size in [1, 2, 5, 4096] {
        let (written, end) = messages(&log, Subprotocol::Plain, Position::Oldest, size);
        assert_eq!(end, NextMessage::Nothing);
        let plain = [
            (MessageKind::Text, b"a\nb".to_vec()),
            (MessageKind::Binary, b"\x00\n".to_vec()),
            (MessageKind::Text, vec![]),
        ];
        assert_eq!(written, plain);
        let (written, _) = messages(&log, Subprotocol::Envelope, Position::Unknown, size);
        let enveloped = [
            (MessageKind::Text, b"{\"gap\":{},\"after\":\"00000abc-0\"}".to_vec()),
            (MessageKind::Text, b"{\"id\":\"00000abc-1\",\"type\":\"t\",\"data\":\"a\\nb\"}".to_vec()),
            (MessageKind::Binary, b"{\"id\":\"00000abc-2\",\"type\":\"u\"}\n\x00\n".to_vec()),
            (MessageKind::Text, b"{\"id\":\"00000abc-3\",\"type\":\"message\",\"data\":\"\"}".to_vec()),
        ];
        assert_eq!(written, enveloped);
    }
    assert_eq!(messages(&log, Subprotocol::Plain, Position::Unknown, 9), (vec![], NextMessage::Behind));
}

#[test]
fn a_reader_without_a_subprotocol_is_closed_once_it_is_behind() {
    let mut log = log(&[("", Encoding::Text, b"a")]);
    let mut reader = EventMessages::new(Subprotocol::Plain, &log, Position::Newest, GapPolicy::Replay);
    for _ in 0..66 {
        log.append(EventType::MESSAGE, Encoding::Text, b"new").unwrap();
    }
    assert_eq!(reader.next(&log), NextMessage::Behind);
    assert_eq!(reader.next(&log), NextMessage::Behind);
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::char::range('a', 'f'), 0..7).prop_map(String::from_iter)
}

proptest! {
    /// Each transport writes the same bytes to buffers of any length.
    #[test]
    fn buffers_of_any_length_get_the_same_bytes(
        events in prop::collection::vec(
            (name(), any::<bool>(), prop::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'"'), Just(1u8), Just(b'x')], 0..500)),
            1..6),
        sizes in prop::collection::vec(1usize..40, 1..20),
    ) {
        let events: Vec<_> = events.iter().map(|(name, binary, data)| {
            (name.as_str(), if *binary { Encoding::Binary } else { Encoding::Text }, data.as_slice())
        }).collect();
        let log = log(&events);
        let lengths = || sizes.iter().copied().cycle();
        let (whole, _) = drain(&mut follow(StreamFormat::EventStream, &log, Position::Oldest), &log, NOW, [1 << 20]);
        let (cut, _) = drain(&mut follow(StreamFormat::EventStream, &log, Position::Oldest), &log, NOW, lengths());
        prop_assert_eq!(&whole, &cut);
        let (whole, _) = drain(&mut follow(StreamFormat::Ndjson, &log, Position::Oldest), &log, NOW, [1 << 20]);
        let (cut, _) = drain(&mut follow(StreamFormat::Ndjson, &log, Position::Oldest), &log, NOW, lengths());
        prop_assert_eq!(&whole, &cut);
        let bounds = PollLimits { bytes: u64::MAX, ..PollLimits::default() };
        let poll = || PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &bounds);
        let (whole, _) = poll_all(&mut poll(), &log, 1 << 20);
        let (cut, _) = poll_all(&mut poll(), &log, sizes[0]);
        prop_assert_eq!(whole.len() as u64, poll().length());
        prop_assert_eq!(whole, cut);
    }
}
