//! What a client and a server of ours say to one another.
#![no_main]

use goldcrest_oracles::Steps;
use goldcrest_oracles::conversation::{Step, what_is_sent_arrives};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Steps<Step>| what_is_sent_arrives(&steps));
