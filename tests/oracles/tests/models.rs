//! The log, and what is read of it, beside models.

use arbitrary::{Arbitrary, Unstructured};
use goldcrest_core::ws::Role;
use goldcrest_oracles::conversation;
use goldcrest_oracles::reading::{self, Reading};
use goldcrest_oracles::ring::{self, Ring};
use goldcrest_oracles::serving::{self, Serving};
use proptest::prelude::*;
use proptest::sample::select;

/// Whatever the bytes stand for; they are what the fuzzer changes too.
fn made_of<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> T {
    T::arbitrary_take_rest(Unstructured::new(bytes)).expect("any bytes make one")
}

proptest! {
    #[test]
    fn what_is_sent_arrives(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        conversation::what_is_sent_arrives(&made_of(&bytes));
    }

    #[test]
    fn a_head_is_the_same_however_it_is_cut(
        bytes in prop::collection::vec(prop_oneof![select(vec![0x81u8, 0x02, 0x89, 0xfe, 0x7e, 0xff, 0x7f, 0]), any::<u8>()], 0..16),
        cuts in prop::collection::vec(1u8..5, 1..4),
    ) {
        for role in [Role::Client, Role::Server] {
            conversation::a_head_is_the_same_however_it_is_cut(role, &bytes, &cuts);
        }
    }

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
