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

/// Fills rooms of these sizes in turn until there is no more to say.
fn drain(
    follow: &mut StreamBody,
    log: &Log,
    now: Instant,
    sizes: impl IntoIterator<Item = usize>,
) -> (Vec<u8>, BodyState) {
    let mut seen = Vec::new();
    let mut then = BodyState::More;
    for size in sizes {
        let mut room = vec![0; size];
        let filled = follow.fill(log, &mut room, now);
        seen.extend_from_slice(&room[..filled.written]);
        then = filled.state;
        if then != BodyState::More {
            break;
        }
        assert_eq!(filled.written, size, "More means that the room is full");
    }
    (seen, then)
}

fn follow(form: StreamFormat, log: &Log, position: Position) -> StreamBody {
    StreamBody::new(form, log, position, GapPolicy::Replay, StreamTimers::default(), NOW)
}

fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap()
}

#[test]
fn sse_says_every_field_of_an_event() {
    let log = log(&[
        ("", Encoding::Text, b"plain"),
        ("reading", Encoding::Text, b"one\ntwo\r\n\rthree"),
        ("", Encoding::Text, b""),
        ("blob", Encoding::Binary, b"\x00\xff\x10"),
        ("", Encoding::Binary, b""),
    ]);
    let mut reader = follow(StreamFormat::EventStream, &log, Position::Oldest);
    let (seen, then) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!(
        text(&seen),
        "retry: 3000\n\
         id: 00000abc-1\ndata: plain\n\n\
         id: 00000abc-2\nevent: reading\ndata: one\ndata: two\ndata: \ndata: three\n\n\
         id: 00000abc-3\ndata: \n\n\
         id: 00000abc-4\nevent: blob;base64\ndata: AP8Q\n\n\
         id: 00000abc-5\nevent: message;base64\ndata: \n\n"
    );
    assert_eq!(then, BodyState::Wait(NOW + Duration::from_secs(15)));
}

#[test]
fn streaming_says_one_object_a_line() {
    let log =
        log(&[("", Encoding::Text, b"a \"quoted\" \\ line\r\n\t\x01\x7f"), ("Gr\u{fc}n", Encoding::Binary, b"ab")]);
    let mut reader = follow(StreamFormat::Ndjson, &log, Position::Oldest);
    let (seen, _) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!(
        text(&seen),
        "{\"after\":\"00000abc-0\"}\n\
         {\"id\":\"00000abc-1\",\"type\":\"message\",\"data\":\"a \\\"quoted\\\" \\\\ line\\r\\n\\t\\u0001\x7f\"}\n\
         {\"id\":\"00000abc-2\",\"type\":\"Gr\u{fc}n\",\"encoding\":\"base64\",\"data\":\"YWI=\"}\n"
    );
}

#[test]
fn a_gap_is_told_before_what_comes_after_it() {
    let log = log(&[("", Encoding::Text, b"x")]);
    let lost = Position::After(EventId { epoch: 1, seq: 9 });
    let (seen, _) = drain(&mut follow(StreamFormat::EventStream, &log, lost), &log, NOW, [4096]);
    assert_eq!(text(&seen), "retry: 3000\nid: 00000abc-0\nevent: gap\ndata: {}\n\nid: 00000abc-1\ndata: x\n\n");
    let (seen, _) = drain(&mut follow(StreamFormat::Ndjson, &log, lost), &log, NOW, [4096]);
    assert_eq!(
        text(&seen),
        "{\"gap\":{},\"after\":\"00000abc-0\"}\n{\"id\":\"00000abc-1\",\"type\":\"message\",\"data\":\"x\"}\n"
    );
}

#[test]
fn sse_sends_a_block_without_data_only_where_the_client_lacks_a_cursor() {
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
fn every_line_of_a_stream_is_json_and_keep_alives_carry_the_cursor() {
    let mut log = log(&[]);
    let mut reader = follow(StreamFormat::Ndjson, &log, Position::Newest).resumed(true);
    let (mut seen, _) = drain(&mut reader, &log, NOW, [4096]);
    log.append(EventType::MESSAGE, Encoding::Text, b"1").unwrap();
    let mut now = NOW;
    for _ in 0..3 {
        seen.extend(drain(&mut reader, &log, now, [4096]).0);
        now = now + Duration::from_secs(15);
    }
    let cursor = |seq| std::format!("{{\"after\":\"00000abc-{seq}\"}}\n");
    assert_eq!(text(&seen), [cursor(0), line(1), cursor(1), cursor(1)].concat());
}

/// A log of three slots, and a reader of it that has seen event 1 of 2.
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
fn a_live_reader_that_falls_behind_gets_what_its_policy_says() {
    let (log, mut reader) = behind(GapPolicy::Replay);
    let (seen, _) = drain(&mut reader, &log, NOW, [4096]);
    let gap = "{\"gap\":{\"missed\":2},\"after\":\"00000abc-3\"}\n";
    assert_eq!(text(&seen), [gap, &line(4), &line(5), &line(6)].concat());

    let (log, mut reader) = behind(GapPolicy::Latest);
    let (seen, _) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!(text(&seen), ["{\"gap\":{\"missed\":4},\"after\":\"00000abc-5\"}\n", &line(6)].concat());

    let (log, mut reader) = behind(GapPolicy::Disconnect);
    let (seen, then) = drain(&mut reader, &log, NOW, [4096]);
    assert_eq!((text(&seen), then), (gap, BodyState::End));
}

#[test]
fn an_event_that_is_overwritten_half_sent_aborts_at_every_byte_of_it() {
    let events = [("reading", Encoding::Text, &b"one\ntwo"[..])];
    let opening = b"retry: 3000\n";
    let (whole, _) =
        drain(&mut follow(StreamFormat::EventStream, &log(&events), Position::Oldest), &log(&events), NOW, [4096]);
    for cut in 1..whole.len() {
        let mut log = log(&events);
        let mut reader = follow(StreamFormat::EventStream, &log, Position::Oldest);
        let mut room = vec![0; cut];
        assert_eq!(reader.fill(&log, &mut room, NOW).state, BodyState::More);
        for _ in 0..64 {
            log.append(EventType::MESSAGE, Encoding::Text, b"new").unwrap();
        }
        let mut room = [0; 64];
        let filled = reader.fill(&log, &mut room, NOW);
        if cut > opening.len() {
            assert_eq!(filled, Fill { written: 0, state: BodyState::Abort }, "cut at {cut}");
        } else {
            assert_eq!(filled.state, BodyState::More, "cut at {cut}: nothing of the event had been sent");
        }
    }
}

#[test]
fn a_quiet_reader_is_kept_alive_and_a_busy_one_is_not_disturbed() {
    let mut log = log(&[]);
    let mut reader = follow(StreamFormat::EventStream, &log, Position::Newest);
    let (_, then) = drain(&mut reader, &log, NOW, [4096]);
    let first = NOW + Duration::from_secs(15);
    assert_eq!(then, BodyState::Wait(first));
    let early = NOW + Duration::from_secs(10);
    log.append(EventType::MESSAGE, Encoding::Text, b"x").unwrap();
    assert_eq!(drain(&mut reader, &log, early, [4096]).1, BodyState::Wait(early + Duration::from_secs(15)));
    assert_eq!(drain(&mut reader, &log, first, [4096]), (vec![], BodyState::Wait(early + Duration::from_secs(15))));
    let late = early + Duration::from_secs(15);
    let (seen, then) = drain(&mut reader, &log, late, [1; 9]);
    assert_eq!((&seen[..], then), (&b":\n"[..], BodyState::Wait(late + Duration::from_secs(15))));
}

#[test]
fn a_clock_that_jumps_back_or_stands_at_its_end_stops_nothing() {
    let log = log(&[("", Encoding::Text, b"x")]);
    let mut reader = follow(StreamFormat::Ndjson, &log, Position::Oldest);
    for now in [Instant::MAX, Instant::default(), Instant::MAX, NOW] {
        let mut room = [0; 256];
        let filled = reader.fill(&log, &mut room, now);
        assert!(matches!(filled.state, BodyState::Wait(_)) || filled.written == room.len(), "{now:?}: {filled:?}");
    }
}

#[test]
fn a_farewell_comes_behind_the_newest_event() {
    let log = log(&[("", Encoding::Text, b"first"), ("", Encoding::Text, b"second")]);
    let mut reader = follow(StreamFormat::EventStream, &log, Position::Oldest);
    let (mut seen, _) = drain(&mut reader, &log, NOW, [45]);
    reader.end(Duration::from_millis(4321));
    let (rest, then) = drain(&mut reader, &log, NOW, [4096]);
    seen.extend(rest);
    assert_eq!(
        text(&seen),
        "retry: 3000\nid: 00000abc-1\ndata: first\n\nid: 00000abc-2\ndata: second\n\nretry: 4321\n"
    );
    assert_eq!(then, BodyState::End);
}

fn poll_all(poll: &mut PollBody, log: &Log, size: usize) -> (Vec<u8>, BodyState) {
    let mut seen = Vec::new();
    loop {
        let mut room = vec![0; size];
        let filled = poll.fill(log, &mut room);
        seen.extend_from_slice(&room[..filled.written]);
        if filled.state != BodyState::More {
            return (seen, filled.state);
        }
    }
}

#[test]
fn a_poll_knows_its_length_and_tells_its_gap() {
    let log = log(&[("", Encoding::Text, b"a"), ("b", Encoding::Text, b"\"")]);
    let mut poll = PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &PollLimits::default());
    let body = "{\"events\":[{\"id\":\"00000abc-1\",\"type\":\"message\",\"data\":\"a\"},\
                {\"id\":\"00000abc-2\",\"type\":\"b\",\"data\":\"\\\"\"}],\"after\":\"00000abc-2\"}";
    assert_eq!(poll.length(), body.len() as u64);
    assert_eq!((text(&poll_all(&mut poll, &log, 7).0), poll.last().seq), (body, 2));

    let mut lost = PollBody::new(&log, log.seek(Position::Unknown, GapPolicy::Latest), &PollLimits::default());
    let (seen, then) = poll_all(&mut lost, &log, 4096);
    assert_eq!(
        (text(&seen), then),
        (
            "{\"gap\":{},\"events\":[{\"id\":\"00000abc-2\",\"type\":\"b\",\"data\":\"\\\"\"}],\"after\":\"00000abc-2\"}",
            BodyState::End
        )
    );
    assert_eq!(lost.length(), seen.len() as u64);
    let mut none = PollBody::new(&log, log.seek(Position::Newest, GapPolicy::Replay), &PollLimits::default());
    assert!(none.is_empty());
    assert_eq!(text(&poll_all(&mut none, &log, 1).0), "{\"events\":[],\"after\":\"00000abc-2\"}");
}

#[test]
fn a_poll_is_bounded_and_the_next_goes_on_where_it_ended() {
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
fn a_poll_whose_events_are_overwritten_meanwhile_aborts() {
    let mut log = log(&[("", Encoding::Text, b"a"), ("", Encoding::Text, b"b")]);
    let mut poll = PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &PollLimits::default());
    let mut room = [0; 20];
    assert_eq!(poll.fill(&log, &mut room).state, BodyState::More);
    for _ in 0..64 {
        log.append(EventType::MESSAGE, Encoding::Text, b"new").unwrap();
    }
    assert_eq!(poll.fill(&log, &mut [0; 999]), Fill { written: 0, state: BodyState::Abort });
}

fn messages(
    log: &Log,
    framing: Subprotocol,
    position: Position,
    size: usize,
) -> (Vec<(MessageKind, Vec<u8>)>, NextMessage) {
    let mut reader = EventMessages::new(framing, log, position, GapPolicy::Replay);
    let mut seen = Vec::new();
    loop {
        match reader.next(log) {
            NextMessage::Message(kind, length) => {
                let mut message = Vec::new();
                while (message.len() as u64) < length {
                    let mut room = vec![0; size.min(length as usize - message.len())];
                    let written = reader.fill(log, &mut room).unwrap();
                    assert!(written > 0);
                    message.extend_from_slice(&room[..written]);
                }
                seen.push((kind, message));
            }
            other => return (seen, other),
        }
    }
}

#[test]
fn messages_carry_the_data_or_the_envelope() {
    let log = log(&[("t", Encoding::Text, b"a\nb"), ("u", Encoding::Binary, b"\x00\n"), ("", Encoding::Text, b"")]);
    for size in [1, 2, 5, 4096] {
        let (seen, end) = messages(&log, Subprotocol::Plain, Position::Oldest, size);
        assert_eq!(end, NextMessage::Nothing);
        let plain = [
            (MessageKind::Text, b"a\nb".to_vec()),
            (MessageKind::Binary, b"\x00\n".to_vec()),
            (MessageKind::Text, vec![]),
        ];
        assert_eq!(seen, plain);
        let (seen, _) = messages(&log, Subprotocol::Envelope, Position::Unknown, size);
        let enveloped = [
            (MessageKind::Text, b"{\"gap\":{},\"after\":\"00000abc-0\"}".to_vec()),
            (MessageKind::Text, b"{\"id\":\"00000abc-1\",\"type\":\"t\",\"data\":\"a\\nb\"}".to_vec()),
            (MessageKind::Binary, b"{\"id\":\"00000abc-2\",\"type\":\"u\"}\n\x00\n".to_vec()),
            (MessageKind::Text, b"{\"id\":\"00000abc-3\",\"type\":\"message\",\"data\":\"\"}".to_vec()),
        ];
        assert_eq!(seen, enveloped);
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
    /// However short the rooms, every transport says the same bytes.
    #[test]
    fn any_rooms_give_the_same_bytes(
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
        let rooms = || sizes.iter().copied().cycle();
        let (whole, _) = drain(&mut follow(StreamFormat::EventStream, &log, Position::Oldest), &log, NOW, [1 << 20]);
        let (cut, _) = drain(&mut follow(StreamFormat::EventStream, &log, Position::Oldest), &log, NOW, rooms());
        prop_assert_eq!(&whole, &cut);
        let (whole, _) = drain(&mut follow(StreamFormat::Ndjson, &log, Position::Oldest), &log, NOW, [1 << 20]);
        let (cut, _) = drain(&mut follow(StreamFormat::Ndjson, &log, Position::Oldest), &log, NOW, rooms());
        prop_assert_eq!(&whole, &cut);
        let bounds = PollLimits { bytes: u64::MAX, ..PollLimits::default() };
        let poll = || PollBody::new(&log, log.seek(Position::Oldest, GapPolicy::Replay), &bounds);
        let (whole, _) = poll_all(&mut poll(), &log, 1 << 20);
        let (cut, _) = poll_all(&mut poll(), &log, sizes[0]);
        prop_assert_eq!(whole.len() as u64, poll().length());
        prop_assert_eq!(whole, cut);
    }
}
