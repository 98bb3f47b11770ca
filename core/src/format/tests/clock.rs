//! Clocks that jump, and the last instant.

use super::*;

/// Fills a buffer at `now`: how many bytes were written, and the deadline.
fn fill(follow: &mut StreamBody, log: &Log, now: u64) -> (usize, Option<u64>) {
    let mut buffer = [0; 64];
    let outcome = follow.fill(log, &mut buffer, Instant::from_millis(now));
    match outcome.state {
        BodyState::Wait(deadline) => (outcome.written, Some(deadline.as_millis())),
        _ => (outcome.written, None),
    }
}

/// Bytes of a line with the cursor alone.
const KEEP_ALIVE: usize = "{\"after\":\"00000abc-0\"}\n".len();

/// A log without events, and a body of it that has written its first line.
fn quiet(keep_alive: Duration, now: u64) -> (StreamBody, Log) {
    let log = log(&[]);
    let timers = StreamTimers { keep_alive, ..StreamTimers::default() };
    let mut follow = StreamBody::new(
        StreamFormat::Ndjson,
        &log,
        Position::Newest,
        GapPolicy::Replay,
        timers,
        Instant::from_millis(now),
    );
    assert_eq!(fill(&mut follow, &log, now).0, KEEP_ALIVE);
    (follow, log)
}

#[test]
fn a_clock_set_back_does_not_delay_the_keep_alive() {
    let (mut follow, log) = quiet(Duration::from_millis(100), 1_000_000);
    assert_eq!(fill(&mut follow, &log, 1_000_000), (0, Some(1_000_100)));
    assert_eq!(fill(&mut follow, &log, 5), (0, Some(105)));
    assert_eq!(fill(&mut follow, &log, 105), (KEEP_ALIVE, Some(205)));
}

#[test]
fn a_clock_set_forward_causes_one_keep_alive() {
    let (mut follow, log) = quiet(Duration::from_millis(100), 0);
    assert_eq!(fill(&mut follow, &log, 1 << 60), (KEEP_ALIVE, Some((1 << 60) + 100)));
    assert_eq!(fill(&mut follow, &log, 1 << 60), (0, Some((1 << 60) + 100)));
}

#[test]
fn at_the_last_instant_a_stream_waits_for_the_log_alone() {
    for now in [u64::MAX - 1, u64::MAX] {
        let (mut follow, mut log) = quiet(Duration::from_secs(15), now);
        assert_eq!(fill(&mut follow, &log, now), (0, Some(u64::MAX)));
        log.append(EventType::MESSAGE, Encoding::Text, b"x").unwrap();
        let (written, state) = fill(&mut follow, &log, now);
        assert!(written > 0);
        assert_eq!(state, Some(u64::MAX));
    }
}

#[test]
fn keep_alives_of_any_interval_work() {
    let (mut follow, log) = quiet(Duration::ZERO, 7);
    assert_eq!(fill(&mut follow, &log, 7), (0, Some(8)));
    assert_eq!(fill(&mut follow, &log, 8), (KEEP_ALIVE, Some(9)));
    let (mut follow, log) = quiet(Duration::MAX, 7);
    assert_eq!(fill(&mut follow, &log, 7), (0, Some(u64::MAX)));
    assert_eq!(fill(&mut follow, &log, u64::MAX - 1), (0, Some(u64::MAX)));
}

#[test]
fn the_longest_reconnection_time_ends_the_stream() {
    let log = log(&[]);
    let mut follow = follow(StreamFormat::EventStream, &log, Position::Newest);
    follow.end(Duration::MAX);
    let (written_bytes, state) = drain(&mut follow, &log, NOW, [4096]);
    assert_eq!(state, BodyState::End);
    assert!(text(&written_bytes).contains("retry: 18446744073709551615\n"), "{}", text(&written_bytes));
}

#[test]
fn the_last_events_of_an_epoch_are_sent_on_all_transports() {
    let last = EventId { epoch: EPOCH, seq: u64::MAX - 2 };
    let mut log = EventLog::after(vec![0; 1024], 8, last).unwrap();
    for data in [b"a", b"b"] {
        log.append(EventType::MESSAGE, Encoding::Text, data).unwrap();
    }
    let end = "00000abc-18446744073709551615";
    let (written_bytes, state) =
        drain(&mut follow(StreamFormat::Ndjson, &log, Position::Oldest), &log, NOW, [4096, 4096]);
    assert!(matches!(state, BodyState::Wait(_)));
    assert_eq!(text(&written_bytes).lines().filter(|line| line.contains("data")).count(), 2);
    assert!(text(&written_bytes).contains(end));
    let (written_bytes, _) =
        drain(&mut follow(StreamFormat::EventStream, &log, Position::Oldest), &log, NOW, [4096, 4096]);
    assert!(
        text(&written_bytes).contains(&std::format!("id: {end}\n"))
            || text(&written_bytes).contains(&std::format!("id:{end}\n"))
    );
    let cursor = log.seek(Position::Oldest, GapPolicy::Replay);
    let mut poll = PollBody::new(&log, cursor, &PollLimits::default());
    let mut buffer = [0; 4096];
    let outcome = poll.fill(&log, &mut buffer);
    assert_eq!((outcome.state, poll.last().seq), (BodyState::End, u64::MAX));
    let mut messages = EventMessages::new(Subprotocol::Plain, &log, Position::Oldest, GapPolicy::Replay);
    for _ in 0..2 {
        assert_eq!(messages.next(&log), NextMessage::Message(MessageKind::Text, 1));
        assert_eq!(messages.fill(&log, &mut buffer), Ok(1));
    }
    assert_eq!((messages.next(&log), messages.after()), (NextMessage::Nothing, u64::MAX));
}
