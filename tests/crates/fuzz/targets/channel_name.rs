//! The names of channels in a path.
#![no_main]

use goldcrest_oracles::channel_name::{a_permitted_name_survives_a_url, decodes_the_same_as_the_percent_encoding_crate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    decodes_the_same_as_the_percent_encoding_crate(text);
    a_permitted_name_survives_a_url(text);
});
