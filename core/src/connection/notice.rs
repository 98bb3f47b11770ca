//! All that the core says to a log of the caller's: by the feature `defmt` or `log`; without them no format string is linked.
//!
//! A function each, called with values that are there anyway: a future holds nothing more for it.

#![cfg_attr(not(any(feature = "defmt", feature = "log")), allow(unused_variables, reason = "then nothing is said"))]

use crate::log::Gap;
use crate::websocket::Disconnect;

#[cfg(all(feature = "defmt", feature = "log"))]
compile_error!("the features `defmt` and `log` exclude each other: choose the one that the program's log is of");

macro_rules! say {
    ($level:ident, $($what:tt)+) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($($what)+);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        ::log::$level!($($what)+);
    }};
}

/// A connection is over.
pub(crate) fn ended(ended: Disconnect) {
    say!(debug, "connection ended: {}", ended);
}

/// A request is answered by `status` instead of what it asked for; `why` is the answer's text.
pub(crate) fn refused(status: u16, why: &str) {
    say!(info, "refused with {}: {}", status, why.trim_end());
}

/// A connection became a WebSocket.
pub(crate) fn upgraded(protocol: Option<&str>) {
    say!(debug, "upgraded to WebSocket, subprotocol: {}", protocol.unwrap_or("none"));
}

/// A reader is told of a gap.
pub(crate) fn gap(gap: Gap) {
    if let Some(missed) = gap.missed {
        say!(info, "a reader missed {} events", missed);
    } else {
        say!(info, "a reader's cursor could not be placed");
    }
}

/// A client is sent away, to come back later, since all of these are in use.
pub(crate) fn full(of: &str) {
    say!(warn, "full: {} in use", of);
}
