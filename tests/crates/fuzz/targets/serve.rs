//! A whole connection.
#![no_main]

use goldcrest_oracles::serving::{Serving, ends_and_gives_all_back};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|serving: Serving<'_>| ends_and_gives_all_back(&serving));
