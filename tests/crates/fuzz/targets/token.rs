//! JSON Web Tokens, their claims, and keys.
#![no_main]

use goldcrest_oracles::token::{claims_are_read_as_by_jsonwebtoken, is_verified_as_by_jsonwebtoken, parses_as_a_key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &str)| {
    let (key, algorithm, text) = input;
    is_verified_as_by_jsonwebtoken(key.into(), text);
    claims_are_read_as_by_jsonwebtoken(key.into(), algorithm.into(), text);
    parses_as_a_key(text);
});
