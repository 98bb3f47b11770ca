//! An event's wire form, piece by piece.

use super::event_format::AnyForm;
use crate::log::{EventChunk, EventId, EventMeta, LogReader, MAX_EVENT_TYPE, ReadEvent};
use crate::output::{Output, ResumableWriter, Ruler};

/// Bytes of data that are encoded at once: a multiple of 3, so that Base64 needs no carry.
const PIECE: usize = 192;

/// How a transport writes an event: a head, its data in pieces, a tail.
///
/// Each part is deterministic, and every piece but the last has [`PIECE`] bytes: so a part that did not fit is written
/// again from its start, and what has left is skipped.
pub(super) trait Form {
    /// The same form, as one of all.
    #[cfg_attr(not(small_code), allow(dead_code, reason = "there each form has a renderer of its own"))]
    fn any(&self) -> AnyForm;
    /// What stands before the data.
    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output);
    /// A piece of the data, behind `previous`.
    fn data(&self, meta: &EventMeta, previous: Option<u8>, piece: &[u8], out: &mut impl Output);
    /// What stands behind the data.
    fn tail(&self, meta: &EventMeta, out: &mut impl Output);
}

/// How much of an event has left: whole parts, and bytes of the part after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    part: u32,
    sent: usize,
}

impl Progress {
    pub(super) fn is_at_start(self) -> bool {
        self == Self::default()
    }

    /// How many bytes have left of a notice, which is one part.
    pub(super) fn sent_of_notice(self) -> usize {
        self.sent
    }

    /// Notes that `written` more bytes of a notice have left, and whether that is all of it.
    pub(super) fn note(&mut self, written: usize, whole: bool) -> Rendered {
        if whole {
            *self = Self::default();
            return Rendered::Whole(written);
        }
        self.sent = self.sent.wrapping_add(written);
        Rendered::Partly(written)
    }
}

/// What came of rendering an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rendered {
    /// It has left to the end; so many bytes of it now.
    Whole(usize),
    /// The room is full.
    Partly(usize),
    /// There is no event yet.
    Nothing,
    /// It is not there any more.
    Overwritten,
}

/// Writes the event that follows `after` to `room`, from `progress` on.
pub(super) fn render(
    form: &impl Form,
    source: &impl LogReader,
    after: u64,
    progress: &mut Progress,
    room: &mut [u8],
) -> Rendered {
    // On a chip code is scarcer than time: there it is compiled once for all forms.
    #[cfg(small_code)]
    let form = &form.any();
    render_as(form, source, after, progress, room)
}

fn render_as(
    form: &impl Form,
    source: &impl LogReader,
    after: u64,
    progress: &mut Progress,
    room: &mut [u8],
) -> Rendered {
    let mut window = Window::new();
    let mut written = 0;
    loop {
        let part = match window.part(source, after, progress.part) {
            Ok(part) => part,
            Err(otherwise) => return otherwise,
        };
        let mut sink = ResumableWriter::new(room.get_mut(written..).unwrap_or_default(), progress.sent);
        let last = part.write(form, source.epoch(), &mut sink);
        written = written.wrapping_add(sink.written());
        if !sink.is_whole() {
            progress.sent = progress.sent.wrapping_add(sink.written());
            return Rendered::Partly(written);
        }
        if last {
            *progress = Progress::default();
            return Rendered::Whole(written);
        }
        *progress = Progress { part: progress.part.wrapping_add(1), sent: 0 };
    }
}

/// Bytes of the wire form of the event that follows `after`, and what it is; `None` where it is not there.
pub(super) fn measure(form: &impl Form, source: &impl LogReader, after: u64) -> Option<(EventMeta, u64)> {
    #[cfg(small_code)]
    let form = &form.any();
    measure_as(form, source, after)
}

fn measure_as(form: &impl Form, source: &impl LogReader, after: u64) -> Option<(EventMeta, u64)> {
    let mut window = Window::new();
    let mut length = Ruler::ruler();
    let mut number = 0;
    loop {
        let part = window.part(source, after, number).ok()?;
        let meta = *part.meta;
        if part.write(form, source.epoch(), &mut length) {
            return Some((meta, length.measured()));
        }
        number = number.saturating_add(1);
    }
}

/// A copy of the part of an event that is being encoded.
struct Window {
    bytes: [u8; MAX_EVENT_TYPE + PIECE],
    /// Where in the event the copy starts.
    start: usize,
    seen: Option<EventChunk>,
}

/// A part of an event, with the bytes that it is written from.
struct Part<'w> {
    meta: &'w EventMeta,
    what: What<'w>,
}

enum What<'w> {
    Head { event_type: &'w [u8] },
    Data { previous: Option<u8>, piece: &'w [u8] },
    Tail,
}

impl Window {
    const fn new() -> Self {
        Self { bytes: [0; MAX_EVENT_TYPE + PIECE], start: 0, seen: None }
    }

    /// The part of that number: 0 is the head, then the pieces of data, then the tail.
    #[inline]
    fn part<S: LogReader>(&mut self, source: &S, after: u64, number: u32) -> Result<Part<'_>, Rendered> {
        let meta = match &self.seen {
            Some(seen) => seen.meta,
            None => self.look(source, after, 0)?,
        };
        let pieces = meta.data_len.div_ceil(PIECE);
        let number = number as usize;
        let (from, len) = if number == 0 {
            (0, meta.type_len)
        } else if number <= pieces {
            let start = number.saturating_sub(1).saturating_mul(PIECE);
            (meta.type_len.wrapping_add(start), meta.data_len.saturating_sub(start).min(PIECE))
        } else {
            (0, 0)
        };
        // The byte before the piece tells whether a line end goes on in it.
        let behind = usize::from(number > 1 && number <= pieces);
        let (first, wanted) = (from.saturating_sub(behind), len.wrapping_add(behind));
        if !self.holds(first, wanted) {
            self.look(source, after, first)?;
            if !self.holds(first, wanted) {
                return Err(Rendered::Overwritten);
            }
        }
        let at = first.saturating_sub(self.start);
        let bytes = self.bytes.get(at..at.wrapping_add(wanted)).unwrap_or_default();
        let what = if number == 0 {
            What::Head { event_type: bytes }
        } else if number > pieces {
            What::Tail
        } else if behind == 0 {
            What::Data { previous: None, piece: bytes }
        } else {
            let (previous, piece) = bytes.split_first().ok_or(Rendered::Overwritten)?;
            What::Data { previous: Some(*previous), piece }
        };
        match &self.seen {
            Some(seen) => Ok(Part { meta: &seen.meta, what }),
            None => Err(Rendered::Overwritten),
        }
    }

    fn holds(&self, first: usize, wanted: usize) -> bool {
        let held = self.seen.as_ref().map_or(0, |seen| seen.copied);
        wanted == 0 || (self.start <= first && first.wrapping_add(wanted) <= self.start.wrapping_add(held))
    }

    #[inline]
    fn look(&mut self, source: &impl LogReader, after: u64, start: usize) -> Result<EventMeta, Rendered> {
        match source.read_at(after, start, &mut self.bytes) {
            ReadEvent::Event(seen) => {
                self.start = start;
                self.seen = Some(seen);
                Ok(seen.meta)
            }
            ReadEvent::Nothing => Err(Rendered::Nothing),
            ReadEvent::Overwritten => Err(Rendered::Overwritten),
        }
    }
}

impl Part<'_> {
    /// Writes the part, and says whether it is the event's last.
    #[inline]
    fn write(&self, form: &impl Form, epoch: u32, out: &mut impl Output) -> bool {
        match self.what {
            What::Head { event_type } => form.head(EventId { epoch, seq: self.meta.seq }, self.meta, event_type, out),
            What::Data { previous, piece } => form.data(self.meta, previous, piece, out),
            What::Tail => {
                form.tail(self.meta, out);
                return true;
            }
        }
        false
    }
}
