//! How a connection ended.

use core::fmt;

use crate::http::Status;
use crate::trace;
use crate::ws::ProtocolError;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Disconnect {
    /// In order: the peer closed, or the last answer was sent.
    Closed,
    /// The socket broke, or a client's ended before the answer that it carried.
    Broken,
    /// The peer took or sent nothing for too long.
    TimedOut,
    /// A request was refused, and the answer said so.
    Rejected(Status),
    /// The peer broke the WebSocket protocol, and the Close said so.
    Protocol(ProtocolError),
    /// An event was overwritten while part of it was on the wire.
    Overwritten,
    /// A client's random source failed: nothing leaves unmasked.
    NoEntropy,
}

impl Disconnect {
    /// Writes a line to the program's log.
    #[cfg_attr(
        not(any(feature = "defmt", feature = "log")),
        allow(clippy::unused_self, reason = "no line is written then")
    )]
    pub(crate) fn trace(self) {
        trace::line!(debug, "connection ended: {}", self);
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Broken => f.write_str("the connection broke"),
            Self::TimedOut => f.write_str("the peer was silent for too long"),
            Self::Rejected(status) => write!(f, "refused with {}", status.code()),
            Self::Protocol(error) => write!(f, "closed for {error:?}"),
            Self::Overwritten => f.write_str("an event was overwritten while it was being sent"),
            Self::NoEntropy => f.write_str("no entropy for a masking key"),
        }
    }
}

impl core::error::Error for Disconnect {}
