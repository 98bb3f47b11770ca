//! A client's WebSocket input.
#![no_main]

use goldcrest_core::ws::Role;
use goldcrest_oracles::websocket::receives_the_same_as_tungstenite;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u8; 3], &[u8])| receives_the_same_as_tungstenite(Role::Server, input.1, &input.0));
