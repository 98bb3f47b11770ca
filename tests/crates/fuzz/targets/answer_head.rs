//! The head of an answer.
#![no_main]

use goldcrest_oracles::response_head::parses_the_same_as_httparse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|head: &[u8]| parses_the_same_as_httparse(head));
