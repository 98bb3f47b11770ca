//! All that the core says to a log of the caller's: by the feature `defmt` or `log`; without them no format string is linked.
//!
//! A function each, called with values that are there anyway: a future holds nothing more for it.

#![cfg_attr(not(any(feature = "defmt", feature = "log")), allow(unused_variables, reason = "then nothing is said"))]

use crate::websocket::Disconnect;

/// A connection is over.
pub(crate) fn ended(ended: Disconnect) {
    notice!(debug, "connection ended: {}", ended);
}

/// A request is answered by `status` instead of what it asked for; `why` is the answer's text.
pub(crate) fn refused(status: u16, why: &str) {
    notice!(info, "refused with {}: {}", status, why.trim_end());
}

/// A connection became a WebSocket.
pub(crate) fn upgraded(protocol: Option<&str>) {
    notice!(debug, "upgraded to WebSocket, subprotocol: {}", protocol.unwrap_or("none"));
}

/// A client is sent away, to come back later, since all of these are in use.
pub(crate) fn full(of: &str) {
    notice!(warn, "full: {} in use", of);
}
