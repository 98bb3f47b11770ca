//! The events of a subscription.

use core::time::Duration;

use crate::client::Error;
use crate::format::Transport;
use crate::log::Gap;

/// An event of a channel, borrowed from the subscription's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The id, to resume after it. Empty if the server has none.
    pub id: &'a str,
    /// The type; `message` by default (WHATWG HTML §9.2.6).
    pub event_type: &'a str,
    /// The data, as it was published.
    pub data: EventData<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// The data of an event: text or bytes.
pub enum EventData<'a> {
    /// Text. On SSE each CR and CR LF in it has become an LF (WHATWG HTML §9.2.6).
    Text(&'a str),
    /// Any bytes.
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

/// The next event of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEvent<'a, E> {
    /// A transport is open. Reported again after each loss, but not for each poll.
    Opened {
        /// The open transport.
        transport: Transport,
    },
    /// An event of the channel.
    Event(Event<'a>),
    /// Events are missing here: the log no longer holds them.
    Gap(Gap),
    /// A transport has failed or its connection is lost.
    Disconnected {
        /// The lost transport.
        transport: Transport,
        /// The reason.
        error: Error<E>,
        /// The time until the next attempt, on this transport or the next.
        delay: Duration,
    },
}
