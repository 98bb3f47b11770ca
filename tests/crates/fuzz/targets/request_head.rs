//! The head of a request, in pieces.
#![no_main]

use goldcrest_oracles::request_head::parses_the_same_as_httparse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, &[u8])| parses_the_same_as_httparse(input.1, &input.0));
