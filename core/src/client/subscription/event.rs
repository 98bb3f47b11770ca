//! The events of a subscription.

use core::time::Duration;

use crate::client::Error;
use crate::format::Transport;
use crate::log::Gap;

/// An event, lent from the subscription's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its id: where to resume after it. Empty where the server gives none.
    pub id: &'a str,
    /// Its type, `message` where it has none of its own.
    pub event_type: &'a str,
    /// Its data.
    pub data: EventData<'a>,
}

/// The data of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventData<'a> {
    /// Text. On SSE each CR and CR LF in it has become an LF.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> EventData<'a> {
    /// The bytes, of text as well.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// What there is to know next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEvent<'a, E> {
    /// A transport works. Told again after each loss, not for each poll.
    Opened {
        /// Which one.
        transport: Transport,
    },
    /// An event.
    Event(Event<'a>),
    /// Events are missing here: the log does not hold them any more.
    Gap(Gap),
    /// A transport has failed or is lost.
    Disconnected {
        /// Which one.
        transport: Transport,
        /// Why.
        error: Error<E>,
        /// How long it waits until the next attempt, on this transport or on the next.
        delay: Duration,
    },
}
