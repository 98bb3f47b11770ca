//! The log, its cursors and its idempotency keys.
#![no_main]

use goldcrest_oracles::ring::{Ring, agrees_with_a_vector};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|ring: Ring| agrees_with_a_vector(&ring));
