//! Rendering of one event into short buffers.

use super::event_format::Format;
use crate::log::{EventChunk, EventId, EventMeta, LogReader, MAX_EVENT_TYPE, ReadEvent};
use crate::output::{Output, ResumableWriter, Ruler};

/// Bytes of data that are encoded at once: a multiple of 3, so that Base64 has no rest between chunks.
const CHUNK: usize = 192;

/// How much of an event has been written: whole parts, and bytes of the part after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    part: u32,
    sent: usize,
}

impl Progress {
    pub(super) fn is_at_start(self) -> bool {
        self == Self::default()
    }

    /// How many bytes of a notice have been written. A notice is one part.
    pub(super) fn sent_of_notice(self) -> usize {
        self.sent
    }

    /// Adds `written` bytes of a notice, and whether they complete it.
    pub(super) fn advance_notice(&mut self, written: usize, whole: bool) -> Rendered {
        if whole {
            *self = Self::default();
            return Rendered::Complete(written);
        }
        self.sent = self.sent.wrapping_add(written);
        Rendered::Partial(written)
    }
}

/// The result of rendering an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rendered {
    /// The event is complete after these bytes.
    Complete(usize),
    /// The buffer is full after these bytes.
    Partial(usize),
    /// There is no event yet.
    Nothing,
    /// The event is no longer in the log.
    Overwritten,
}

/// Calls `$function` with the format. Without `small_code` each format of a fan-out gets a copy of the function in which the branches
/// on the format are resolved. That needs each function on the way to be inlined: a shared copy took 20 to 70 ns more per event.
macro_rules! per_format {
    ($function:ident($format:expr, $($argument:expr),*)) => {{
        #[cfg(small_code)]
        let result = $function($format, $($argument),*);
        #[cfg(not(small_code))]
        let result = match $format {
            Format::EventStream => $function(Format::EventStream, $($argument),*),
            Format::Ndjson => $function(Format::Ndjson, $($argument),*),
            Format::Data => $function(Format::Data, $($argument),*),
            Format::Message => $function(Format::Message, $($argument),*),
            other => $function(other, $($argument),*),
        };
        result
    }};
}

/// Writes the event that follows `after` to `buffer`, from `progress` on.
pub(super) fn render(
    format: Format,
    log: &impl LogReader,
    after: u64,
    progress: &mut Progress,
    buffer: &mut [u8],
) -> Rendered {
    per_format!(render_as(format, log, after, progress, buffer))
}

/// The length of the event that follows `after` in this format, and its metadata; `None` where it is not in the log.
pub(super) fn measure(format: Format, log: &impl LogReader, after: u64) -> Option<(EventMeta, u64)> {
    per_format!(measure_as(format, log, after))
}

#[cfg_attr(not(small_code), inline(always))]
fn render_as(format: Format, log: &impl LogReader, after: u64, progress: &mut Progress, buffer: &mut [u8]) -> Rendered {
    let mut copy = EventCopy::new();
    let mut written = 0;
    loop {
        let part = match copy.part(log, after, progress.part) {
            Ok(part) => part,
            Err(otherwise) => return otherwise,
        };
        let mut out = ResumableWriter::new(buffer.get_mut(written..).unwrap_or_default(), progress.sent);
        let last = part.write(format, log.epoch(), &mut out);
        written = written.wrapping_add(out.written());
        if !out.is_whole() {
            progress.sent = progress.sent.wrapping_add(out.written());
            return Rendered::Partial(written);
        }
        if last {
            *progress = Progress::default();
            return Rendered::Complete(written);
        }
        *progress = Progress { part: progress.part.wrapping_add(1), sent: 0 };
    }
}

#[cfg_attr(not(small_code), inline(always))]
fn measure_as(format: Format, log: &impl LogReader, after: u64) -> Option<(EventMeta, u64)> {
    let mut copy = EventCopy::new();
    let mut length = Ruler::ruler();
    let mut number = 0;
    loop {
        let part = copy.part(log, after, number).ok()?;
        let meta = *part.meta;
        if part.write(format, log.epoch(), &mut length) {
            return Some((meta, length.measured()));
        }
        number = number.saturating_add(1);
    }
}

/// A copy of the bytes of an event that are being encoded, so that the log is locked for a copy and not while encoding.
struct EventCopy {
    bytes: [u8; MAX_EVENT_TYPE + CHUNK],
    /// The offset of the copy in the event.
    start: usize,
    chunk: Option<EventChunk>,
}

/// A part of an event, with the bytes that it is written from.
struct Part<'c> {
    meta: &'c EventMeta,
    content: Content<'c>,
}

enum Content<'c> {
    Head { event_type: &'c [u8] },
    Data { previous: Option<u8>, chunk: &'c [u8] },
    Tail,
}

impl EventCopy {
    const fn new() -> Self {
        Self { bytes: [0; MAX_EVENT_TYPE + CHUNK], start: 0, chunk: None }
    }

    /// The part with this number: 0 is the head, then come the chunks of data, then the tail.
    #[cfg_attr(not(small_code), inline(always))]
    fn part<S: LogReader>(&mut self, log: &S, after: u64, number: u32) -> Result<Part<'_>, Rendered> {
        let meta = match &self.chunk {
            Some(chunk) => chunk.meta,
            None => self.read(log, after, 0)?,
        };
        let chunks = meta.data_len.div_ceil(CHUNK);
        let number = number as usize;
        let (from, len) = if number == 0 {
            (0, meta.type_len)
        } else if number <= chunks {
            let start = number.saturating_sub(1).saturating_mul(CHUNK);
            (meta.type_len.wrapping_add(start), meta.data_len.saturating_sub(start).min(CHUNK))
        } else {
            (0, 0)
        };
        // SSE needs the byte before the chunk: a LF after a CR there is no second line end.
        let before = usize::from(number > 1 && number <= chunks);
        let (first, wanted) = (from.saturating_sub(before), len.wrapping_add(before));
        if !self.contains(first, wanted) {
            self.read(log, after, first)?;
            if !self.contains(first, wanted) {
                return Err(Rendered::Overwritten);
            }
        }
        let at = first.saturating_sub(self.start);
        let bytes = self.bytes.get(at..at.wrapping_add(wanted)).unwrap_or_default();
        let content = if number == 0 {
            Content::Head { event_type: bytes }
        } else if number > chunks {
            Content::Tail
        } else if before == 0 {
            Content::Data { previous: None, chunk: bytes }
        } else {
            let (previous, chunk) = bytes.split_first().ok_or(Rendered::Overwritten)?;
            Content::Data { previous: Some(*previous), chunk }
        };
        match &self.chunk {
            Some(chunk) => Ok(Part { meta: &chunk.meta, content }),
            None => Err(Rendered::Overwritten),
        }
    }

    fn contains(&self, first: usize, wanted: usize) -> bool {
        let copied = self.chunk.as_ref().map_or(0, |chunk| chunk.copied);
        wanted == 0 || (self.start <= first && first.wrapping_add(wanted) <= self.start.wrapping_add(copied))
    }

    #[cfg_attr(not(small_code), inline(always))]
    fn read(&mut self, log: &impl LogReader, after: u64, start: usize) -> Result<EventMeta, Rendered> {
        match log.read_at(after, start, &mut self.bytes) {
            ReadEvent::Event(chunk) => {
                self.start = start;
                self.chunk = Some(chunk);
                Ok(chunk.meta)
            }
            ReadEvent::Nothing => Err(Rendered::Nothing),
            ReadEvent::Overwritten => Err(Rendered::Overwritten),
        }
    }
}

impl Part<'_> {
    /// Writes the part, and returns whether it is the last of the event.
    #[cfg_attr(not(small_code), inline(always))]
    fn write(&self, format: Format, epoch: u32, out: &mut impl Output) -> bool {
        match self.content {
            Content::Head { event_type } => {
                format.head(EventId { epoch, seq: self.meta.seq }, self.meta, event_type, out);
            }
            Content::Data { previous, chunk } => format.data(self.meta, previous, chunk, out),
            Content::Tail => {
                format.tail(self.meta, out);
                return true;
            }
        }
        false
    }
}
