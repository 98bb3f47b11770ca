//! Events as WebSocket messages.

use super::event_format::Format;
use super::json::gap_notice;
use super::render::{Progress, Rendered, measure, render};
use crate::log::{Encoding, EventId, Gap, GapPolicy, LogReader, Position};
use crate::output::{ResumableWriter, Ruler};
use crate::trace;
use crate::ws::connection::MessageKind;

/// How events become messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subprotocol {
    /// No subprotocol: a message is the data. It has no id, type or gap.
    Plain,
    /// The subprotocol [`Subprotocol::NAME`]: text in a JSON object; binary after a JSON object and a line feed.
    Envelope,
}

impl Subprotocol {
    /// The name in `Sec-WebSocket-Protocol` (RFC 6455 §1.9).
    pub const NAME: &str = "goldcrest.v1";

    const fn of_events(self) -> Format {
        match self {
            Self::Plain => Format::Data,
            Self::Envelope => Format::Message,
        }
    }
}

/// A message cannot be completed: a part of its event was sent, and the event has been overwritten. Break the connection without a
/// Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverwrittenError;

/// The next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum NextMessage {
    /// A message of so many bytes: [`EventMessages::fill`] writes them.
    Message(MessageKind, u64),
    /// There is none until the log has a new event.
    Nothing,
    /// The reader has missed events: close with code 4001 (`gap`).
    Behind,
}

/// A cursor whose events become messages.
#[derive(Debug)]
pub struct EventMessages {
    subprotocol: Subprotocol,
    after: u64,
    policy: GapPolicy,
    gap: Option<Gap>,
    behind: bool,
    writing: Writing,
    progress: Progress,
}

/// The message that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Nothing,
    Gap(Gap),
    Event,
}

impl EventMessages {
    /// Follows `log` from `position` on.
    pub fn new(subprotocol: Subprotocol, log: &impl LogReader, position: Position, policy: GapPolicy) -> Self {
        let cursor = log.seek(position, policy);
        Self {
            subprotocol,
            after: cursor.after,
            policy,
            gap: cursor.gap,
            behind: false,
            writing: Writing::Nothing,
            progress: Progress::default(),
        }
    }

    /// The sequence number of the last event that has been written in full.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Whether [`EventMessages::next`] has something other than [`NextMessage::Nothing`].
    pub fn has_next(&self, log: &impl LogReader) -> bool {
        self.gap.is_some() || self.behind || self.after < log.newest()
    }

    /// Starts the next message. The previous one has been written to its end.
    pub fn next(&mut self, log: &impl LogReader) -> NextMessage {
        loop {
            if let Some(gap) = self.gap.take() {
                trace::gap(gap.missed);
                if self.subprotocol == Subprotocol::Plain {
                    self.behind = true;
                    return NextMessage::Behind;
                }
                let mut length = Ruler::ruler();
                gap_notice(gap, self.id(log), &mut length);
                self.writing = Writing::Gap(gap);
                return NextMessage::Message(MessageKind::Text, length.measured());
            }
            if self.behind {
                return NextMessage::Behind;
            }
            if self.after >= log.newest() {
                return NextMessage::Nothing;
            }
            if let Some((meta, length)) = measure(self.subprotocol.of_events(), log, self.after) {
                if length == 0 {
                    // An empty message has no byte for `fill` to write.
                    self.after = self.after.saturating_add(1);
                } else {
                    self.writing = Writing::Event;
                }
                return NextMessage::Message(message_kind(meta.encoding), length);
            }
            let cursor = log.seek(Position::After(self.id(log)), self.policy);
            if cursor.gap.is_none() {
                return NextMessage::Nothing;
            }
            self.after = cursor.after;
            self.gap = cursor.gap;
            self.behind = self.policy == GapPolicy::Disconnect;
        }
    }

    /// Writes as many bytes of the message as fit, and returns how many.
    ///
    /// # Errors
    /// [`OverwrittenError`]: the message cannot be completed.
    pub fn fill(&mut self, log: &impl LogReader, buffer: &mut [u8]) -> Result<usize, OverwrittenError> {
        let rendered = match self.writing {
            Writing::Nothing => return Ok(0),
            Writing::Gap(gap) => {
                let mut out = ResumableWriter::new(buffer, self.progress.sent_of_notice());
                gap_notice(gap, self.id(log), &mut out);
                let (written, whole) = (out.written(), out.is_whole());
                self.progress.advance_notice(written, whole)
            }
            Writing::Event => render(self.subprotocol.of_events(), log, self.after, &mut self.progress, buffer),
        };
        match rendered {
            Rendered::Complete(written) => {
                if self.writing == Writing::Event {
                    self.after = self.after.saturating_add(1);
                }
                self.writing = Writing::Nothing;
                Ok(written)
            }
            Rendered::Partial(written) => Ok(written),
            Rendered::Nothing | Rendered::Overwritten => Err(OverwrittenError),
        }
    }

    fn id(&self, log: &impl LogReader) -> EventId {
        EventId { epoch: log.epoch(), seq: self.after }
    }
}

pub(super) fn message_kind(encoding: Encoding) -> MessageKind {
    match encoding {
        Encoding::Text => MessageKind::Text,
        Encoding::Binary => MessageKind::Binary,
    }
}
