//! Readers of every channel on every thread: a thread copies the requested events, and keeps no copy for longer.

use goldcrest_tests::process::resident;
use goldcrest_tests::{List, Need, Server};

pub(crate) fn scenarios(list: &mut List) {
    list.add("copies::reading_every_full_channel_on_8_threads_keeps_no_copies", &[Need::OwnServer], no_copies);
}

const CHANNELS: usize = 128;
/// Bytes that a channel keeps by default.
const FULL: usize = 256 << 10;
const EVENT: usize = 60_000;
/// Enough that every thread has some of them.
const CONNECTIONS: usize = 32;

fn no_copies() {
    let server = Server::start(&["--threads", "8"]);
    let name = |number: usize| format!("/events/full-{number}");
    let mut publisher = server.connect();
    for number in 0..CHANNELS {
        for _ in 0..FULL / EVENT + 1 {
            publisher
                .send(&server.request("POST", &name(number), &["Content-Type: text/plain"], &[b'x'; EVENT]))
                .unwrap();
            assert_eq!(publisher.answer("POST").unwrap().status(), 202);
        }
    }
    let before = resident(server.process());
    for _ in 0..CONNECTIONS {
        let mut peer = server.connect();
        for number in 0..CHANNELS {
            // A poll, and a reader that follows for a moment.
            for fields in [&[][..], &["Prefer: wait=0"]] {
                let target = format!("{}?after=newest", name(number));
                peer.send(&server.request("GET", &target, fields, b"")).unwrap();
                assert_eq!(peer.answer("GET").unwrap().json()["events"].as_array().map(Vec::len), Some(0));
            }
        }
    }
    let grown = resident(server.process()).saturating_sub(before) as usize;
    let copies = (8 * CHANNELS * FULL) >> 10;
    eprintln!("{CHANNELS} full channels, read on 8 threads: {grown} KiB more; copies of all would be {copies} KiB");
    assert!(grown < copies / 16, "{grown} KiB of copies");
    server.stop();
}
