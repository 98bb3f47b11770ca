//! Errors of the sending methods.

use super::NoEntropy;

/// The reason for which nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// A frame of ours is not finished: transmit its rest first.
    Busy,
    /// The room is too short for the whole frame. Try with more, or begin it with [`Connection::start_frame`](super::Connection::start_frame).
    NoRoom,
    /// The other type of message is unfinished: its last fragment comes first.
    OtherMessage,
    /// A Close of ours waits or left: nothing follows it.
    Closing,
    /// The random source failed. Nothing was begun.
    NoEntropy,
}

impl From<NoEntropy> for SendError {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::NoEntropy
    }
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Busy => "a frame is unfinished",
            Self::NoRoom => "the frame does not fit",
            Self::OtherMessage => "a message of the other type is unfinished",
            Self::Closing => "the connection is closing",
            Self::NoEntropy => "no entropy for a masking key",
        })
    }
}

impl core::error::Error for SendError {}
