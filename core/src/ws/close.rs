//! Close codes and reasons (RFC 6455 §5.5.1, §7.4).
//!
//! ```
//! use goldcrest_core::ws::close::{CloseCode, CloseReason};
//!
//! assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
//! assert_eq!(CloseCode::new(1005), None); // says that there was no code: never in a frame
//! assert_eq!(CloseCode::new(4001).unwrap().as_u16(), 4001);
//! assert_eq!(CloseReason::new("gap").unwrap().as_str(), "gap");
//! ```

/// A close code that may stand in a Close frame: 1000–1003, 1007–1014 and 3000–4999.
///
/// 1004 is reserved. 1005, 1006 and 1015 are reported to applications and never sent (RFC 6455 §7.4.1). 1012–1014 are
/// from the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser left the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: data of a type that cannot be taken.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message against the receiver's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message larger than the receiver takes.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: a client misses an extension that it needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: a server cannot fulfil the request.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts; come back after a random pause.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway had a bad answer from upstream.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// `code`, if it may stand in a frame.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The code as a number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

/// A Close frame that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// The status code. `None`: the Close frame has no code, which an API reports as 1005 (RFC 6455 §7.1.5).
    pub code: Option<CloseCode>,
    /// The reason; empty if the Close frame has none.
    pub reason: &'a str,
}

/// Why a connection is closed, for people to read: at most 123 bytes, so that it fits a Close beside its code.
///
/// It is static because a connection then keeps a pointer and not 123 bytes more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseReason(&'static str);

impl CloseReason {
    /// No reason.
    pub const NONE: Self = Self("");
    /// The longest reason in bytes (RFC 6455 §5.5: 125 bytes of payload, two of them the code).
    pub const MAX: usize = 123;

    /// `reason`, if it is not longer than [`Self::MAX`] bytes.
    pub const fn new(reason: &'static str) -> Option<Self> {
        if reason.len() <= Self::MAX { Some(Self(reason)) } else { None }
    }

    /// The reason's text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_codes_of_the_registry_may_be_sent() {
        for code in 0..=u16::MAX {
            let may = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).map(CloseCode::as_u16), may.then_some(code));
        }
    }

    #[test]
    fn a_reason_has_at_most_123_bytes() {
        const LONG: &str = match core::str::from_utf8(&[b'x'; 124]) {
            Ok(text) => text,
            Err(_) => "",
        };
        assert_eq!(LONG.len(), 124);
        assert_eq!(CloseReason::new(LONG), None);
        assert_eq!(CloseReason::new(&LONG[..123]).map(|reason| reason.as_str().len()), Some(123));
    }
}
