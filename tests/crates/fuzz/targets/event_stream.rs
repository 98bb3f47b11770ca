//! An event stream, in pieces.
#![no_main]

use goldcrest_oracles::event_stream::parses_the_same_as_eventsource_stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u8; 3], &[u8])| parses_the_same_as_eventsource_stream(input.1, &input.0));
