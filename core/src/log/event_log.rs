//! The ring.

use core::fmt;

use super::{
    Cursor, Encoding, EventChunk, EventId, EventMeta, EventType, Gap, GapPolicy, LogReader, MAX_EVENT_TYPE, Position,
    ReadEvent,
};

/// Bytes of the storage that each slot takes, one for each event that may be kept.
pub const SLOT_SIZE: usize = 4;

/// Bytes of storage for each slot, where the number of slots is not given: an event of 22 bytes, its overhead and its slot.
pub const BYTES_PER_SLOT: usize = 32;

/// Bytes of the storage that each event takes beside its type and its data.
pub const RECORD_OVERHEAD: usize = 6;

/// A ring of events in the caller's storage: an array on a chip, a boxed slice on a host.
///
/// The storage holds the records and, at its end, a table of slots that finds an event by its number at once:
/// ```text
/// ┌─ ring: record │ record │ … ────────────────────────────┬─ slots: 4 bytes each ─┐
/// │ type_len:1 encoding:1 data_len:4 │ type │ data          │ offset of seq mod n   │
/// └─────────────────────────────────────────────────────────┴──────────────────────┘
/// ```
/// A record never wraps: one that does not fit before the end of the ring starts at 0. A new event overwrites the oldest ones, as
/// many as it needs.
#[derive(Clone, Debug)]
pub struct EventLog<S> {
    storage: S,
    /// The length of the ring, after which the slots begin. Invariant: `ring + slots * SLOT_SIZE <= storage.len()`.
    ring: usize,
    slots: usize,
    /// The offset of the next record. With `kept > 0`, one at or below the offset of the oldest record means that the ring has wrapped.
    head: usize,
    epoch: u32,
    newest: u64,
    kept: usize,
}

/// Why a storage cannot hold a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLogError {
    /// At least one event must be kept.
    NoEvents,
    /// The slots leave no room for one event, or the ring is larger than 4 GiB.
    StorageSize,
}

impl fmt::Display for NewLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEvents => "a log keeps at least one event",
            Self::StorageSize => "the storage of a log holds its slots and at least one event, in at most 4 GiB",
        })
    }
}

impl core::error::Error for NewLogError {}

/// Why an event was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Type and data are larger than [`EventLog::largest_event`].
    TooLarge,
    /// The text is not UTF-8.
    NotUtf8,
    /// All sequence numbers of this epoch have been used.
    Exhausted,
}

impl AppendError {
    /// The reason as a text for a response.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "the event is larger than the log",
            Self::NotUtf8 => "the text is not UTF-8",
            Self::Exhausted => "the sequence numbers of this epoch are used up",
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl core::error::Error for AppendError {}

impl<S: AsRef<[u8]> + AsMut<[u8]>> EventLog<S> {
    /// An empty log of at most `events` events.
    ///
    /// # Errors
    /// [`NewLogError`]: `storage` is too small for `events` slots and one event.
    pub fn new(storage: S, events: usize, epoch: u32) -> Result<Self, NewLogError> {
        Self::after(storage, events, EventId { epoch, seq: 0 })
    }

    /// An empty log that uses all of `storage`: one slot for each [`BYTES_PER_SLOT`] bytes, and at least one. Storage that holds no
    /// event, of up to [`SLOT_SIZE`] + [`RECORD_OVERHEAD`] bytes, makes a log that takes none ([`AppendError::TooLarge`]).
    pub(crate) fn filling(storage: S) -> Self {
        let size = storage.as_ref().len();
        let slots = (size / BYTES_PER_SLOT).max(1);
        let ring = slots.checked_mul(SLOT_SIZE).and_then(|slots| size.checked_sub(slots));
        let ring = ring.filter(|ring| *ring > RECORD_OVERHEAD).unwrap_or_default().min(u32::MAX as usize);
        Self { storage, ring, slots, head: 0, epoch: 0, newest: 0, kept: 0 }
    }

    /// Sets the epoch of a log that has none: one that is empty, with the epoch 0.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        if self.epoch == 0 && self.newest == 0 {
            self.epoch = epoch;
        }
    }

    /// An empty log whose first event follows `last`: a mirror of another log, or the continuation of one after a restart.
    ///
    /// # Errors
    /// As [`EventLog::new`].
    pub fn after(storage: S, events: usize, last: EventId) -> Result<Self, NewLogError> {
        if events == 0 {
            return Err(NewLogError::NoEvents);
        }
        let size = storage.as_ref().len();
        let ring = events
            .checked_mul(SLOT_SIZE)
            .and_then(|slots| size.checked_sub(slots))
            .filter(|ring| *ring > RECORD_OVERHEAD && u32::try_from(*ring).is_ok())
            .ok_or(NewLogError::StorageSize)?;
        Ok(Self { storage, ring, slots: events, head: 0, epoch: last.epoch, newest: last.seq, kept: 0 })
    }

    /// Appends an event and returns its id. It overwrites the oldest events.
    ///
    /// # Errors
    /// [`AppendError`]; the log is unchanged.
    pub fn append(
        &mut self,
        event_type: EventType<'_>,
        encoding: Encoding,
        data: &[u8],
    ) -> Result<EventId, AppendError> {
        let event_type = event_type.as_str().as_bytes();
        let size = RECORD_OVERHEAD.saturating_add(event_type.len()).saturating_add(data.len());
        if size > self.ring {
            return Err(AppendError::TooLarge);
        }
        if encoding == Encoding::Text && core::str::from_utf8(data).is_err() {
            return Err(AppendError::NotUtf8);
        }
        let seq = self.newest.checked_add(1).ok_or(AppendError::Exhausted)?;
        self.store(seq, size, event_type, encoding, data);
        Ok(EventId { epoch: self.epoch, seq })
    }

    /// Appends the event of `other` that follows the newest event of this log, to bring a copy of another log up to date. Returns
    /// `false` if `other` does not have that event, or it is too large for this log.
    pub fn append_next_of<T: AsRef<[u8]> + AsMut<[u8]>>(&mut self, other: &EventLog<T>) -> bool {
        let seq = self.newest.saturating_add(1);
        let Some((meta, bytes)) = other.event(seq) else { return false };
        let size = RECORD_OVERHEAD.saturating_add(bytes.len());
        let Some((event_type, data)) = bytes.split_at_checked(meta.type_len).filter(|_| size <= self.ring) else {
            return false;
        };
        self.store(seq, size, event_type, meta.encoding, data);
        true
    }

    fn store(&mut self, seq: u64, size: usize, event_type: &[u8], encoding: Encoding, data: &[u8]) {
        let at = self.free_space(size);
        self.write_record(at, event_type, encoding, data);
        self.set_offset(seq, at);
        self.head = at.saturating_add(size);
        self.newest = seq;
        self.kept = self.kept.saturating_add(1);
    }

    /// The most bytes that type and data of one event may have together.
    pub fn largest_event(&self) -> usize {
        self.ring.saturating_sub(RECORD_OVERHEAD)
    }

    /// The number of events in the log.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// The bytes of the ring from the oldest event to the newest: their types, data and overheads, and the unused end of the ring
    /// between them.
    pub fn used_bytes(&self) -> usize {
        if self.kept == 0 {
            return 0;
        }
        let tail = self.offset(self.before_oldest().saturating_add(1));
        let wrapped = if self.head > tail { 0 } else { self.ring };
        self.head.saturating_add(wrapped).saturating_sub(tail)
    }

    /// The id of the newest event; sequence number 0 where there is none yet.
    pub fn newest_id(&self) -> EventId {
        EventId { epoch: self.epoch, seq: self.newest }
    }

    /// The sequence number before the oldest event in the log.
    pub fn before_oldest(&self) -> u64 {
        self.newest.saturating_sub(self.kept as u64)
    }

    /// Whether an event of `size` bytes of type and data can be appended without overwriting one after sequence number `after`.
    pub fn has_space(&self, after: u64, size: usize) -> bool {
        let unread = usize::try_from(self.newest.saturating_sub(after)).unwrap_or(usize::MAX).min(self.kept);
        unread == 0 || self.free_space_beside(unread, size.saturating_add(RECORD_OVERHEAD)).is_some()
    }

    /// The event with this sequence number, if it is in the log: its metadata, and its type and data as one slice.
    pub fn event(&self, seq: u64) -> Option<(EventMeta, &[u8])> {
        if seq > self.newest || seq <= self.before_oldest() { None } else { self.record(seq) }
    }

    /// Evicts events until `size` contiguous bytes are free, and returns their offset. `size` is at most the length of the ring.
    fn free_space(&mut self, size: usize) -> usize {
        while self.kept > 0 {
            if let Some(at) = self.free_space_beside(self.kept, size) {
                return at;
            }
            self.kept -= 1;
        }
        0
    }

    /// The offset of `size` contiguous free bytes beside the newest `kept` events, of which there is at least one.
    fn free_space_beside(&self, kept: usize, size: usize) -> Option<usize> {
        let tail = self.offset(self.newest.saturating_sub(kept as u64).saturating_add(1));
        let (at_head, at_start) = if self.head > tail {
            (self.ring.saturating_sub(self.head), tail)
        } else {
            (tail.saturating_sub(self.head), 0)
        };
        if kept >= self.slots {
            None
        } else if size <= at_head {
            Some(self.head)
        } else if size <= at_start {
            Some(0)
        } else {
            None
        }
    }

    fn write_record(&mut self, at: usize, event_type: &[u8], encoding: Encoding, data: &[u8]) {
        let Some(room) = self.storage.as_mut().get_mut(at..) else { return };
        let Some((record, room)) = room.split_first_chunk_mut::<RECORD_OVERHEAD>() else { return };
        let [a, b, c, d] = (data.len() as u32).to_le_bytes();
        *record = [event_type.len() as u8, (encoding == Encoding::Binary) as u8, a, b, c, d];
        let Some((type_room, room)) = room.split_at_mut_checked(event_type.len()) else { return };
        type_room.copy_from_slice(event_type);
        let Some((data_room, _)) = room.split_at_mut_checked(data.len()) else { return };
        data_room.copy_from_slice(data);
    }

    fn slot(&self, seq: u64) -> usize {
        let slot = (seq % self.slots.max(1) as u64) as usize;
        self.ring.saturating_add(slot.saturating_mul(SLOT_SIZE))
    }

    fn offset(&self, seq: u64) -> usize {
        let slot = self.storage.as_ref().get(self.slot(seq)..).and_then(|slot| slot.first_chunk());
        slot.map_or(0, |slot| u32::from_le_bytes(*slot) as usize)
    }

    fn set_offset(&mut self, seq: u64, offset: usize) {
        let slot = self.slot(seq);
        if let Some(slot) = self.storage.as_mut().get_mut(slot..).and_then(|slot| slot.first_chunk_mut()) {
            *slot = (offset as u32).to_le_bytes();
        }
    }

    /// The event `seq`, which is in the log.
    fn record(&self, seq: u64) -> Option<(EventMeta, &[u8])> {
        let record = self.storage.as_ref().get(self.offset(seq)..)?;
        let ([type_len, binary, a, b, c, d], bytes) = record.split_first_chunk::<RECORD_OVERHEAD>()?;
        let meta = EventMeta {
            seq,
            type_len: usize::from(*type_len).min(MAX_EVENT_TYPE),
            data_len: u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            encoding: if *binary == 0 { Encoding::Text } else { Encoding::Binary },
        };
        Some((meta, bytes.get(..meta.type_len.checked_add(meta.data_len)?)?))
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> LogReader for EventLog<S> {
    fn epoch(&self) -> u32 {
        self.epoch
    }

    fn newest(&self) -> u64 {
        self.newest
    }

    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor {
        let before_oldest = self.before_oldest();
        let resume =
            if policy == GapPolicy::Latest && self.kept > 0 { self.newest.saturating_sub(1) } else { before_oldest };
        match position {
            Position::Oldest => Cursor { after: before_oldest, gap: None },
            Position::Newest => Cursor { after: self.newest, gap: None },
            Position::After(EventId { epoch, seq }) if epoch == self.epoch && seq <= self.newest => {
                if seq >= before_oldest {
                    Cursor { after: seq, gap: None }
                } else {
                    let missed = Some(resume.saturating_sub(seq));
                    Cursor { after: resume, gap: Some(Gap { missed }) }
                }
            }
            Position::After(_) | Position::Unknown => Cursor { after: resume, gap: Some(Gap { missed: None }) },
        }
    }

    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        if after >= self.newest {
            return ReadEvent::Nothing;
        }
        if after < self.before_oldest() {
            return ReadEvent::Overwritten;
        }
        let Some((meta, bytes)) = self.record(after.saturating_add(1)) else { return ReadEvent::Overwritten };
        let bytes = bytes.get(offset..).unwrap_or_default();
        let copied = bytes.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..copied), bytes.get(..copied)) {
            to.copy_from_slice(from);
        }
        ReadEvent::Event(EventChunk { meta, copied })
    }
}

#[cfg(test)]
mod tests;
