//! The log and its readers, beside models.

use arbitrary::{Arbitrary, Unstructured};
use goldcrest_core::ws::Role;
use goldcrest_oracles::client::{self, Answer, Client, ClientCase, ClientStep, Framing};
use goldcrest_oracles::conversation;
use goldcrest_oracles::format::{self, FormatCase};
use goldcrest_oracles::ring::{self, Ring};
use goldcrest_oracles::server::{self, ServerCase};
use proptest::prelude::*;
use proptest::sample::select;

/// Arbitrary values from bytes, as the fuzzer makes them.
fn made_of<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> T {
    T::arbitrary_take_rest(Unstructured::new(bytes)).expect("any bytes make one")
}

proptest! {
    #[test]
    fn client_and_server_exchange_messages_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        conversation::client_and_server_exchange_messages_unchanged(&made_of(&bytes));
    }

    #[test]
    fn a_request_head_parses_the_same_at_any_split(
        bytes in prop::collection::vec(prop_oneof![select(vec![0x81u8, 0x02, 0x89, 0xfe, 0x7e, 0xff, 0x7f, 0]), any::<u8>()], 0..16),
        cuts in prop::collection::vec(1u8..5, 1..4),
    ) {
        for role in [Role::Client, Role::Server] {
            conversation::a_request_head_parses_the_same_at_any_split(role, &bytes, &cuts);
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
    fn a_format_delivers_the_appended_events(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        size in 100u16..1500,
        slots in 1u8..17,
        back in prop::option::weighted(0.9, 0u8..40),
    ) {
        let reading = FormatCase { size, slots, back, ..made_of(&bytes) };
        format::delivers_the_appended_events(&reading);
    }

    #[test]
    fn a_server_connection_ends_and_releases_its_resources(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        buffer in prop_oneof![Just(1024u16), 0u16..300],
        size in 100u16..1500,
        slots in 1u8..17,
    ) {
        let serving = ServerCase { buffer, buffers: 2, log: (size, slots), ..made_of(&bytes) };
        server::ends_and_releases_all(&serving);
    }

    #[test]
    fn a_client_ends_or_reconnects(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        buffer in prop_oneof![Just(512u16), 0u16..300],
        events in prop_oneof![Just(600u16), 0u16..400],
        socket in prop_oneof![Just((255u8, 255u8)), any::<(u8, u8)>()],
    ) {
        let listening = ClientCase { buffer, memory: (events, 64), socket, ..made_of(&bytes) };
        client::ends_or_reconnects(&listening);
    }

    #[test]
    fn a_client_of_each_kind_ends_or_reconnects(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        client in prop_oneof![
            any::<bool>().prop_map(Client::EventSource),
            any::<(bool, bool)>().prop_map(|(parts, talks)| Client::WebSocket(parts, talks)),
            any::<(u8, u8, u8)>().prop_map(|(first, last, start)| Client::Subscription(first, last, start)),
            any::<bool>().prop_map(Client::Publisher),
        ],
    ) {
        let socket = (255, 255);
        let plain = ClientCase { client, buffer: 512, memory: (600, 64), socket, entropy: true, ..made_of(&bytes) };
        client::ends_or_reconnects(&plain);
    }
}

/// An event that is never returned would never be checked.
#[test]
fn a_client_of_each_kind_receives_from_a_correct_server() {
    let all = [
        (Client::EventSource(true), 4),
        (Client::WebSocket(false, true), 4),
        (Client::WebSocket(true, false), 4),
        // Over a WebSocket, SSE, streaming, a long poll and a poll.
        (Client::Subscription(0, 0, 0), 4),
        (Client::Subscription(1, 0, 0), 4),
        (Client::Subscription(2, 0, 0), 4),
        (Client::Subscription(3, 0, 0), 4),
        (Client::Subscription(4, 0, 0), 4),
        (Client::Publisher(true), 1),
    ];
    for (client, handed) in all {
        let event = |number| ClientStep::Event(number, b"a\xff {\"b\"}");
        let mut steps = vec![ClientStep::Answer(Answer::Fitting, Framing::Chunked)];
        if !matches!(client, Client::Publisher(_)) {
            steps.extend([1, 2, 4, 5].map(event));
        }
        steps.push(ClientStep::Finish);
        let rest = made_of::<ClientCase<'_>>(&[]);
        let listening = ClientCase {
            client,
            buffer: 512,
            memory: (600, 64),
            socket: (255, 255),
            drops: false,
            entropy: true,
            before_end: None,
            steps: goldcrest_oracles::Steps(steps),
            ..rest
        };
        assert_eq!(client::ends_or_reconnects(&listening), handed, "{client:?}");
    }
}
