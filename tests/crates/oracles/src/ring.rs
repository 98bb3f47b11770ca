//! The log and its cursors beside a vector of all events.

use arbitrary::Arbitrary;
use goldcrest_core::log::{
    AppendError, Cursor, Encoding, EventChunk, EventId, EventLog, EventMeta, EventType, Gap, GapPolicy,
    IdempotencyKeys, KeyDigest, LogReader, Lookup, NewLogError, Position, RECORD_OVERHEAD, ReadEvent, SLOT_SIZE,
};

use crate::Steps;

const EPOCH: u32 = 0x0bad_cafe;
/// How many idempotency keys are remembered.
const KEYS: usize = 3;

/// A log and the operations on it.
#[derive(Clone, Debug, Arbitrary)]
pub struct Ring {
    /// Bytes of the storage.
    pub size: u16,
    /// Events kept at most.
    pub slots: u8,
    /// Which sequence number the first event follows.
    pub start: Start,
    /// An operation.
    pub steps: Steps<RingStep>,
}

/// Where the sequence numbers start.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Start {
    /// As in a log that is born.
    Zero,
    /// Somewhere.
    After(u64),
    /// So many before 2^32.
    Before32(u8),
    /// So many before the last one.
    BeforeEnd(u8),
}

impl Start {
    /// The number that the first event follows.
    pub fn seq(self) -> u64 {
        match self {
            Self::Zero => 0,
            Self::After(seq) => seq,
            Self::Before32(count) => (1 << 32) - u64::from(count),
            Self::BeforeEnd(count) => u64::MAX - u64::from(count),
        }
    }
}

/// A thing done to the log.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum RingStep {
    /// An event of `length` bytes `byte` and a type of so many letters is appended.
    Append {
        /// Letters of its type.
        event_type: u8,
        /// Bytes of its data.
        length: u16,
        /// Each of them.
        byte: u8,
        /// Whether it is said to be text.
        text: bool,
        /// Its idempotency key, if any.
        key: Option<u8>,
        /// The client whose key it is.
        client: u8,
        /// With a known key, the content that this key had.
        again: bool,
    },
    /// A look at the event behind `after`.
    Look {
        /// The sequence number before it.
        after: Pick,
        /// From where in the event.
        offset: u16,
        /// Into so many bytes.
        room: u8,
    },
    /// A reader is placed.
    Place {
        /// Where it wants to start.
        at: Where,
        /// By which policy.
        policy: Policy,
    },
}

/// A sequence number.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Pick {
    /// So many before the newest.
    Back(u8),
    /// So many after it.
    Ahead(u8),
    /// Any.
    Any(u64),
}

/// A position.
#[derive(Clone, Copy, Debug, Arbitrary)]
#[expect(missing_docs, reason = "they are those of `Position`")]
pub enum Where {
    Oldest,
    Newest,
    Lost,
    After(Pick),
    OtherEpoch(Pick),
}

/// A gap policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
#[expect(missing_docs, reason = "they are those of `GapPolicy`")]
pub enum Policy {
    Replay,
    Latest,
    Disconnect,
}

impl From<Policy> for GapPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Replay => Self::Replay,
            Policy::Latest => Self::Latest,
            Policy::Disconnect => Self::Disconnect,
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Event {
    name: String,
    data: Vec<u8>,
    encoding: Encoding,
}

impl Event {
    fn size(&self) -> usize {
        RECORD_OVERHEAD + self.name.len() + self.data.len()
    }
}

/// A key that is remembered.
struct KnownKey {
    key: u8,
    client: u8,
    event: Event,
    seq: u64,
}

/// All events that ever were, and how many of them the log says that it keeps.
struct Model {
    start: u64,
    ring: usize,
    slots: usize,
    events: Vec<Event>,
    keys: Vec<KnownKey>,
    kept: usize,
}

impl Model {
    /// Remembers a key; past [`KEYS`] the client with the most keys loses its oldest, the new key counted.
    fn remember(&mut self, new: KnownKey) {
        if self.keys.len() == KEYS {
            let held = |client| {
                self.keys.iter().filter(|known| known.client == client).count() + usize::from(client == new.client)
            };
            let most = self.keys.iter().map(|known| held(known.client)).max();
            let evicted = self.keys.iter().position(|known| Some(held(known.client)) == most);
            self.keys.remove(evicted.expect("a key"));
        }
        self.keys.push(new);
    }

    fn newest(&self) -> u64 {
        self.start + self.events.len() as u64
    }

    fn before_oldest(&self) -> u64 {
        self.newest() - self.kept as u64
    }

    fn pick(&self, pick: Pick) -> u64 {
        match pick {
            Pick::Back(count) => self.newest().saturating_sub(count.into()),
            Pick::Ahead(count) => self.newest().saturating_add(count.into()),
            Pick::Any(seq) => seq,
        }
    }

    /// The log keeps the newest events that fit, and evicts no others.
    fn judge_kept(&mut self, kept: usize) {
        self.kept = kept;
        assert!(kept <= self.slots && kept <= self.events.len());
        let last = |count: usize| self.events[self.events.len() - count..].iter().map(Event::size);
        assert!(last(kept).sum::<usize>() <= self.ring, "more is kept than there is room for");
        for count in 1..=self.slots.min(self.events.len()) {
            // At the seam, less than the largest of them is lost.
            let needed = last(count).sum::<usize>() + last(count).max().unwrap_or(0) - 1;
            if needed > self.ring {
                break;
            }
            assert!(kept >= count, "{count} events fit, and {kept} are kept");
        }
    }

    fn look(&self, after: u64, offset: usize, room: usize) -> (ReadEvent, Vec<u8>) {
        if after >= self.newest() {
            return (ReadEvent::Nothing, vec![]);
        }
        if after < self.before_oldest() {
            return (ReadEvent::Overwritten, vec![]);
        }
        let event = &self.events[(after - self.start) as usize];
        let whole = [event.name.as_bytes(), &event.data].concat();
        let seen: Vec<u8> = whole.iter().skip(offset).take(room).copied().collect();
        let (type_len, data_len) = (event.name.len(), event.data.len());
        let meta = EventMeta { seq: after + 1, type_len, data_len, encoding: event.encoding };
        (ReadEvent::Event(EventChunk { meta, copied: seen.len() }), seen)
    }

    /// The start position of a reader, as the policies define it.
    fn place(&self, position: Position, policy: Policy) -> Cursor {
        let lost = if policy == Policy::Latest && self.kept > 0 { self.newest() - 1 } else { self.before_oldest() };
        match position {
            Position::Oldest => Cursor { after: self.before_oldest(), gap: None },
            Position::Newest => Cursor { after: self.newest(), gap: None },
            Position::After(id) if id.epoch == EPOCH && id.seq <= self.newest() => {
                if id.seq >= self.before_oldest() {
                    Cursor { after: id.seq, gap: None }
                } else {
                    Cursor { after: lost, gap: Some(Gap { missed: Some(lost - id.seq) }) }
                }
            }
            Position::After(_) | Position::Unknown => Cursor { after: lost, gap: Some(Gap { missed: None }) },
        }
    }
}

/// Does everything to a log and to the model, and compares after each step.
pub fn agrees_with_a_vector(ring: &Ring) {
    let (size, slots) = (usize::from(ring.size % 2048), usize::from(ring.slots));
    let start = ring.start.seq();
    let room =
        (slots > 0).then(|| size.checked_sub(slots * SLOT_SIZE)).flatten().filter(|room| *room > RECORD_OVERHEAD);
    let mut log = match EventLog::after(vec![0xa5; size], slots, EventId { epoch: EPOCH, seq: start }) {
        Ok(log) => log,
        Err(error) => {
            assert_eq!(error, if slots == 0 { NewLogError::NoEvents } else { NewLogError::StorageSize });
            assert_eq!(room, None);
            return;
        }
    };
    let room = room.expect("a log that was made has room");
    let mut model = Model { start, ring: room, slots, events: vec![], keys: vec![], kept: 0 };
    let mut keys = IdempotencyKeys::<KEYS>::default();
    for step in &ring.steps.0 {
        match *step {
            RingStep::Append { event_type, length, byte, text, key, client, again } => {
                let key = key.map(|key| key % 8);
                let known = model.keys.iter().find(|known| again && Some(known.key) == key);
                let event = known.map(|known| known.event.clone()).unwrap_or_else(|| Event {
                    name: "t".repeat((event_type % 65).into()),
                    data: vec![byte; usize::from(length) % (room + 8)],
                    encoding: if text { Encoding::Text } else { Encoding::Binary },
                });
                let event_type = EventType::new(&event.name).unwrap();
                let digest = key.map(|key| KeyDigest::new(&[key], event_type, event.encoding, &event.data));
                if let Some(key) = key {
                    let found = model.keys.iter().find(|known| known.key == key);
                    let expected = match found {
                        None => Lookup::New,
                        Some(known) if known.event == event => Lookup::Known(known.seq),
                        Some(_) => Lookup::Conflict,
                    };
                    assert_eq!(digest.map(|digest| keys.lookup(digest)), Some(expected));
                    if found.is_some() {
                        continue;
                    }
                }
                let expected = if event.size() > room {
                    Err(AppendError::TooLarge)
                } else if text && !byte.is_ascii() && !event.data.is_empty() {
                    Err(AppendError::NotUtf8)
                } else {
                    let seq = model.newest().checked_add(1).ok_or(AppendError::Exhausted);
                    seq.map(|seq| EventId { epoch: EPOCH, seq })
                };
                let id = log.append(event_type, event.encoding, &event.data);
                assert_eq!(id, expected);
                if let Ok(id) = id {
                    if let (Some(key), Some(digest)) = (key, digest) {
                        let client = client % 3;
                        keys.remember(digest, client.into(), id.seq);
                        model.remember(KnownKey { key, client, event: event.clone(), seq: id.seq });
                    }
                    model.events.push(event);
                }
                model.judge_kept(log.kept());
            }
            RingStep::Look { after, offset, room } => {
                let after = model.pick(after);
                let mut seen = vec![0; room.into()];
                let look = log.read_at(after, offset.into(), &mut seen);
                let (expected, bytes) = model.look(after, offset.into(), room.into());
                assert_eq!(look, expected);
                assert_eq!(&seen[..bytes.len()], bytes);
            }
            RingStep::Place { at, policy } => {
                let id = |epoch, pick| Position::After(EventId { epoch, seq: model.pick(pick) });
                let position = match at {
                    Where::Oldest => Position::Oldest,
                    Where::Newest => Position::Newest,
                    Where::Lost => Position::Unknown,
                    Where::After(pick) => id(EPOCH, pick),
                    Where::OtherEpoch(pick) => id(!EPOCH, pick),
                };
                assert_eq!(log.seek(position, policy.into()), model.place(position, policy), "{position:?}");
            }
        }
        assert_eq!((log.epoch(), log.newest(), log.before_oldest()), (EPOCH, model.newest(), model.before_oldest()));
    }
    // In the end everything that is kept reads as it was appended, and nothing else is there.
    let mut all = vec![0; 4096];
    for after in model.before_oldest().saturating_sub(2)..=model.newest() {
        let look = log.read_at(after, 0, &mut all);
        let (expected, bytes) = model.look(after, 0, all.len());
        assert_eq!(look, expected);
        assert_eq!(&all[..bytes.len()], bytes);
    }
}
