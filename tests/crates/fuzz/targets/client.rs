//! A whole client.
#![no_main]

use goldcrest_oracles::client::{Listening, ends_or_reconnects};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|listening: Listening<'_>| {
    ends_or_reconnects(&listening);
});
