//! A flat object.
#![no_main]

use goldcrest_oracles::json::parses_the_same_as_serde_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parses_the_same_as_serde_json(bytes));
