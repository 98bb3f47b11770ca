//! The caller's memory: the text of the current event, and the last event IDs.
//!
//! ```text
//! | id | id | id | event type | data ........ |
//! ```
//! Three IDs are stored: that of the last dispatched block, that of the current block (the standard's *last event ID
//! buffer*) and that of the current line. A NULL anywhere in the line voids its ID, so that ID is not yet the block's.

use super::decode::decode_in_place;
use super::{ParseError, ParserLimits};

#[derive(Debug)]
pub(super) struct Store<B> {
    memory: B,
    bounds: ParserLimits,
    /// The length of the data. `None` before the first `data` field of a block.
    data: Option<usize>,
    event_type: usize,
    ids: [usize; 3],
    dispatched: Place,
    latest: Place,
    incoming: Place,
    incoming_has_null: bool,
    /// The event was returned. It is kept until the next call.
    spent: bool,
}

/// The slot of an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Second,
    Third,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Store<B> {
    pub(super) fn new(memory: B, bounds: ParserLimits) -> Self {
        Self {
            memory,
            bounds,
            data: None,
            event_type: 0,
            ids: [0; 3],
            dispatched: Place::First,
            latest: Place::First,
            incoming: Place::Second,
            incoming_has_null: false,
            spent: false,
        }
    }

    /// Discards the current event and its ID.
    pub(super) fn drop_block(&mut self) {
        self.clear();
        self.latest = self.dispatched;
    }

    /// Discards data and event type.
    pub(super) fn clear(&mut self) {
        self.data = None;
        self.event_type = 0;
        self.spent = false;
    }

    /// Handles the blank line after data: the event is returned, and its ID is the one to resume from.
    pub(super) fn dispatch(&mut self) {
        self.commit_id();
        self.spent = true;
    }

    /// Discards the event after it was returned.
    pub(super) fn forget_dispatched(&mut self) {
        if self.spent {
            self.clear();
        }
    }

    /// Whether an event was returned and is still stored.
    pub(super) fn is_dispatched(&self) -> bool {
        self.spent
    }

    pub(super) fn into_memory(self) -> B {
        self.memory
    }

    pub(super) fn has_data(&self) -> bool {
        self.data.is_some()
    }

    /// Whether data of this length fits.
    pub(super) fn holds_data(&self, len: usize) -> bool {
        len <= self.memory.as_ref().len().saturating_sub(self.data_start())
    }

    /// Appends to the data. Even an empty piece makes the data present.
    pub(super) fn push_data(&mut self, piece: &[u8]) -> Result<(), ParseError> {
        let start = self.data_start();
        let len = self.data.unwrap_or(0);
        let room = self.memory.as_mut().get_mut(start..).unwrap_or_default();
        self.data = Some(append(room, len, piece).ok_or(ParseError::DataTooLong)?);
        Ok(())
    }

    /// Decodes the data as UTF-8.
    pub(super) fn decode_data(&mut self) -> Result<(), ParseError> {
        let start = self.data_start();
        let room = self.memory.as_mut().get_mut(start..).unwrap_or_default();
        let len = decode_in_place(room, self.data.unwrap_or(0));
        self.data = Some(len.ok_or(ParseError::DataTooLong)?);
        Ok(())
    }

    pub(super) fn data(&self) -> &str {
        self.text(self.data_start(), self.data.unwrap_or(0))
    }

    pub(super) fn begin_event_type(&mut self) {
        self.event_type = 0;
    }

    pub(super) fn push_event_type(&mut self, piece: &[u8]) -> Result<(), ParseError> {
        let len = self.event_type;
        self.event_type = append(self.event_type_room(), len, piece).ok_or(ParseError::EventTypeTooLong)?;
        Ok(())
    }

    /// Decodes the event type as UTF-8.
    pub(super) fn end_event_type(&mut self) -> Result<(), ParseError> {
        let len = self.event_type;
        self.event_type = decode_in_place(self.event_type_room(), len).ok_or(ParseError::EventTypeTooLong)?;
        Ok(())
    }

    /// The event type. Empty without an `event` field.
    pub(super) fn event_type(&self) -> &str {
        self.text(self.event_type_start(), self.event_type)
    }

    pub(super) fn begin_id(&mut self) {
        self.incoming = self.dispatched.other_than(self.latest);
        self.incoming_has_null = false;
        *self.incoming.of_mut(&mut self.ids) = 0;
    }

    /// Appends to the ID of the current line. Its length is checked at the end of the line, because a NULL may void it.
    pub(super) fn push_id(&mut self, piece: &[u8]) {
        self.incoming_has_null |= piece.iter().fold(false, |has, &byte| has | (byte == 0));
        let place = self.incoming;
        let len = place.of(&self.ids);
        let appended = append(self.id_room(place), len, piece);
        *place.of_mut(&mut self.ids) = appended.unwrap_or(usize::MAX);
    }

    /// Makes the ID of the line that of the block, unless it contains a NULL (WHATWG HTML §9.2.6).
    pub(super) fn end_id(&mut self) -> Result<(), ParseError> {
        if self.incoming_has_null {
            return Ok(());
        }
        let place = self.incoming;
        let len = place.of(&self.ids);
        let decoded = decode_in_place(self.id_room(place), len).ok_or(ParseError::IdTooLong)?;
        *place.of_mut(&mut self.ids) = decoded;
        self.latest = place;
        Ok(())
    }

    /// Handles the blank line: the ID of the block is the one to resume from.
    pub(super) fn commit_id(&mut self) {
        self.dispatched = self.latest;
    }

    pub(super) fn last_event_id(&self) -> &str {
        self.text(self.id_start(self.dispatched), self.dispatched.of(&self.ids))
    }

    /// Last event ID, event type and data.
    pub(super) fn parts_mut(&mut self) -> (&str, &str, &mut [u8]) {
        let (id, id_len) = (self.id_start(self.dispatched), self.dispatched.of(&self.ids));
        let (event_type, type_len) = (self.event_type_start(), self.event_type);
        let (start, len) = (self.data_start(), self.data.unwrap_or(0));
        let memory = self.memory.as_mut();
        // Memory that is too short for data still stores the other fields.
        let (fields, data) = memory.split_at_mut_checked(start.min(memory.len())).unwrap_or_default();
        let text = |start: usize, len: usize| {
            str::from_utf8(fields.get(start..start.saturating_add(len)).unwrap_or_default()).unwrap_or_default()
        };
        (text(id, id_len), text(event_type, type_len), data.get_mut(..len).unwrap_or_default())
    }

    fn id_start(&self, place: Place) -> usize {
        self.bounds.id.saturating_mul(place as usize)
    }

    fn event_type_start(&self) -> usize {
        self.bounds.id.saturating_mul(3)
    }

    fn data_start(&self) -> usize {
        self.event_type_start().saturating_add(self.bounds.event_type)
    }

    fn id_room(&mut self, place: Place) -> &mut [u8] {
        let start = self.id_start(place);
        let end = start.saturating_add(self.bounds.id);
        self.memory.as_mut().get_mut(start..end).unwrap_or_default()
    }

    fn event_type_room(&mut self) -> &mut [u8] {
        let (start, end) = (self.event_type_start(), self.data_start());
        self.memory.as_mut().get_mut(start..end).unwrap_or_default()
    }

    /// The decoded text in this range.
    fn text(&self, start: usize, len: usize) -> &str {
        let bytes = self.memory.as_ref().get(start..start.saturating_add(len)).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Place {
    /// The third slot, beside this one and `second`.
    fn other_than(self, second: Self) -> Self {
        let is_free = |place: &Self| *place != self && *place != second;
        [Self::First, Self::Second].into_iter().find(is_free).unwrap_or(Self::Third)
    }

    fn of(self, ids: &[usize; 3]) -> usize {
        let [first, second, third] = ids;
        match self {
            Self::First => *first,
            Self::Second => *second,
            Self::Third => *third,
        }
    }

    fn of_mut(self, ids: &mut [usize; 3]) -> &mut usize {
        let [first, second, third] = ids;
        match self {
            Self::First => first,
            Self::Second => second,
            Self::Third => third,
        }
    }
}

/// Writes `piece` after the first `len` bytes of `room`. Returns the new length, or `None` if it does not fit.
#[inline]
fn append(room: &mut [u8], len: usize, piece: &[u8]) -> Option<usize> {
    let end = len.checked_add(piece.len())?;
    room.get_mut(len..end)?.copy_from_slice(piece);
    Some(end)
}
