//! An event stream, in pieces.
#![no_main]

use goldcrest_oracles::event_stream::says_what_eventsource_stream_says;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u8; 3], &[u8])| says_what_eventsource_stream_says(input.1, &input.0));
