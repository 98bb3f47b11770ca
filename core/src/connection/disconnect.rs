//! The end of a connection.

use core::fmt;

use crate::http::Status;
use crate::trace;
use crate::ws::ProtocolError;

/// The reason why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Disconnect {
    /// The peer closed, or the last response was sent.
    Closed,
    /// The socket failed, or it ended before the response did.
    Broken,
    /// A deadline passed without progress of the peer.
    TimedOut,
    /// A request was rejected with this status.
    Rejected(Status),
    /// The peer broke a rule of the WebSocket protocol; the Close has its code.
    Protocol(ProtocolError),
    /// An event was overwritten after a part of it was sent.
    Overwritten,
    /// A client's random source failed. Frames must be masked (RFC 6455 §5.3), so nothing more is sent.
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
