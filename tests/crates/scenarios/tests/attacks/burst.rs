//! A publisher that sends more events in one write than a channel keeps.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{
    Channel, List, Need, Reader, Server, Start, Transport, Width, patience, websocket, websocket_with,
};
use tungstenite::Message;

pub(crate) fn scenarios(list: &mut List) {
    for threads in ["1", "2", "8"] {
        for by in [By::Plain, By::Envelope, By::Post] {
            for count in [2_000, 10_000] {
                let name =
                    format!("burst::{count}_events_in_one_write_{by:?}_on_{threads}_threads_reach_every_fast_reader");
                list.add(name.to_lowercase(), &[Need::OwnServer], move || fast_readers_get_all(threads, by, count));
            }
        }
        let name =
            format!("burst::a_stalled_reader_on_{threads}_threads_costs_nobody_an_event_and_the_publisher_one_wait");
        list.add(name, &[Need::OwnServer], move || a_stalled_reader_costs_one_wait(threads));
    }
}

/// How events are published.
#[derive(Clone, Copy, Debug)]
enum By {
    /// As messages of a WebSocket without subprotocol.
    Plain,
    /// As messages of `goldcrest.v1`, each of which is answered.
    Envelope,
    /// As pipelined requests, each of which is answered.
    Post,
}

/// Events that a channel keeps by default.
const KEPT: usize = 1024;

/// [`Config::publish_wait`](goldcrest_core::server::Config::publish_wait) by default.
const WAIT: Duration = Duration::from_millis(250);

/// Event number `number`, of so many bytes.
fn text(number: usize, length: usize) -> String {
    format!("{number:0length$}")
}

/// A whole frame of a client. A masking key of zeros leaves the payload as it is.
fn frame(payload: &str, out: &mut Vec<u8>) {
    out.push(0x81);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload.as_bytes());
}

/// Publishes `count` events in one write, and reads the responses until all events are stored.
fn publish(channel: &Channel<'_>, by: By, count: usize, length: usize) {
    let server = channel.server();
    let mut bytes = Vec::new();
    for number in 0..count {
        let data = text(number, length);
        match by {
            By::Plain => frame(&data, &mut bytes),
            By::Envelope => frame(&format!(r#"{{"data":"{data}","ref":{number}}}"#), &mut bytes),
            By::Post => {
                let request =
                    server.request("POST", &channel.target(""), &["Content-Type: text/plain"], data.as_bytes());
                bytes.extend_from_slice(&request);
            }
        }
    }
    let stream = match by {
        By::Post => server.connect().stream().try_clone().unwrap(),
        By::Plain | By::Envelope => {
            let protocol = if let By::Envelope = by { "goldcrest.v1" } else { "" };
            websocket(server, &channel.target(""), protocol, &[]).unwrap().get_ref().try_clone().unwrap()
        }
    };
    let (stored, is_stored) = channel_of_one();
    let taken = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || take_until(taken, by, &text(count - 1, length), count, &stored));
        (&stream).write_all(&bytes).unwrap();
        is_stored.recv_timeout(patience() * 6).expect("all is stored");
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
}

fn channel_of_one() -> (Sender<()>, Receiver<()>) {
    channel()
}

/// Reads the publisher's input until its last event is stored: that event itself on a WebSocket, which is a reader too, or
/// as many responses as there were requests.
fn take_until(mut stream: TcpStream, by: By, last: &str, count: usize, stored: &Sender<()>) {
    let mut buffer = vec![0; 64 * 1024];
    let (mut unread, mut answers) = (Vec::new(), 0);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => unread.extend_from_slice(&buffer[..length]),
        }
        let wanted: &[u8] = if let By::Post = by { b"\"subscribers\":" } else { last.as_bytes() };
        answers += unread.windows(wanted.len()).filter(|window| *window == wanted).count();
        let enough = if let By::Post = by { count } else { 1 };
        if answers >= enough {
            let _ = stored.send(());
        }
        let kept = unread.len().min(wanted.len() - 1);
        unread.drain(..unread.len() - kept);
    }
}

/// Reads all events; none is missing, and none comes twice.
fn read_all(
    server: &Server,
    name: &str,
    transport: Option<Transport>,
    count: usize,
    length: usize,
    follows: &Sender<()>,
) {
    let channel = &server.channel_named(name);
    let Some(transport) = transport else {
        // A WebSocket without subprotocol is closed where an event is missing.
        let mut socket = websocket(channel.server(), &channel.target(""), "", &[]).unwrap();
        follows.send(()).unwrap();
        for number in 0..count {
            let message = loop {
                match socket.read().unwrap_or_else(|error| panic!("plain, event {number}: {error}")) {
                    Message::Ping(_) | Message::Pong(_) => {}
                    message => break message,
                }
            };
            assert_eq!(message, Message::text(text(number, length)), "plain");
        }
        return;
    };
    let mut reader = Reader::open(channel, transport, Start::default());
    follows.send(()).unwrap();
    let mut previous = None;
    for number in 0..count {
        let event = reader.event();
        assert_eq!(event.data, text(number, length).into_bytes(), "{transport:?}");
        let seq: u64 = event.id.split_once('-').unwrap().1.parse().unwrap();
        assert!(previous.is_none_or(|previous| seq == previous + 1), "{transport:?}: {previous:?} and then {seq}");
        previous = Some(seq);
    }
}

/// Four fast readers, one of each transport that follows, and a publisher: how long until all is stored.
fn burst(channel: &Channel<'_>, by: By, count: usize, length: usize) -> Duration {
    let (server, name) = (channel.server(), channel.name());
    thread::scope(|scope| {
        let (follows, followed) = channel_of_one();
        let readers = [Some(Transport::Stream), Some(Transport::Sse), Some(Transport::WebSocket), None];
        let reading = readers.map(|transport| {
            let follows = follows.clone();
            scope.spawn(move || read_all(server, name, transport, count, length, &follows))
        });
        for _ in &reading {
            followed.recv_timeout(patience()).expect("a reader that follows");
        }
        let begin = Instant::now();
        publish(channel, by, count, length);
        let took = begin.elapsed();
        for reader in reading {
            reader.join().expect("a reader that has all");
        }
        took
    })
}

fn fast_readers_get_all(threads: &str, by: By, count: usize) {
    let server = Server::start(&["--threads", threads]);
    burst(&server.channel(), by, count, 20);
    server.stop();
}

/// The events are large enough that the buffers of the stalled reader's connection do not take them all.
fn a_stalled_reader_costs_one_wait(threads: &str) {
    const COUNT: usize = 10_000;
    const LENGTH: usize = 200;
    const { assert!(COUNT > 4 * KEPT && COUNT * LENGTH > 4 * 256 * 1024) };
    let server = Server::start(&["--threads", threads]);
    let alone = burst(&server.channel(), By::Plain, COUNT, LENGTH);
    let channel = server.channel();
    let stalled = websocket_with(Width::Narrow, &server, &channel.target(""), "goldcrest.v1", &[]).unwrap();
    let beside = burst(&channel, By::Plain, COUNT, LENGTH);
    eprintln!("{threads} threads: {COUNT} events stored in {alone:?} alone, in {beside:?} beside a stalled reader");
    // One wait, and room for a machine that does something else meanwhile.
    assert!(beside < alone * 3 + WAIT * 4, "{beside:?} beside it, {alone:?} alone");
    drop(stalled);
    server.stop();
}
