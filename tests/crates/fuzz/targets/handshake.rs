//! Both sides of a handshake.
#![no_main]

use arbitrary::Arbitrary;
use goldcrest_oracles::handshake::{Asked, grants_only_what_asks, is_granted_as_tungstenite_would};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Asked(Asked<'a>),
    Head([u8; 16], &'a [u8]),
}

fuzz_target!(|input: Input<'_>| match &input {
    Input::Asked(asked) => is_granted_as_tungstenite_would(asked),
    Input::Head(nonce, head) => grants_only_what_asks(head, *nonce),
});
