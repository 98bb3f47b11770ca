//! Incomplete requests and full channels, as many as the limits permit.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::process::resident;
use goldcrest_tests::{List, Need, Peer, Server, Width, patience};

pub(crate) fn scenarios(list: &mut List) {
    list.add("memory::incomplete_requests_stay_below_the_memory_limit", &[Need::OwnServer], incomplete_requests);
    list.add("memory::full_channels_stay_below_the_memory_limit", &[Need::OwnServer], full_channels);
}

/// The limit of the server under attack, in KiB: a fraction of the memory that the attack asks for.
const LIMIT: u64 = 32 << 10;
/// Memory of the allocator, the executor and the program itself, which the limit does not count, in KiB.
const SLACK: u64 = 12 << 10;

const HEADS: usize = 1_000;
const BODIES: usize = 1_000;

/// 1,000 heads of 15 KiB and 1,000 bodies of 60 KiB, all incomplete, are 75 MB. The server has 32 MiB.
fn incomplete_requests() {
    let server = Server::start(&["--max-memory", &(LIMIT << 10).to_string(), "--threads", "2"]);
    let channel = server.channel_named("calm");
    let id = channel.publish("before").id;
    let before = resident(server.process());
    let grown = |server: &Server| resident(server.process()).saturating_sub(before);

    let mut attackers: Vec<Peer> = Vec::new();
    let mut highest = 0;
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(15 << 10));
    let body = format!("POST /events/full HTTP/1.1\r\nHost: {}\r\nContent-Length: 65000\r\n\r\n", server.authority());
    let body = [body.into_bytes(), vec![b'x'; 60 << 10]].concat();
    for number in 0..HEADS + BODIES {
        let peer = server.connect_with(Width::Wide);
        // The server may refuse in the middle of it.
        let _ = peer.stream().set_write_timeout(Some(Duration::from_millis(50)));
        let _ = peer.stream().write_all(if number < BODIES { &body } else { head.as_bytes() });
        attackers.push(peer);
        if number % 50 == 0 {
            highest = highest.max(grown(&server));
            // Small requests are answered meanwhile.
            let poll = server.ask("GET", &channel.target(&format!("after={id}")), &[], b"");
            assert_eq!(poll.status(), 200, "after {number} attackers: {poll:?}");
            assert!(channel.publish("meanwhile").id.len() > 9);
        }
    }
    highest = highest.max(grown(&server));
    eprintln!("{} incomplete requests: {highest} KiB of memory, of {LIMIT} KiB", HEADS + BODIES);
    assert!(highest <= LIMIT + SLACK, "{highest} KiB of memory, more than {LIMIT} KiB");
    assert!(!server.lines("memory limit").is_empty(), "the log says that the limit is reached");

    drop(attackers);
    let due = Instant::now() + 3 * patience();
    while grown(&server) > SLACK {
        assert!(Instant::now() < due, "{} KiB of memory are still in use", grown(&server));
        thread::sleep(Duration::from_millis(20));
    }
    let large = server.ask("POST", "/events/full", &["Content-Type: text/plain"], &vec![b'x'; 60 << 10]);
    assert_eq!(large.status(), 202, "large events are accepted again");
}

/// 300 channels of 256 KiB, read on eight threads, are 75 MiB and up to eight times as much. The server has 32 MiB.
fn full_channels() {
    let server = Server::start(&["--max-memory", &(LIMIT << 10).to_string(), "--threads", "8"]);
    let channel = server.channel_named("calm");
    let id = channel.publish("before").id;
    let before = resident(server.process());
    let grown = || resident(server.process()).saturating_sub(before);
    let event = "x".repeat(60 << 10);
    let (mut highest, mut refused, mut readers) = (0, 0, Vec::new());
    for number in 0..300 {
        for _ in 0..5 {
            let target = format!("/events/full{number}");
            let status = server.ask("POST", &target, &["Content-Type: text/plain"], event.as_bytes()).status();
            assert!(matches!(status, 201 | 202 | 503), "{status}");
            refused += usize::from(status == 503);
        }
        for _ in 0..3 {
            let mut peer = server.connect_with(Width::Wide);
            let target = format!("/events/full{}?after=oldest", number / 10);
            peer.send(&server.request("GET", &target, &["Accept: text/event-stream"], b"")).unwrap();
            readers.push(peer);
        }
        if number % 20 == 0 {
            highest = highest.max(grown());
            let poll = server.ask("GET", &channel.target(&format!("after={id}")), &[], b"");
            assert_eq!(poll.status(), 200, "small requests are answered meanwhile");
            channel.publish("meanwhile");
        }
    }
    highest = highest.max(grown());
    eprintln!("300 full channels on eight threads: {highest} KiB of memory, of {LIMIT} KiB; {refused} of 1500 refused");
    assert!(highest <= LIMIT + SLACK, "{highest} KiB of memory, more than {LIMIT} KiB");
    assert!(refused > 0, "a request without memory for it was refused");
}
