//! Both sides of a handshake.
#![no_main]

use arbitrary::Arbitrary;
use goldcrest_oracles::handshake::{Asked, accepts_only_valid_upgrade_requests, is_accepted_as_by_tungstenite};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Asked(Asked<'a>),
    Head([u8; 16], &'a [u8]),
}

fuzz_target!(|input: Input<'_>| match &input {
    Input::Asked(asked) => is_accepted_as_by_tungstenite(asked),
    Input::Head(nonce, head) => accepts_only_valid_upgrade_requests(head, *nonce),
});
