//! A sum that overflows where it is checked: `tests/scripts/no-panic` has to find it.
#![no_std]
#![no_main]
#![allow(dead_code, reason = "each program calls a part of it")]

mod unknown;

use core::hint::black_box;

use unknown::number;

#[unsafe(no_mangle)]
extern "C" fn _start() {
    black_box(number() + number());
}
