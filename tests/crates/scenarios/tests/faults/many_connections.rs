//! 10,000 connections, of which a tenth do not read: the others get every event, and the slow ones get gaps.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::process::resident;
use goldcrest_tests::{
    EventStream, Framing, List, Need, Peer, PeerError, Server, Start, Transport, UPGRADE, Width, patience,
};
use serde_json::Value;

use crate::resilient_reader::{Account, read_to};
use crate::seq;

pub(crate) fn scenarios(list: &mut List) {
    list.add("many_connections::ten_thousand_readers_a_tenth_slow_lose_no_event_silently", &[Need::OwnServer], crowd);
}

const ALL: usize = 10_000;
const SLOW: usize = ALL / 10;
/// Each is larger than half of the log, and all are more than the kernel's buffers hold for a slow reader.
const EVENTS: u64 = 40;
const SIZE: usize = 8 * 1024;

fn crowd() {
    let flags = ["--max-connections", "20000", "--max-per-address", "2000", "--history-bytes", "16384"];
    let server = Server::start(&flags);
    let channel = server.channel_named("crowd");
    let begin = channel.publish("begin").id;
    let before = resident(server.process());

    // From ten addresses: a server limits the connections of one address.
    let from = |number: usize| {
        let address = Ipv4Addr::new(127, 0, 1, u8::try_from(1 + number % 10).unwrap());
        server.seen_at(server.address(), Some(address.into()))
    };
    let doors: Vec<Server> = (0..10).map(from).collect();
    let mut brisk: Vec<Brisk> = (SLOW..ALL).map(|number| Brisk::open(&doors[number % 10])).collect();
    let mut slow: Vec<Slow> = (0..SLOW).map(|number| Slow::open(&doors[number % 10], &begin)).collect();
    brisk.iter_mut().for_each(Brisk::opened);
    slow.iter_mut().for_each(Slow::opened);
    let idle = resident(server.process());
    eprintln!("{ALL} connections: {:.1} KiB of memory each", (idle.saturating_sub(before)) as f64 / ALL as f64);

    let mut longest = Duration::ZERO;
    for number in 1..=EVENTS {
        let text = format!("{number:08}{}", "x".repeat(SIZE - 8));
        let published = channel.publish(&text);
        assert!(number > 1 || published.subscribers == ALL as u64, "{} follow", published.subscribers);
        let (due, began) = (Instant::now() + 3 * patience(), Instant::now());
        // Only the slow readers are behind when the next event is published.
        while brisk
            .iter_mut()
            .filter(|reader| reader.last < number)
            .map(Brisk::read)
            .filter(|last| *last < number)
            .count()
            > 0
        {
            assert!(
                Instant::now() < due,
                "{} have not got event {number}",
                brisk.iter().filter(|it| it.last < number).count()
            );
        }
        longest = longest.max(began.elapsed());
    }
    eprintln!("{EVENTS} events of {SIZE} bytes; the slowest reached {} readers after {longest:?}", ALL - SLOW);
    let busy = resident(server.process());
    eprintln!("{:.1} KiB each with a tenth of them slow", (busy.saturating_sub(before)) as f64 / ALL as f64);

    let end = channel.newest();
    let accounts: Vec<Account> = thread::scope(|scope| {
        let parts: Vec<_> = slow
            .chunks_mut(SLOW / 4)
            .map(|part| {
                let (server, end) = (&server, seq(&end));
                scope.spawn(move || part.iter_mut().map(|reader| reader.account(server, end)).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("slow readers")).collect()
    });
    assert!(accounts.iter().all(|account| account.events + account.missed == EVENTS), "{accounts:?}");
    let behind = accounts.iter().filter(|account| account.missed > 0).count();
    let missed: u64 = accounts.iter().map(|account| account.missed).sum();
    eprintln!("{behind} of {SLOW} slow readers got gaps of {missed} lost events");
    assert!(behind > SLOW / 2, "hardly a slow reader was slow");
}

/// Reads at once: a WebSocket without subprotocol, whose messages are the data.
struct Brisk {
    stream: TcpStream,
    unread: Vec<u8>,
    /// The number of the last event.
    last: u64,
}

impl Brisk {
    fn open(server: &Server) -> Self {
        let mut peer = server.connect();
        peer.send(&server.request("GET", "/events/crowd", &UPGRADE, b"")).unwrap();
        Self { stream: peer.stream().try_clone().unwrap(), unread: Vec::new(), last: 0 }
    }

    /// Reads the head of the answer; nothing stands behind it yet.
    fn opened(&mut self) {
        let mut head = [0; 512];
        let mut length = 0;
        while !head[..length].ends_with(b"\r\n\r\n") {
            length += self.stream.read(&mut head[length..]).expect("a head");
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head[..length].escape_ascii());
        self.stream.set_nonblocking(true).unwrap();
    }

    /// Reads the available events and reports the position.
    fn read(&mut self) -> u64 {
        let mut room = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => panic!("ended after event {}", self.last),
                Ok(count) => {
                    self.unread.extend_from_slice(&room[..count]);
                    if count < room.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("after event {}: {error}", self.last),
            }
        }
        while let [first, second, rest @ ..] = &self.unread[..] {
            match (first, second) {
                (0x89, 0..=125) if rest.len() >= usize::from(*second) => {
                    let length = usize::from(*second);
                    // Answered, masked with zeros.
                    let pong = [&[0x8a, 0x80 | *second, 0, 0, 0, 0], &rest[..length]].concat();
                    self.stream.write_all(&pong).unwrap();
                    self.unread.drain(..2 + length);
                }
                (0x81, 126) if rest.len() >= SIZE + 2 => {
                    assert_eq!(usize::from(u16::from_be_bytes([rest[0], rest[1]])), SIZE);
                    let number: u64 = std::str::from_utf8(&rest[2..10]).unwrap().parse().unwrap();
                    assert_eq!(number, self.last + 1, "passed over, or twice");
                    self.last = number;
                    self.unread.drain(..SIZE + 4);
                }
                (0x89 | 0x81, _) => break,
                other => panic!("a frame {other:x?}"),
            }
        }
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        self.last
    }
}

/// Reads nothing until all is over: an event stream, with as little room as the system gives.
struct Slow {
    peer: Peer,
    framing: Framing,
    parser: EventStream,
    begin: String,
    account: Account,
}

impl Slow {
    fn open(server: &Server, begin: &str) -> Self {
        let mut peer = server.connect_with(Width::Narrow);
        let fields = [Transport::Sse.field().unwrap()];
        peer.send(&server.request("GET", "/events/crowd", &fields, b"")).unwrap();
        let parser = EventStream::default();
        Self { peer, framing: Framing::Chunked, parser, begin: begin.to_owned(), account: Account::default() }
    }

    fn opened(&mut self) {
        let head = self.peer.head().expect("a head");
        assert_eq!(head.status, 200);
        self.framing = head.framing("GET").unwrap();
        while self.parser.blocks == 0 {
            let piece = self.peer.piece(&mut self.framing).unwrap().expect("a first block");
            assert_eq!(self.parser.take(&piece), []);
        }
        assert_eq!(self.parser.last_id, self.begin);
    }

    /// Reads on to the event numbered `end`, over a connection of its own where this one broke.
    fn account(&mut self, server: &Server, end: u64) -> Account {
        let mut cursor = self.begin.clone();
        while seq(&cursor) < end {
            let piece = match self.peer.piece(&mut self.framing) {
                Ok(Some(piece)) => piece,
                // Part of an event was on the wire when it was overwritten, or it took nothing for too long.
                Ok(None) | Err(PeerError::Closed | PeerError::Reset) => {
                    let channel = server.channel_named("crowd");
                    let (last, seen) = (AtomicU64::new(end), AtomicU64::new(0));
                    let rest = read_to(&channel, Transport::Sse, &cursor, &last, &seen, Start::after);
                    self.account.events += rest.events;
                    self.account.missed += rest.missed;
                    self.account.breaks += rest.breaks + 1;
                    break;
                }
                Err(trouble) => panic!("after {cursor}: {trouble:?}"),
            };
            for event in self.parser.take(&piece) {
                let step = seq(&event.id) - seq(&cursor);
                if event.event_type == "gap" {
                    let gap: Value = serde_json::from_str(&event.data).unwrap();
                    assert_eq!(gap["missed"].as_u64(), Some(step));
                    self.account.missed += step;
                } else {
                    assert_eq!(step, 1, "passed over, or twice");
                    self.account.events += 1;
                }
                cursor = event.id;
            }
        }
        self.account
    }
}
