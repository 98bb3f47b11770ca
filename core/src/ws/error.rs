//! Protocol errors of a peer on an open connection, and their close codes.

use super::close::CloseCode;

/// A violation of RFC 6455 by the peer, or a bound of ours that it passed.
///
/// Each ends the connection: a Close with [`close_code`](Self::close_code) leaves, then the socket is dropped
/// (RFC 6455 §7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ProtocolError {
    /// RSV1, RSV2 or RSV3 is set, and no extension was agreed that gives it a meaning (§5.2).
    ReservedBits,
    /// An opcode that is reserved: 3–7 or 11–15 (§5.2).
    ReservedOpcode,
    /// A control frame without FIN (§5.5).
    FragmentedControl,
    /// A control frame with more than 125 bytes of payload (§5.5).
    LongControl,
    /// A client's frame without a masking key (§5.1).
    Unmasked,
    /// A server's frame with a masking key (§5.1).
    Masked,
    /// A payload length in more bytes than it needs (§5.2).
    LengthNotMinimal,
    /// A 64-bit payload length with its most significant bit set (§5.2).
    LengthTooLarge,
    /// A continuation while no message is unfinished (§5.4).
    UnexpectedContinuation,
    /// A new message while another is unfinished (§5.4).
    MessageUnfinished,
    /// Text, or the reason of a Close, is not UTF-8 (§8.1).
    NotUtf8,
    /// A Close whose payload is one byte (§5.5.1).
    HalfCloseCode,
    /// A close code that may not stand in a frame (§7.4).
    BadCloseCode,
    /// A message larger than this side takes.
    MessageTooBig,
    /// More pings and pongs than this side takes in a second.
    TooManyControlFrames,
}

impl ProtocolError {
    /// The status code of the Close frame: 1002, 1007, 1008 or 1009 (RFC 6455 §7.4.1).
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::NotUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyControlFrames => CloseCode::POLICY_VIOLATION,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl core::fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set",
            Self::ReservedOpcode => "a reserved opcode",
            Self::FragmentedControl => "a fragmented control frame",
            Self::LongControl => "a control frame of more than 125 bytes",
            Self::Unmasked => "a client's frame is not masked",
            Self::Masked => "a server's frame is masked",
            Self::LengthNotMinimal => "a payload length is not in its shortest form",
            Self::LengthTooLarge => "a payload length of 2^63 or more",
            Self::UnexpectedContinuation => "a continuation of no message",
            Self::MessageUnfinished => "a new message before the last one ended",
            Self::NotUtf8 => "text that is not UTF-8",
            Self::HalfCloseCode => "a Close of one byte",
            Self::BadCloseCode => "a close code that may not be sent",
            Self::MessageTooBig => "a message that is too big",
            Self::TooManyControlFrames => "too many control frames in a second",
        })
    }
}

impl core::error::Error for ProtocolError {}
