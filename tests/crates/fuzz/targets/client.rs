//! A whole client.
#![no_main]

use goldcrest_oracles::listening::{Listening, ends_or_asks_again};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|listening: Listening<'_>| {
    ends_or_asks_again(&listening);
});
