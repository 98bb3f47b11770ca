//! What every delivery says of a log that moves.
#![no_main]

use goldcrest_oracles::reading::{Reading, tells_what_was_appended};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reading: Reading| tells_what_was_appended(&reading));
