//! Chunked content, in pieces, and back.
#![no_main]

use goldcrest_oracles::chunked::{arrives_as_it_was, decodes_what_httparse_sizes_say};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>, &[u8])| {
    let (cuts, rooms, bytes) = input;
    decodes_what_httparse_sizes_say(bytes, &cuts);
    arrives_as_it_was(bytes, &rooms, &cuts);
});
