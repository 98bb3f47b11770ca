//! The head of a request, in pieces.
#![no_main]

use goldcrest_oracles::request_head::takes_only_what_httparse_takes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, &[u8])| takes_only_what_httparse_takes(input.1, &input.0));
