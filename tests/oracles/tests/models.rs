//! The log, and what is read of it, beside models.

use arbitrary::{Arbitrary, Unstructured};
use goldcrest_oracles::reading::{self, Reading};
use goldcrest_oracles::ring::{self, Ring};
use goldcrest_oracles::serving::{self, Serving};
use proptest::prelude::*;

/// Whatever the bytes stand for; they are what the fuzzer changes too.
fn made_of<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> T {
    T::arbitrary_take_rest(Unstructured::new(bytes)).expect("any bytes make one")
}

proptest! {
    #[test]
    fn a_ring_agrees_with_a_vector(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        size in 30u16..700,
        slots in 1u8..12,
    ) {
        let ring = Ring { size, slots, ..made_of(&bytes) };
        ring::agrees_with_a_vector(&ring);
    }

    #[test]
    fn a_ring_of_any_size_agrees_with_a_vector(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        ring::agrees_with_a_vector(&made_of(&bytes));
    }

    #[test]
    fn a_delivery_tells_what_was_appended(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        size in 100u16..1500,
        slots in 1u8..17,
        back in prop::option::weighted(0.9, 0u8..40),
    ) {
        let reading = Reading { size, slots, back, ..made_of(&bytes) };
        reading::tells_what_was_appended(&reading);
    }

    #[test]
    fn a_connection_ends_and_gives_all_back(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        buffer in prop_oneof![Just(1024u16), 0u16..300],
        size in 100u16..1500,
        slots in 1u8..17,
    ) {
        let serving = Serving { buffer, buffers: 2, log: (size, slots), ..made_of(&bytes) };
        serving::ends_and_gives_all_back(&serving);
    }
}
