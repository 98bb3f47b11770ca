//! What a server hears on a WebSocket.
#![no_main]

use goldcrest_core::ws::Role;
use goldcrest_oracles::websocket::hears_what_tungstenite_hears;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u8; 3], &[u8])| hears_what_tungstenite_hears(Role::Client, input.1, &input.0));
