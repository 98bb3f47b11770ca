//! A line for the program's log.

#![cfg_attr(not(any(feature = "defmt", feature = "log")), allow(unused_variables, reason = "no line is written then"))]

use crate::log::Gap;

/// A reader gets a gap.
pub(super) fn gap(gap: Gap) {
    if let Some(missed) = gap.missed {
        notice!(info, "a reader missed {} events", missed);
    } else {
        notice!(info, "a reader's cursor could not be placed");
    }
}
