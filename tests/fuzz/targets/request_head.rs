#![no_main]
use goldcrest_core::http::{Accumulator, Request};
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut room = [0; 256];
    let mut accumulator = Accumulator::new();
    let Ok(taken) = accumulator.take(&mut room, input) else { return };
    let Some(length) = taken.complete else { return };
    let _ = Request::parse(&room[..], length, 16);
});
