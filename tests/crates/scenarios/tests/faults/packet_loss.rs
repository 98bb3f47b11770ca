//! Packets that are lost, late, doubled, out of order; peers that vanish. The server runs in a network namespace of its
//! own, and this test forwards the packets between the two.

use goldcrest_tests::List;

#[cfg(not(target_os = "linux"))]
pub(crate) fn scenarios(_: &mut List) {}

#[cfg(target_os = "linux")]
pub(crate) fn scenarios(list: &mut List) {
    use goldcrest_tests::Need;
    list.add("packet_loss::loss_delay_reordering_and_doubles_lose_nothing", &[Need::Network], on_linux::weather);
    list.add("packet_loss::vanished_peers_are_released_and_get_a_gap_on_return", &[Need::Network], on_linux::vanished);
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::net::SocketAddr;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};
    use std::{slice, thread};

    use goldcrest_tests::link::{FAR, Link, NEAR, Weather};
    use goldcrest_tests::process::descriptors;
    use goldcrest_tests::{Item, Peer, Reader, Server, Start, Transport, UPGRADE, Width};

    use crate::resilient_reader::{Home, read_to};
    use crate::seq;

    /// There is one link at a time.
    static ONE: Mutex<()> = Mutex::new(());

    fn start(link: &Link, flags: &[&str]) -> Server {
        Server::start_by(&link.far_command(), SocketAddr::new(FAR.into(), 0), flags)
    }

    pub(super) fn weather() {
        const EVENTS: u64 = 300;
        let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let fair = Weather { delay: Duration::from_millis(2), ..Weather::default() };
        let link = Link::new(fair, 11);
        let server = start(&link, &[]);
        let channel = server.channel_named("weather");
        let begin = channel.newest();
        link.set(Weather { loss: 50, doubled: 30, reordered: 100, jitter: Duration::from_millis(4), ..fair });
        let (mut breaks, last) = (0, AtomicU64::new(EVENTS));
        thread::scope(|scope| {
            let _home = Home(&last);
            let readers = Transport::ALL.map(|transport| {
                let (channel, begin, last) = (server.channel_named("weather"), &begin, &last);
                scope.spawn(move || read_to(&channel, transport, begin, last, &AtomicU64::new(0), Start::after))
            });
            for number in 0..EVENTS {
                channel.publish(&format!("{number:0>200}"));
            }
            for (reader, transport) in readers.into_iter().zip(Transport::ALL) {
                let account = reader.join().expect("a reader");
                assert_eq!((account.events, account.missed), (EVENTS, 0), "{transport:?}");
                breaks += account.breaks;
            }
        });
        let packets = link.packets();
        eprintln!("{packets:?}, {breaks} breaks");
        assert!(packets.lost > 20 && packets.doubled > 10 && packets.overtaken > 50, "fair weather: {packets:?}");
    }

    /// The time limit for each release, by the server's options.
    const FREED: Duration = Duration::from_secs(15);
    const FLAGS: [&str; 16] = [
        "--write-timeout",
        "3",
        "--keep-alive",
        "1",
        "--ping-interval",
        "1",
        "--pong-deadline",
        "2",
        "--head-timeout",
        "3",
        "--idle-timeout",
        "3",
        "--body-timeout",
        "3",
        "--threads",
        "2",
    ];

    pub(super) fn vanished() {
        let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let link = Link::new(Weather { delay: Duration::from_millis(1), ..Weather::default() }, 5);
        let server = start(&link, &FLAGS);
        let [staying, leaving, _] = NEAR;
        let address = server.address();
        let there = server.seen_at(address, Some(staying.into()));
        let gone = server.seen_at(address, Some(leaving.into()));
        let channel = there.channel_named("vanish");
        let first = channel.publish("first").id;
        let alone = descriptors(server.process());

        // A neighbour on each transport, which must not be affected.
        let last = AtomicU64::new(u64::MAX);
        thread::scope(|scope| {
            let _home = Home(&last);
            let neighbours = Transport::ALL.map(|transport| {
                let (channel, first, last) = (there.channel_named("vanish"), &first, &last);
                scope.spawn(move || read_to(&channel, transport, first, last, &AtomicU64::new(0), Start::after))
            });
            let while_gone = {
                let followed = [Transport::Stream, Transport::Sse, Transport::WebSocket];
                let channels = followed.map(|_| gone.channel_named("vanish"));
                let mut readers: Vec<Reader<'_>> = channels
                    .iter()
                    .zip(followed)
                    .map(|(channel, transport)| Reader::open(channel, transport, Start::default()))
                    .collect();
                assert_eq!(gone.channel_named("vanish").poll("newest").status(), 200);
                let unfinished = unfinished(&gone);
                // All of them are there, and counted.
                let before = channel.publish("before").id;
                for reader in &mut readers {
                    assert_eq!(reader.ids(1), slice::from_ref(&before));
                }
                let full = descriptors(server.process());
                assert!(full >= alone + readers.len() + unfinished.len() + Transport::ALL.len() - 1, "{alone}, {full}");

                link.silence(leaving);
                let begin = Instant::now();
                // More than their and the kernel's buffers hold, then nothing: they are not released because the buffers are full.
                let filler = "x".repeat(1000);
                let during: Vec<String> = (0..20).map(|_| channel.publish(&filler).id).collect();
                // The neighbours that follow, and the one that waits.
                while channel.publish("anybody?").subscribers > 4 || descriptors(server.process()) > alone + 5 {
                    assert!(
                        begin.elapsed() < FREED,
                        "vanished peers are still there: {} descriptors, {alone} before them",
                        descriptors(server.process())
                    );
                    thread::sleep(Duration::from_millis(50));
                }
                eprintln!("vanished peers were freed after {:.1} s", begin.elapsed().as_secs_f64());
                drop(unfinished);
                (before, during)
            };
            link.heal();
            // They are back, and lost nothing, or get a gap.
            let (before, during) = while_gone;
            for transport in Transport::ALL {
                let channel = gone.channel_named("vanish");
                let mut reader = Reader::open(&channel, transport, Start::after(&before));
                match reader.item() {
                    Item::Event(event) => assert_eq!(event.id, during[0], "{transport:?}"),
                    Item::Gap(gap) => assert!(gap.missed > Some(0), "{transport:?}"),
                }
            }
            // Announced before it is published: a reader that has received it waits for nothing more.
            let end = seq(&channel.newest()) + 1;
            last.store(end, Ordering::Release);
            assert_eq!(seq(&channel.publish("last").id), end);
            for (neighbour, transport) in neighbours.into_iter().zip(Transport::ALL) {
                let account = neighbour.join().expect("a neighbour");
                assert_eq!((account.missed, account.breaks), (0, 0), "{transport:?}: {account:?}");
                assert_eq!(account.events, end - seq(&first), "{transport:?}");
            }
        });
    }

    /// Half a head, half of some content, half a frame, half a message, a connection without a word.
    fn unfinished(server: &Server) -> Vec<Peer> {
        let post = server.request("POST", "/events/vanish-half", &["Content-Type: text/plain"], &[b'x'; 100]);
        let open = |bytes: &[u8]| {
            let mut peer = server.connect_with(Width::Wide);
            peer.send(bytes).unwrap();
            peer
        };
        let mut peers = vec![open(b""), open(b"GET / HT"), open(&post[..post.len() - 50])];
        for piece in [&[0x81, 0x85, 0, 0][..], &[0x01, 0x81, 0, 0, 0, 0, b'a']] {
            let mut peer = open(&server.request("GET", "/events/vanish-half", &UPGRADE, b""));
            assert_eq!(peer.head().unwrap().status, 101);
            peer.send(piece).unwrap();
            peers.push(peer);
        }
        peers
    }
}
