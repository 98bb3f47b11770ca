//! A whole connection.
#![no_main]

use goldcrest_oracles::server::{ServerCase, ends_and_releases_all};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|serving: ServerCase<'_>| ends_and_releases_all(&serving));
