//! URLs, and what refers from one to another.
#![no_main]

use goldcrest_oracles::url::{follows_as_the_url_crate_does, takes_only_what_the_url_crate_takes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str, &str)| {
    let (memory, reference, base) = input;
    takes_only_what_the_url_crate_takes(base);
    follows_as_the_url_crate_does(base, reference, memory.into());
});
