//! URLs, and references from one to another.
#![no_main]

use goldcrest_oracles::url::{resolves_as_the_url_crate_does, parses_the_same_as_the_url_crate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str, &str)| {
    let (memory, reference, base) = input;
    parses_the_same_as_the_url_crate(base);
    resolves_as_the_url_crate_does(base, reference, memory.into());
});
