//! Chunked content, in pieces, and back.
#![no_main]

use goldcrest_oracles::chunked::{round_trips, decodes_by_httparse_chunk_sizes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>, &[u8])| {
    let (cuts, rooms, bytes) = input;
    decodes_by_httparse_chunk_sizes(bytes, &cuts);
    round_trips(bytes, &rooms, &cuts);
});
