//! Each format's output of a log that grows meanwhile.
#![no_main]

use goldcrest_oracles::format::{FormatCase, delivers_the_appended_events};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reading: FormatCase| delivers_the_appended_events(&reading));
