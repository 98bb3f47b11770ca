//! The head of a frame, in pieces.
#![no_main]

use goldcrest_core::ws::Role;
use goldcrest_oracles::conversation::a_request_head_parses_the_same_at_any_split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u8; 3], bool, &[u8])| {
    let role = if input.1 { Role::Client } else { Role::Server };
    a_request_head_parses_the_same_at_any_split(role, input.2, &input.0);
});
