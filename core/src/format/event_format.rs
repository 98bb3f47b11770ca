//! Every form that there is: on a chip one renderer serves them all.

use super::EventStream;
use super::event_messages::{Enveloped, Plain};
use super::json::Envelope;
use super::publication::Published;
use super::render::Form;
use crate::log::{EventId, EventMeta};
use crate::output::Output;

/// A form that is chosen while the program runs, a branch for each part of an event. Where each form has a renderer of its
/// own, as on a host, nobody needs it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(small_code), allow(dead_code, reason = "there each form has a renderer of its own"))]
pub(super) enum AnyForm {
    EventStream,
    Envelope(Envelope),
    Enveloped,
    Plain,
    Published,
}

/// The same call on the form that was chosen.
macro_rules! chosen {
    ($form:ident.$method:ident($($argument:expr),*)) => {
        match $form {
            Self::EventStream => EventStream.$method($($argument),*),
            Self::Envelope(envelope) => envelope.$method($($argument),*),
            Self::Enveloped => Enveloped.$method($($argument),*),
            Self::Plain => Plain.$method($($argument),*),
            Self::Published => Published.$method($($argument),*),
        }
    };
}

impl Form for AnyForm {
    fn any(&self) -> AnyForm {
        *self
    }

    fn head(&self, id: EventId, meta: &EventMeta, event_type: &[u8], out: &mut impl Output) {
        chosen!(self.head(id, meta, event_type, out));
    }

    fn data(&self, meta: &EventMeta, previous: Option<u8>, piece: &[u8], out: &mut impl Output) {
        chosen!(self.data(meta, previous, piece, out));
    }

    fn tail(&self, meta: &EventMeta, out: &mut impl Output) {
        chosen!(self.tail(meta, out));
    }
}
