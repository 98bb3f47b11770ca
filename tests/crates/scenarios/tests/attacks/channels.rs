//! Requests that name one new channel each.

use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{List, Need, Peer, Published, Server, UPGRADE, Width, patience};

pub(crate) fn scenarios(list: &mut List) {
    list.add("channels::reading_takes_no_channel", &[Need::OwnServer], read_at_once);
    for (name, run) in [
        ("channels::long_polls_leave_room_for_new_channels", long_polls as fn()),
        ("channels::event_streams_leave_room_for_new_channels", event_streams),
        ("channels::streams_leave_room_for_new_channels", streams),
        ("channels::websockets_leave_room_for_new_channels", websockets),
    ] {
        list.add(name, &[Need::OwnServer], run);
    }
    list.add("channels::one_backend_publishes_in_a_thousand_channels", &[Need::OwnServer], a_thousand);
}

/// The limit of channels, by default.
const CHANNELS: usize = 1024;

fn publish(server: &Server, channel: &str) -> u16 {
    server.ask("POST", &format!("/events/{channel}"), &["Content-Type: text/plain"], b"x").status()
}

/// Polls and HEAD, with each `Accept`, of more channels than the limit.
fn read_at_once() {
    let server = Server::start(&[]);
    let fields: [&[&str]; 3] = [&["Accept: image/*"], &["Accept: text/event-stream"], &["Prefer: wait=30"]];
    let mut peer = server.connect();
    let mut cursor = String::new();
    for number in 0..CHANNELS + 9 {
        let target = format!("/events/z{number}");
        peer.send(&server.request("GET", &target, fields[0], b"")).unwrap();
        let answer = peer.answer("GET").unwrap();
        assert_eq!(answer.status(), 200, "{target}");
        answer.json()["after"].as_str().unwrap().clone_into(&mut cursor);
        // A HEAD of a stream ends its connection.
        assert_eq!(server.ask("HEAD", &target, fields[number % 3], b"").status(), 200, "HEAD {target}");
    }
    assert_eq!(publish(&server, "new"), 202);
    // The cursor of a channel that was not there is good once it is there.
    let last = format!("z{}", CHANNELS + 8);
    let id = Published::of(&server.ask("POST", &format!("/events/{last}"), &["Content-Type: text/plain"], b"x")).id;
    let poll = server.ask("GET", &format!("/events/{last}?after={cursor}"), &[], b"").json();
    assert!(poll.get("gap").is_none(), "{poll}");
    assert_eq!(poll["after"].as_str(), Some(&*id));
}

fn long_polls() {
    held(&["Prefer: wait=60"], "");
}

fn event_streams() {
    held(&["Accept: text/event-stream"], "");
}

fn streams() {
    held(&[], "?transport=stream");
}

fn websockets() {
    held(&UPGRADE, "");
}

/// As many followers as there may be channels, each of a channel of its own, from one address.
fn held(fields: &[&str], query: &str) {
    let server = Server::start(&[]);
    let attackers: Vec<Peer> = (0..CHANNELS)
        .map(|number| {
            let mut peer = server.connect_with(Width::Wide);
            peer.send(&server.request("GET", &format!("/events/z{number}{query}"), fields, b"")).unwrap();
            peer
        })
        .collect();
    // While they are there three quarters of the channels are theirs, and the rest is left: for their own address as well.
    for number in 0..CHANNELS / 5 {
        assert_eq!(publish(&server, &format!("new{number}")), 202, "beside {CHANNELS} followers");
    }
    drop(attackers);
    // And nothing of it stays.
    let due = Instant::now() + patience();
    for number in CHANNELS / 5..CHANNELS - CHANNELS / 64 {
        while publish(&server, &format!("new{number}")) != 202 {
            assert!(Instant::now() < due, "channels of readers that are gone take the place of new ones");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn a_thousand() {
    let server = Server::start(&[]);
    for number in 0..1000 {
        assert_eq!(publish(&server, &format!("c{number}")), 202, "{number}");
    }
    assert_eq!(publish(&server, "c0"), 202, "a channel that is there takes no place");
    for number in 1000..CHANNELS {
        publish(&server, &format!("c{number}"));
    }
    assert_eq!(publish(&server, "one-too-many"), 503, "one address does not take them all");
    let other = server.seen_at(server.address(), Some([127, 0, 0, 9].into()));
    assert_eq!(publish(&other, "of-another-address"), 202);
}
