//! Clocks that jump, and the end of time.

use super::*;

/// Fills a room at `now`: what was said, and when there is more.
fn fill(follow: &mut StreamBody, log: &Log, now: u64) -> (usize, Option<u64>) {
    let mut room = [0; 64];
    let filled = follow.fill(log, &mut room, Instant::from_millis(now));
    match filled.state {
        BodyState::Wait(deadline) => (filled.written, Some(deadline.as_millis())),
        _ => (filled.written, None),
    }
}

/// Bytes of a line that carries the cursor alone.
const KEEP_ALIVE: usize = "{\"after\":\"00000abc-0\"}\n".len();

/// A log without events and a reader of it, which has said its first line.
fn quiet(keep_alive: Duration, now: u64) -> (StreamBody, Log) {
    let log = log(&[]);
    let pace = StreamTimers { keep_alive, ..StreamTimers::default() };
    let mut follow = StreamBody::new(
        StreamFormat::Ndjson,
        &log,
        Position::Newest,
        GapPolicy::Replay,
        pace,
        Instant::from_millis(now),
    );
    assert_eq!(fill(&mut follow, &log, now).0, KEEP_ALIVE);
    (follow, log)
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting_longer() {
    let (mut follow, log) = quiet(Duration::from_millis(100), 1_000_000);
    assert_eq!(fill(&mut follow, &log, 1_000_000), (0, Some(1_000_100)));
    assert_eq!(fill(&mut follow, &log, 5), (0, Some(105)));
    assert_eq!(fill(&mut follow, &log, 105), (KEEP_ALIVE, Some(205)));
}

#[test]
fn a_clock_that_is_set_forward_costs_one_keep_alive() {
    let (mut follow, log) = quiet(Duration::from_millis(100), 0);
    assert_eq!(fill(&mut follow, &log, 1 << 60), (KEEP_ALIVE, Some((1 << 60) + 100)));
    assert_eq!(fill(&mut follow, &log, 1 << 60), (0, Some((1 << 60) + 100)));
}

#[test]
fn at_the_end_of_time_it_waits_for_the_log_alone() {
    for now in [u64::MAX - 1, u64::MAX] {
        let (mut follow, mut log) = quiet(Duration::from_secs(15), now);
        assert_eq!(fill(&mut follow, &log, now), (0, Some(u64::MAX)));
        log.append(EventType::MESSAGE, Encoding::Text, b"x").unwrap();
        let (written, then) = fill(&mut follow, &log, now);
        assert!(written > 0);
        assert_eq!(then, Some(u64::MAX));
    }
}

#[test]
fn no_pace_is_too_fast_or_too_slow() {
    let (mut follow, log) = quiet(Duration::ZERO, 7);
    assert_eq!(fill(&mut follow, &log, 7), (0, Some(8)));
    assert_eq!(fill(&mut follow, &log, 8), (KEEP_ALIVE, Some(9)));
    let (mut follow, log) = quiet(Duration::MAX, 7);
    assert_eq!(fill(&mut follow, &log, 7), (0, Some(u64::MAX)));
    assert_eq!(fill(&mut follow, &log, u64::MAX - 1), (0, Some(u64::MAX)));
}

#[test]
fn the_longest_reconnection_time_is_said_and_ends_the_stream() {
    let log = log(&[]);
    let mut follow = follow(StreamFormat::EventStream, &log, Position::Newest);
    follow.end(Duration::MAX);
    let (seen, then) = drain(&mut follow, &log, NOW, [4096]);
    assert_eq!(then, BodyState::End);
    assert!(text(&seen).contains("retry: 18446744073709551615\n"), "{}", text(&seen));
}

#[test]
fn the_last_events_of_an_epoch_are_told_on_every_transport() {
    let last = EventId { epoch: EPOCH, seq: u64::MAX - 2 };
    let mut log = EventLog::after(vec![0; 1024], 8, last).unwrap();
    for data in [b"a", b"b"] {
        log.append(EventType::MESSAGE, Encoding::Text, data).unwrap();
    }
    let end = "00000abc-18446744073709551615";
    let (seen, then) = drain(&mut follow(StreamFormat::Ndjson, &log, Position::Oldest), &log, NOW, [4096, 4096]);
    assert!(matches!(then, BodyState::Wait(_)));
    assert_eq!(text(&seen).lines().filter(|line| line.contains("data")).count(), 2);
    assert!(text(&seen).contains(end));
    let (seen, _) = drain(&mut follow(StreamFormat::EventStream, &log, Position::Oldest), &log, NOW, [4096, 4096]);
    assert!(text(&seen).contains(&std::format!("id: {end}\n")) || text(&seen).contains(&std::format!("id:{end}\n")));
    let placed = log.seek(Position::Oldest, GapPolicy::Replay);
    let mut poll = PollBody::new(&log, placed, &PollLimits::default());
    let mut room = [0; 4096];
    let filled = poll.fill(&log, &mut room);
    assert_eq!((filled.state, poll.last().seq), (BodyState::End, u64::MAX));
    let mut messages = EventMessages::new(Subprotocol::Plain, &log, Position::Oldest, GapPolicy::Replay);
    for _ in 0..2 {
        assert_eq!(messages.next(&log), NextMessage::Message(MessageKind::Text, 1));
        assert_eq!(messages.fill(&log, &mut room), Ok(1));
    }
    assert_eq!((messages.next(&log), messages.after()), (NextMessage::Nothing, u64::MAX));
}
