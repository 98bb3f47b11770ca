//! The head of an answer.
#![no_main]

use goldcrest_oracles::answer_head::takes_only_what_httparse_takes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|head: &[u8]| takes_only_what_httparse_takes(head));
