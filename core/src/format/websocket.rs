//! Events as WebSocket messages.

use super::any::AnyForm;
use super::envelope::{Envelope, gap_notice};
use super::render::{Form, Progress, Rendered, measure, render};
use crate::connection::notice;
use crate::log::{Encoding, EventId, Gap, GapPolicy, Meta, Position, Source};
use crate::output::{Pour, Ruler, Sink};

/// How events become messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
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
pub struct Overwritten;

/// What there is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum NextMessage {
    /// A message of so many bytes: [`Messages::fill`] writes them.
    Message(MessageKind, u64),
    /// Nothing until the log moves.
    Nothing,
    /// The reader is behind, and is to be closed with code 4001 (`gap`).
    Behind,
}

/// A reader that gets events as messages.
#[derive(Debug)]
pub struct Messages {
    framing: Framing,
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

impl Messages {
    /// Reads `source` from `position` on.
    pub fn new(framing: Framing, source: &impl Source, position: Position, policy: GapPolicy) -> Self {
        let placed = source.place(position, policy);
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

    /// Whether [`Messages::next`] has something other than [`NextMessage::Nothing`].
    pub fn has_next(&self, source: &impl Source) -> bool {
        self.gap.is_some() || self.behind || self.after < source.newest()
    }

    /// The next message, once the one before has been written to its end.
    pub fn next(&mut self, source: &impl Source) -> NextMessage {
        loop {
            if let Some(gap) = self.gap.take() {
                notice::gap(gap);
                if self.framing == Framing::Plain {
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
            let placed = source.place(Position::After(self.id(source)), self.policy);
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
    /// [`Overwritten`]: the message cannot be ended.
    pub fn fill(&mut self, source: &impl Source, room: &mut [u8]) -> Result<usize, Overwritten> {
        let rendered = match self.saying {
            Saying::Nothing => return Ok(0),
            Saying::Gap(gap) => {
                let mut sink = Sink::new(room, self.progress.sent_of_notice());
                gap_notice(gap, self.id(source), &mut sink);
                let (written, whole) = (sink.written(), sink.is_whole());
                self.progress.note(written, whole)
            }
            Saying::Event => match self.framing {
                Framing::Plain => render(&Plain, source, self.after, &mut self.progress, room),
                Framing::Envelope => render(&Enveloped, source, self.after, &mut self.progress, room),
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
            Rendered::Nothing | Rendered::Overwritten => Err(Overwritten),
        }
    }

    fn id(&self, source: &impl Source) -> EventId {
        EventId { epoch: source.epoch(), seq: self.after }
    }

    fn measure(&self, source: &impl Source) -> Option<(Meta, u64)> {
        match self.framing {
            Framing::Plain => measure(&Plain, source, self.after),
            Framing::Envelope => measure(&Enveloped, source, self.after),
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

    fn head(&self, _id: EventId, _meta: &Meta, _event_type: &[u8], _out: &mut impl Pour) {}

    fn data(&self, _meta: &Meta, _previous: Option<u8>, piece: &[u8], out: &mut impl Pour) {
        out.pour(piece);
    }

    fn tail(&self, _meta: &Meta, _out: &mut impl Pour) {}
}

/// `{"id","type","data"}` for text; `{"id","type"}`, LF and the bytes for binary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enveloped;

const OBJECT: Envelope = Envelope { before: b"", behind: b"" };

impl Form for Enveloped {
    fn any(&self) -> AnyForm {
        AnyForm::Enveloped
    }

    fn head(&self, id: EventId, meta: &Meta, event_type: &[u8], out: &mut impl Pour) {
        match meta.encoding {
            Encoding::Text => OBJECT.head(id, meta, event_type, out),
            Encoding::Binary => {
                out.pour(b"{");
                Envelope::id_and_type(id, event_type, out);
                out.pour(b"}\n");
            }
        }
    }

    fn data(&self, meta: &Meta, previous: Option<u8>, piece: &[u8], out: &mut impl Pour) {
        match meta.encoding {
            Encoding::Text => OBJECT.data(meta, previous, piece, out),
            Encoding::Binary => out.pour(piece),
        }
    }

    fn tail(&self, meta: &Meta, out: &mut impl Pour) {
        if meta.encoding == Encoding::Text {
            OBJECT.tail(meta, out);
        }
    }
}
