use super::*;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const EPOCH: u32 = 0x0bad_cafe;

fn read(log: &EventLog<impl AsRef<[u8]> + AsMut<[u8]>>, after: u64) -> Option<(u64, String, Vec<u8>)> {
    let mut bytes = vec![0; 4096];
    match log.read_at(after, 0, &mut bytes) {
        ReadEvent::Event(EventChunk { meta, copied }) => {
            assert_eq!(copied, meta.type_len + meta.data_len);
            let name = String::from_utf8(bytes[..meta.type_len].to_vec()).unwrap();
            Some((meta.seq, name, bytes[meta.type_len..copied].to_vec()))
        }
        ReadEvent::Nothing | ReadEvent::Overwritten => None,
    }
}

fn after(seq: u64) -> Position {
    Position::After(EventId { epoch: EPOCH, seq })
}

/// A log of three slots with `count` one-byte events appended.
fn three_slots(count: u8) -> EventLog<[u8; 64]> {
    let mut log = EventLog::new([0; 64], 3, EPOCH).unwrap();
    for n in 0..count {
        log.append(EventType::MESSAGE, Encoding::Binary, &[n]).unwrap();
    }
    log
}

#[test]
fn a_cursor_within_the_log_continues_without_a_gap() {
    let log = three_slots(5); // keeps 3, 4, 5
    for seq in 2..=5 {
        assert_eq!(log.seek(after(seq), GapPolicy::Replay), Cursor { after: seq, gap: None });
    }
    assert_eq!(log.seek(Position::Oldest, GapPolicy::Latest), Cursor { after: 2, gap: None });
    assert_eq!(log.seek(Position::Newest, GapPolicy::Replay), Cursor { after: 5, gap: None });
}

#[test]
fn an_overwritten_cursor_gets_the_number_of_missed_events() {
    let log = three_slots(5);
    let missed = |n| Some(Gap { missed: Some(n) });
    assert_eq!(log.seek(after(0), GapPolicy::Replay), Cursor { after: 2, gap: missed(2) });
    assert_eq!(log.seek(after(1), GapPolicy::Disconnect), Cursor { after: 2, gap: missed(1) });
    assert_eq!(log.seek(after(1), GapPolicy::Latest), Cursor { after: 4, gap: missed(3) });
    assert_eq!(log.read_at(1, 0, &mut []), ReadEvent::Overwritten);
}

#[test]
fn an_unknown_cursor_is_a_gap_of_unknown_size() {
    let log = three_slots(5);
    let unknown = Some(Gap { missed: None });
    for position in [after(6), after(u64::MAX), Position::Unknown, Position::After(EventId { epoch: 1, seq: 4 })] {
        assert_eq!(log.seek(position, GapPolicy::Replay), Cursor { after: 2, gap: unknown });
        assert_eq!(log.seek(position, GapPolicy::Latest), Cursor { after: 4, gap: unknown });
    }
    let empty = three_slots(0);
    assert_eq!(empty.seek(Position::Unknown, GapPolicy::Latest), Cursor { after: 0, gap: unknown });
}

#[test]
fn an_event_that_does_not_fit_leaves_the_log_unchanged() {
    let mut log = three_slots(2);
    let largest = log.largest_event();
    assert_eq!(largest, 64 - 3 * SLOT_SIZE - RECORD_OVERHEAD);
    assert_eq!(log.append(EventType::MESSAGE, Encoding::Binary, &vec![0; largest + 1]), Err(AppendError::TooLarge));
    assert_eq!(log.append(EventType::MESSAGE, Encoding::Text, b"\xff"), Err(AppendError::NotUtf8));
    assert_eq!((log.kept(), log.newest()), (2, 2));
    assert!(log.append(EventType::MESSAGE, Encoding::Binary, &vec![7; largest]).is_ok());
    assert_eq!((log.kept(), read(&log, 2).unwrap().2), (1, vec![7; largest]));
}

#[test]
fn appending_after_the_last_sequence_number_fails() {
    let last = EventId { epoch: EPOCH, seq: u64::MAX - 1 };
    let mut log = EventLog::after([0; 64], 3, last).unwrap();
    let id = log.append(EventType::MESSAGE, Encoding::Text, b"end").unwrap();
    assert_eq!(id.seq, u64::MAX);
    assert_eq!(log.append(EventType::MESSAGE, Encoding::Text, b"past"), Err(AppendError::Exhausted));
    assert_eq!(read(&log, u64::MAX - 1).unwrap().2, b"end");
    assert_eq!(log.read_at(u64::MAX, 0, &mut []), ReadEvent::Nothing);
    assert_eq!(log.seek(Position::Oldest, GapPolicy::Replay).after, u64::MAX - 1);
}

#[test]
fn a_storage_that_is_too_small_is_refused() {
    assert_eq!(EventLog::new([0; 64], 0, 1).err(), Some(NewLogError::NoEvents));
    assert_eq!(EventLog::new([0; 18], 3, 1).err(), Some(NewLogError::StorageSize));
    assert_eq!(EventLog::new([0; 0], 1, 1).err(), Some(NewLogError::StorageSize));
    assert_eq!(EventLog::new([0; 64], usize::MAX, 1).err(), Some(NewLogError::StorageSize));
    assert!(EventLog::new([0; 19], 3, 1).is_ok());
}

#[test]
fn read_at_copies_from_any_offset() {
    let mut log = EventLog::new([0; 64], 2, EPOCH).unwrap();
    log.append(EventType::new("ab").unwrap(), Encoding::Text, b"cdef").unwrap();
    for offset in 0..9 {
        let mut bytes = [0; 3];
        let ReadEvent::Event(seen) = log.read_at(0, offset, &mut bytes) else { panic!() };
        let whole = &b"abcdef"[offset.min(6)..];
        assert_eq!(&bytes[..seen.copied], &whole[..whole.len().min(3)]);
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::char::range('a', 'f'), 0..6).prop_map(String::from_iter)
}

proptest! {
    /// The ring equals a vector of all events without those for which the ring has no space.
    #[test]
    fn the_ring_agrees_with_a_vector(
        size in 20usize..300,
        slots in 1usize..9,
        start in prop_oneof![Just(0u64), any::<u32>().prop_map(u64::from), Just(u64::MAX - 1000)],
        appends in prop::collection::vec((0usize..80, name(), any::<bool>()), 0..120),
    ) {
        let Ok(mut log) = EventLog::after(vec![0; size], slots, EventId { epoch: EPOCH, seq: start }) else {
            return Ok(());
        };
        let mut model: Vec<(u64, String, Vec<u8>)> = Vec::new();
        for (n, (len, name, binary)) in appends.iter().enumerate() {
            let data = vec![n as u8 & 0x7f; *len];
            let encoding = if *binary { Encoding::Binary } else { Encoding::Text };
            match log.append(EventType::new(name).unwrap(), encoding, &data) {
                Ok(id) => {
                    prop_assert_eq!(id.seq, start + model.len() as u64 + 1);
                    model.push((id.seq, name.to_string(), data));
                }
                Err(error) => {
                    prop_assert_eq!(error, AppendError::TooLarge);
                    prop_assert!(name.len() + len > log.largest_event());
                }
            }
            prop_assert!(log.kept() <= slots);
            prop_assert!(log.kept() >= usize::from(!model.is_empty()));
            let kept = &model[model.len() - log.kept()..];
            for (seq, name, data) in kept {
                prop_assert_eq!(read(&log, seq - 1), Some((*seq, name.clone(), data.clone())));
            }
            if let Some((seq, ..)) = model.len().checked_sub(log.kept() + 1).and_then(|last| model.get(last)) {
                prop_assert_eq!(log.read_at(seq - 1, 0, &mut []), ReadEvent::Overwritten);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_log_has_room_exactly_where_appending_overwrites_nothing(
        sizes in prop::collection::vec(0usize..60, 0..60), next in 0usize..60, slots in 1usize..12, behind in 0u64..14,
    ) {
        let mut log = EventLog::new(vec![0; 150 + 4 * slots], slots, EPOCH).unwrap();
        let data = [7; 60];
        for size in sizes {
            log.append(EventType::MESSAGE, Encoding::Binary, &data[..size]).unwrap();
        }
        let after = log.newest().saturating_sub(behind);
        let kept_before = after.max(log.before_oldest());
        let has_room = log.has_space(after, EventType::MESSAGE.as_str().len() + next);
        log.append(EventType::MESSAGE, Encoding::Binary, &data[..next]).unwrap();
        prop_assert_eq!(has_room, log.before_oldest() <= kept_before);
    }

    #[test]
    fn a_copy_that_is_brought_up_to_date_event_by_event_is_the_log(
        sizes in prop::collection::vec(0usize..60, 1..60), from in 0usize..60,
    ) {
        let mut log = EventLog::new(vec![0; 190], 10, EPOCH).unwrap();
        let data = [7; 60];
        let mut copy = log.clone();
        for (number, size) in sizes.iter().enumerate() {
            log.append(EventType::MESSAGE, Encoding::Binary, &data[..*size]).unwrap();
            if number < from {
                prop_assert!(copy.append_next_of(&log));
            }
        }
        while copy.append_next_of(&log) {}
        if copy.newest() == log.newest() {
            prop_assert_eq!(copy.storage.len(), log.storage.len());
            for seq in 0..=log.newest() + 1 {
                prop_assert_eq!(copy.event(seq), log.event(seq));
            }
        } else {
            prop_assert!(copy.newest() < log.before_oldest(), "the next event has been overwritten");
        }
    }
}
