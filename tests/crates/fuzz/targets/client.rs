//! A whole client.
#![no_main]

use goldcrest_oracles::client::{ClientCase, ends_or_reconnects};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|listening: ClientCase<'_>| {
    ends_or_reconnects(&listening);
});
