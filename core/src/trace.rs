//! Lines for the log of the program that uses the crate, by the feature `defmt` or `log`.
//!
//! Each line is a function of values that exist anyway, so that no future stores anything for it. Without these features no
//! format string is linked.

#![cfg_attr(not(any(feature = "defmt", feature = "log")), allow(unused_variables, reason = "no line is written then"))]

#[cfg(all(feature = "defmt", feature = "log"))]
compile_error!("the features `defmt` and `log` exclude each other: choose the one whose logger the program has");

macro_rules! line {
    ($level:ident, $($arguments:tt)+) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($($arguments)+);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        ::log::$level!($($arguments)+);
    }};
}
pub(crate) use line;

/// The response has `status` in place of the requested content; `reason` is its text.
pub(crate) fn rejected(status: u16, reason: &str) {
    line!(info, "refused with {}: {}", status, reason.trim_end());
}

/// A connection became a WebSocket.
pub(crate) fn upgraded(subprotocol: Option<&str>) {
    line!(debug, "upgraded to WebSocket, subprotocol: {}", subprotocol.unwrap_or("none"));
}

/// A reader missed events; `None`: its cursor is unknown.
pub(crate) fn gap(missed: Option<u64>) {
    if let Some(missed) = missed {
        line!(info, "a reader missed {} events", missed);
    } else {
        line!(info, "a reader's cursor could not be placed");
    }
}

/// A client is asked to come back later, since all of `resources` are in use.
pub(crate) fn overloaded(resources: &str) {
    line!(warn, "full: {} in use", resources);
}
