//! The body of a poll: a bounded list of events, of known length.

use super::event_format::Format;
use super::json::{after_member, gap_member};
use super::render::{Progress, Rendered, measure, render};
use super::stream_body::{BodyState, Fill};
use crate::log::{Cursor, EventId, Gap, LogReader};
use crate::output::{Output, ResumableWriter, Ruler};
use crate::trace;

/// The bounds of one response; the next poll gets the rest. A response has at least one event if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollLimits {
    /// Events in one response. Default: 100.
    pub events: usize,
    /// Bytes of the body. Default: 64 KiB.
    pub bytes: u64,
}

impl PollLimits {
    /// 100 events, 64 KiB.
    pub const DEFAULT: Self = Self { events: 100, bytes: 64 * 1024 };
}

impl Default for PollLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The body of the response to a poll: `{"events":[…],"after":ID}`, with `"gap":{"missed":N}` where events are missing.
#[derive(Debug)]
pub struct PollBody {
    after: u64,
    last: EventId,
    gap: Option<Gap>,
    length: u64,
    first: bool,
    writing: Writing,
    progress: Progress,
}

/// The part of the body that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Start,
    Events,
    End,
    Nothing,
}

impl PollBody {
    /// The events after `cursor`, which [`LogReader::seek`] returned.
    pub fn new(log: &impl LogReader, cursor: Cursor, limits: &PollLimits) -> Self {
        let Cursor { after, gap } = cursor;
        if let Some(gap) = gap {
            trace::gap(gap.missed);
        }
        let (last, events) = Self::measure(log, after, limits);
        let mut body = Self {
            after,
            last: EventId { epoch: log.epoch(), seq: last },
            gap,
            length: 0,
            first: true,
            writing: Writing::Start,
            progress: Progress::default(),
        };
        let mut length = Ruler::ruler();
        body.write_start(&mut length);
        body.write_end(&mut length);
        body.length = events.saturating_add(length.measured());
        body
    }

    /// The sequence number of the last event in the body, and the length of its events.
    fn measure(log: &impl LogReader, after: u64, limits: &PollLimits) -> (u64, u64) {
        let (mut last, mut bytes) = (after, 0u64);
        for number in 0..limits.events.max(1) {
            let Some((meta, length)) = measure(format(number == 0), log, last) else { break };
            let sum = bytes.saturating_add(length);
            if number > 0 && sum > limits.bytes {
                break;
            }
            (last, bytes) = (meta.seq, sum);
        }
        (last, bytes)
    }

    /// Whether the body has neither an event nor a gap.
    pub fn is_empty(&self) -> bool {
        self.gap.is_none() && self.after == self.last.seq
    }

    /// The `after` of the body: the cursor of the next poll.
    pub fn last(&self) -> EventId {
        self.last
    }

    /// Bytes of the body.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes as much of the body as fits. It never returns [`BodyState::Wait`].
    pub fn fill(&mut self, log: &impl LogReader, buffer: &mut [u8]) -> Fill {
        let mut written = 0;
        loop {
            let rest = buffer.get_mut(written..).unwrap_or_default();
            let rendered = match self.writing {
                Writing::Nothing => return Fill { written, state: BodyState::End },
                _ if rest.is_empty() => return Fill { written, state: BodyState::More },
                Writing::Events if self.after >= self.last.seq => {
                    self.writing = Writing::End;
                    continue;
                }
                Writing::Events => render(format(self.first), log, self.after, &mut self.progress, rest),
                Writing::Start | Writing::End => {
                    let mut out = ResumableWriter::new(rest, self.progress.sent_of_notice());
                    if matches!(self.writing, Writing::Start) {
                        self.write_start(&mut out)
                    } else {
                        self.write_end(&mut out)
                    }
                    let (count, whole) = (out.written(), out.is_whole());
                    self.progress.advance_notice(count, whole)
                }
            };
            match rendered {
                Rendered::Complete(count) => {
                    written = written.wrapping_add(count);
                    self.complete();
                }
                Rendered::Partial(count) => {
                    return Fill { written: written.wrapping_add(count), state: BodyState::More };
                }
                // Content-Length has been sent: an event that was overwritten since then cannot be left out.
                Rendered::Nothing | Rendered::Overwritten => return Fill { written, state: BodyState::Abort },
            }
        }
    }

    /// The part that was being written is complete.
    fn complete(&mut self) {
        match self.writing {
            Writing::Start => self.writing = Writing::Events,
            Writing::Events => {
                self.after = self.after.saturating_add(1);
                self.first = false;
            }
            Writing::End | Writing::Nothing => self.writing = Writing::Nothing,
        }
    }

    fn write_start(&self, out: &mut impl Output) {
        out.put(b"{");
        if let Some(gap) = self.gap {
            gap_member(gap, out);
            out.put(b",");
        }
        out.put(b"\"events\":[");
    }

    fn write_end(&self, out: &mut impl Output) {
        out.put(b"],");
        after_member(self.last, out);
        out.put(b"}");
    }
}

const fn format(first: bool) -> Format {
    if first { Format::FirstInArray } else { Format::NextInArray }
}
