//! Polling: a bounded list of events.

use super::json::{Envelope, after_member, gap_member};
use super::render::{Progress, Rendered, measure, render};
use super::stream_body::{BodyState, Fill};
use crate::connection::notice;
use crate::log::{Cursor, EventId, Gap, LogReader};
use crate::output::{Output, ResumableWriter, Ruler};

const FIRST: Envelope = Envelope { before: b"", behind: b"" };
const NEXT: Envelope = Envelope { before: b",", behind: b"" };

/// How much one answer carries; what is over comes with the next. At least one event is in an answer if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollLimits {
    /// Events in one answer. Default: 100.
    pub events: usize,
    /// Bytes of the body. Default: 64 KiB.
    pub bytes: u64,
}

impl Default for PollLimits {
    fn default() -> Self {
        Self { events: 100, bytes: 64 * 1024 }
    }
}

/// The answer to a poll: `{"events":[…],"after":ID}`, with `"gap":{"missed":N}` where events are missing.
#[derive(Debug)]
pub struct PollBody {
    after: u64,
    last: EventId,
    gap: Option<Gap>,
    length: u64,
    first: bool,
    saying: Saying,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    Opening,
    Events,
    Closing,
    Ended,
}

impl PollBody {
    /// What there is at `placed`, where [`LogReader::seek`] put the reader.
    pub fn new(source: &impl LogReader, placed: Cursor, bounds: &PollLimits) -> Self {
        let Cursor { after, gap } = placed;
        if let Some(gap) = gap {
            notice::gap(gap);
        }
        let (last, events) = Self::reach(source, after, bounds);
        let mut poll = Self {
            after,
            last: EventId { epoch: source.epoch(), seq: last },
            gap,
            length: 0,
            first: true,
            saying: Saying::Opening,
            progress: Progress::default(),
        };
        let mut length = Ruler::ruler();
        poll.opening(&mut length);
        poll.closing(&mut length);
        poll.length = events.saturating_add(length.measured());
        poll
    }

    /// How far the answer reaches, and what its events measure.
    fn reach(source: &impl LogReader, after: u64, bounds: &PollLimits) -> (u64, u64) {
        let (mut last, mut bytes) = (after, 0u64);
        for number in 0..bounds.events.max(1) {
            let form = if number == 0 { &FIRST } else { &NEXT };
            let Some((meta, length)) = measure(form, source, last) else { break };
            let sum = bytes.saturating_add(length);
            if number > 0 && sum > bounds.bytes {
                break;
            }
            (last, bytes) = (meta.seq, sum);
        }
        (last, bytes)
    }

    /// Whether there is nothing to tell: no event and no gap.
    pub fn is_empty(&self) -> bool {
        self.gap.is_none() && self.after == self.last.seq
    }

    /// The `after` of the answer: where the next poll goes on.
    pub fn last(&self) -> EventId {
        self.last
    }

    /// Bytes of the body.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes as much of the body as fits. It never waits: [`BodyState::Wait`] is not among its answers.
    pub fn fill(&mut self, source: &impl LogReader, room: &mut [u8]) -> Fill {
        let mut written = 0;
        loop {
            let rest = room.get_mut(written..).unwrap_or_default();
            let rendered = match self.saying {
                Saying::Ended => return Fill { written, state: BodyState::End },
                _ if rest.is_empty() => return Fill { written, state: BodyState::More },
                Saying::Events if self.after >= self.last.seq => {
                    self.saying = Saying::Closing;
                    continue;
                }
                Saying::Events => {
                    let form = if self.first { &FIRST } else { &NEXT };
                    render(form, source, self.after, &mut self.progress, rest)
                }
                Saying::Opening | Saying::Closing => {
                    let mut sink = ResumableWriter::new(rest, self.progress.sent_of_notice());
                    if matches!(self.saying, Saying::Opening) {
                        self.opening(&mut sink)
                    } else {
                        self.closing(&mut sink)
                    }
                    let (count, whole) = (sink.written(), sink.is_whole());
                    self.progress.note(count, whole)
                }
            };
            match rendered {
                Rendered::Whole(count) => {
                    written = written.wrapping_add(count);
                    self.said();
                }
                Rendered::Partly(count) => {
                    return Fill { written: written.wrapping_add(count), state: BodyState::More };
                }
                // The head has named the length: what was overwritten since then cannot be left out.
                Rendered::Nothing | Rendered::Overwritten => return Fill { written, state: BodyState::Abort },
            }
        }
    }

    fn said(&mut self) {
        match self.saying {
            Saying::Opening => self.saying = Saying::Events,
            Saying::Events => {
                self.after = self.after.saturating_add(1);
                self.first = false;
            }
            Saying::Closing | Saying::Ended => self.saying = Saying::Ended,
        }
    }

    fn opening(&self, out: &mut impl Output) {
        out.put(b"{");
        if let Some(gap) = self.gap {
            gap_member(gap, out);
            out.put(b",");
        }
        out.put(b"\"events\":[");
    }

    fn closing(&self, out: &mut impl Output) {
        out.put(b"],");
        after_member(self.last, out);
        out.put(b"}");
    }
}
