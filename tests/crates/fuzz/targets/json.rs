//! A flat object.
#![no_main]

use goldcrest_oracles::json::reads_what_serde_reads;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reads_what_serde_reads(bytes));
