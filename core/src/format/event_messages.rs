//! Events as WebSocket messages.

use super::event_format::AnyForm;
use super::json::{Envelope, gap_notice};
use super::render::{Form, Progress, Rendered, measure, render};
use crate::connection::notice;
use crate::log::{Encoding, EventId, EventMeta, Gap, GapPolicy, LogReader, Position};
use crate::output::{Output, ResumableWriter, Ruler};

/// How events become messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subprotocol {
    /// No subprotocol: a message is the data. It carries no id, type or gap.
    Plain,
    /// The subprotocol `goldcrest.v1`: text in a JSON object; binary behind a JSON object and a line feed.
    Envelope,
}

/// Whether a message is text or binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A text message (UTF-8).
    Text,
    /// A binary message.
    Binary,
}

/// Part of the event was sent, and the rest is gone: break the connection, without a Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverwrittenError;

/// What there is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum NextMessage {
    /// A message of so many bytes: [`EventMessages::fill`] writes them.
    Message(MessageKind, u64),
    /// Nothing until the log moves.
    Nothing,
    /// The reader is behind, and is to be closed with code 4001 (`gap`).
    Behind,
}

/// A reader that gets events as messages.
#[derive(Debug)]
pub struct EventMessages {
    framing: Subprotocol,
    after: u64,
    policy: GapPolicy,
    gap: Option<Gap>,
    behind: bool,
    saying: Saying,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    Nothing,
    Gap(Gap),
    Event,
}

impl EventMessages {
    /// Reads `source` from `position` on.
    pub fn new(framing: Subprotocol, source: &impl LogReader, position: Position, policy: GapPolicy) -> Self {
        let placed = source.seek(position, policy);
        Self {
            framing,
            after: placed.after,
            policy,
            gap: placed.gap,
            behind: false,
            saying: Saying::Nothing,
            progress: Progress::default(),
        }
    }

    /// The sequence number that the reader has been given in full.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Whether [`EventMessages::next`] has something other than [`NextMessage::Nothing`].
    pub fn has_next(&self, source: &impl LogReader) -> bool {
        self.gap.is_some() || self.behind || self.after < source.newest()
    }

    /// The next message, once the one before has been written to its end.
    pub fn next(&mut self, source: &impl LogReader) -> NextMessage {
        loop {
            if let Some(gap) = self.gap.take() {
                notice::gap(gap);
                if self.framing == Subprotocol::Plain {
                    self.behind = true;
                    return NextMessage::Behind;
                }
                let mut length = Ruler::ruler();
                gap_notice(gap, self.id(source), &mut length);
                self.saying = Saying::Gap(gap);
                return NextMessage::Message(MessageKind::Text, length.measured());
            }
            if self.behind {
                return NextMessage::Behind;
            }
            if self.after >= source.newest() {
                return NextMessage::Nothing;
            }
            if let Some((meta, length)) = self.measure(source) {
                if length == 0 {
                    // There is nothing to fill.
                    self.after = self.after.saturating_add(1);
                } else {
                    self.saying = Saying::Event;
                }
                return NextMessage::Message(kind(meta.encoding), length);
            }
            let placed = source.seek(Position::After(self.id(source)), self.policy);
            if placed.gap.is_none() {
                return NextMessage::Nothing;
            }
            self.after = placed.after;
            self.gap = placed.gap;
            self.behind = self.policy == GapPolicy::Disconnect;
        }
    }

    /// Writes as many bytes of the message as fit, and says how many.
    ///
    /// # Errors
    /// [`OverwrittenError`]: the message cannot be ended.
    pub fn fill(&mut self, source: &impl LogReader, room: &mut [u8]) -> Result<usize, OverwrittenError> {
        let rendered = match self.saying {
            Saying::Nothing => return Ok(0),
            Saying::Gap(gap) => {
                let mut sink = ResumableWriter::new(room, self.progress.sent_of_notice());
                gap_notice(gap, self.id(source), &mut sink);
                let (written, whole) = (sink.written(), sink.is_whole());
                self.progress.note(written, whole)
            }
            Saying::Event => match self.framing {
                Subprotocol::Plain => render(&Plain, source, self.after, &mut self.progress, room),
                Subprotocol::Envelope => render(&Enveloped, source, self.after, &mut self.progress, room),
            },
        };
        match rendered {
            Rendered::Whole(written) => {
                if self.saying == Saying::Event {
                    self.after = self.after.saturating_add(1);
                }
                self.saying = Saying::Nothing;
                Ok(written)
            }
            Rendered::Partly(written) => Ok(written),
            Rendered::Nothing | Rendered::Overwritten => Err(OverwrittenError),
        }
    }

    fn id(&self, source: &impl LogReader) -> EventId {
        EventId { epoch: source.epoch(), seq: self.after }
    }

    fn measure(&self, source: &impl LogReader) -> Option<(EventMeta, u64)> {
        match self.framing {
            Subprotocol::Plain => measure(&Plain, source, self.after),
            Subprotocol::Envelope => measure(&Enveloped, source, self.after),
        }
    }
}

fn kind(encoding: Encoding) -> MessageKind {
    match encoding {
        Encoding::Text => MessageKind::Text,
        Encoding::Binary => MessageKind::Binary,
    }
}

/// The data and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

impl Form for Plain {
    fn any(&self) -> AnyForm {
        AnyForm::Plain
    }

    fn head(&self, _id: EventId, _meta: &EventMeta, _event_type: &[u8], _out: &mut impl Output) {}

    fn data(&self, _meta: &EventMeta, _previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        out.put(piece);
    }

    fn tail(&self, _meta: &EventMeta, _out: &mut impl Output) {}
}

/// `{"id","type","data"}` for text; `{"id","type"}`, LF and the bytes for binary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enveloped;

const OBJECT: Envelope = Envelope { before: b"", behind: b"" };

impl Form for Enveloped {
    fn any(&self) -> AnyForm {
        AnyForm::Enveloped
    }

    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        match meta.encoding {
            Encoding::Text => OBJECT.head(id, meta, event_type, out),
            Encoding::Binary => {
                out.put(b"{");
                Envelope::id_and_type(id, event_type, out);
                out.put(b"}\n");
            }
        }
    }

    fn data(&self, meta: &EventMeta, previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        match meta.encoding {
            Encoding::Text => OBJECT.data(meta, previous, piece, out),
            Encoding::Binary => out.put(piece),
        }
    }

    fn tail(&self, meta: &EventMeta, out: &mut impl Output) {
        if meta.encoding == Encoding::Text {
            OBJECT.tail(meta, out);
        }
    }
}
