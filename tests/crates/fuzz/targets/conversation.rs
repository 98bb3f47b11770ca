//! Messages between our client and our server.
#![no_main]

use goldcrest_oracles::Steps;
use goldcrest_oracles::conversation::{ConversationStep, client_and_server_exchange_messages_unchanged};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Steps<ConversationStep>| client_and_server_exchange_messages_unchanged(&steps));
