//! The unit tests of goldcrest-core on a Cortex-M3: 32-bit `usize`, and the code that a chip runs (`tests/scripts/on-target`).
//!
//! The modules of the core are compiled into this program as for `cargo test`, property tests included; `std` is its part
//! that needs only an allocator, and `#[test]` lists a function in a section of the image.
//!
//! A panic ends the test, not the run: it is noted in RAM that a reset leaves alone, and the chip starts again with the next.
#![no_std]
#![no_main]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the core is linted as the library that it is")]

#[macro_use]
extern crate on_target_macros;
extern crate alloc;
extern crate std;

mod heap;
mod run;

include!(concat!(env!("OUT_DIR"), "/core.rs"));
