//! Connections that send as fast as they can, beside others on the same thread.
//!
//! A neighbour measures round trips on a server with one thread, in turn alone and beside four hostile connections. The bound is the
//! neighbour's 99th percentile in the best round: at most [`FACTOR`] times its value alone, or [`FLOOR`] where that is more.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{List, Need, Peer, Server};

/// Hostile connections at once.
const ATTACKERS: usize = 4;

/// Rounds, each with a part alone and a part beside the attack.
const ROUNDS: usize = 5;

/// How long each part of a round takes. It goes on until there are enough round trips, or for [`MAX_PART`].
const PART: Duration = Duration::from_millis(400);
const MAX_PART: Duration = Duration::from_secs(2);
const ENOUGH: usize = 100;

const FACTOR: u32 = 10;
const FLOOR: Duration = Duration::from_millis(20);

/// A hostile client.
struct Attack {
    name: &'static str,
    /// Sent first; the response is read up to the end of a head.
    opening: Vec<u8>,
    /// Sent once behind it.
    first: Vec<u8>,
    /// Sent over and over.
    again: Vec<u8>,
    /// The connection is given up after each answer, and opened anew.
    reconnects: bool,
}

pub(crate) fn scenarios(list: &mut List) {
    for attack in attacks() {
        list.add(format!("fairness::beside_{}", attack.name), &[Need::OwnServer], move || beside(&attack));
    }
}

fn attacks() -> Vec<Attack> {
    let request = |line: &str, fields: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes();
    let socket = request(
        "GET /events/attack",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    );
    let frame = |first: u8, payload: &[u8]| {
        let key = [1, 2, 3, 4];
        let masked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        [first, 0x80 | payload.len() as u8].into_iter().chain(key).chain(masked).collect::<Vec<u8>>()
    };
    let web_socket = |name, first: &[u8], again: Vec<u8>| Attack {
        name,
        opening: socket.clone(),
        first: first.to_vec(),
        again,
        reconnects: false,
    };
    let http = |name, again: Vec<u8>| Attack { name, opening: Vec::new(), first: Vec::new(), again, reconnects: false };
    let accept = |range: &str| {
        let ranges = range.repeat(15_800 / range.len());
        request("GET /events/attack", &format!("Accept: {ranges}*/*\r\n"))
    };
    let chunks = ["1\r\nx\r\n".repeat(1_000), "0\r\n\r\n".to_owned()].concat();
    let chunked = request("POST /events/attack", "Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n");
    let post = request("POST /events/attack", "Content-Type: text/plain\r\nContent-Length: 1\r\n");
    vec![
        web_socket("empty_pings", b"", frame(0x89, b"")),
        web_socket("pings_with_payload", b"", frame(0x89, &[b'x'; 125])),
        web_socket("empty_fragments", &frame(0x01, b""), frame(0x00, b"")),
        web_socket("messages_that_publish", b"", frame(0x81, b"x")),
        http("pipelined_404s", request("GET /nothing", "")),
        http("pipelined_polls", request("GET /events/attack", "")),
        http("accept_fields_of_16_kib", accept("a/b;q=0.1,")),
        http("accept_fields_of_empty_elements", accept(",")),
        http("pipelined_posts", [post, b"x".to_vec()].concat()),
        http("chunks_of_a_byte", [chunked, chunks.into_bytes()].concat()),
        Attack { reconnects: true, ..web_socket("handshakes", b"", Vec::new()) },
    ]
}

fn beside(attack: &Attack) {
    let server = Server::start(&["--threads", "1"]);
    let mut neighbour = server.connect();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let alone = round_trips(&server, &mut neighbour);
        let over = AtomicBool::new(false);
        let beside = thread::scope(|scope| {
            let attacking = scope.spawn(|| run(&server, attack, &over));
            let beside = round_trips(&server, &mut neighbour);
            over.store(true, Ordering::Relaxed);
            let sent = attacking.join().expect("the attack");
            assert!(sent > 0, "nothing was sent");
            beside
        });
        rounds.push((alone, beside));
    }
    // On a busy machine any round may be disturbed, and the part alone that follows an attack works off its backlog.
    let best = |part: fn(&(Figures, Figures)) -> Figures| {
        rounds.iter().map(part).min_by_key(|part| part.p99).expect("a round")
    };
    let (alone, beside) = (best(|round| round.0), best(|round| round.1));
    eprintln!("beside {}: alone {alone}, beside {beside}", attack.name);
    let bound = FLOOR.max(alone.p99 * FACTOR);
    assert!(beside.p99 <= bound, "{}: alone {alone}, beside {beside}", attack.name);
}

/// Round trips in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Figures {
    p50: Duration,
    p99: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
        write!(f, "p50 {:.2} ms p99 {:.2} ms", millis(self.p50), millis(self.p99))
    }
}

fn round_trips(server: &Server, neighbour: &mut Peer) -> Figures {
    let request = server.request("GET", "/events/neighbour", &[], b"");
    let begin = Instant::now();
    let mut times = Vec::new();
    while begin.elapsed() < PART || (times.len() < ENOUGH && begin.elapsed() < MAX_PART) {
        let sent = Instant::now();
        neighbour.send(&request).unwrap();
        assert_eq!(neighbour.answer("GET").unwrap().status(), 200);
        times.push(sent.elapsed());
        thread::sleep(Duration::from_micros(300));
    }
    times.sort();
    Figures { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
}

/// One of the hostile connections.
struct Attacker {
    stream: TcpStream,
    /// Bytes of the answer to the opening's head that came, `None` behind its end.
    head: Option<usize>,
    waiting: Vec<u8>,
    sent: usize,
}

/// Attacks until it is over: how many bytes were sent. A connection that the server ends is opened anew.
fn run(server: &Server, attack: &Attack, over: &AtomicBool) -> usize {
    let open = || {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let head = (!attack.opening.is_empty()).then_some(0);
        Attacker { stream, head, waiting: attack.opening.clone(), sent: 0 }
    };
    let block =
        if attack.again.is_empty() { Vec::new() } else { attack.again.repeat(64 * 1024 / attack.again.len() + 1) };
    let mut attackers: Vec<Attacker> = (0..ATTACKERS).map(|_| open()).collect();
    let (mut room, mut total) = (vec![0; 64 * 1024], 0);
    while !over.load(Ordering::Relaxed) {
        let mut moved = false;
        for attacker in &mut attackers {
            let mut ended = false;
            match attacker.stream.read(&mut room) {
                Ok(0) => ended = true,
                Ok(count) => {
                    moved = true;
                    if let Some(seen) = attacker.head {
                        // Only the opening was sent: the response is its head.
                        let whole = room[..count].ends_with(b"\r\n\r\n");
                        attacker.head = (!whole).then_some(seen + count);
                        if whole {
                            ended = attack.reconnects;
                            attacker.waiting.clear();
                            attacker.waiting.extend_from_slice(&attack.first);
                            attacker.sent = 0;
                        }
                    }
                }
                Err(error) => ended = error.kind() != ErrorKind::WouldBlock,
            }
            if attacker.sent == attacker.waiting.len() && attacker.head.is_none() {
                attacker.waiting.clear();
                attacker.waiting.extend_from_slice(&block);
                attacker.sent = 0;
            }
            if !ended && attacker.sent < attacker.waiting.len() {
                match attacker.stream.write(&attacker.waiting[attacker.sent..]) {
                    Ok(count) => {
                        moved = true;
                        attacker.sent += count;
                        total += count;
                    }
                    Err(error) => ended = error.kind() != ErrorKind::WouldBlock,
                }
            }
            if ended {
                *attacker = open();
            }
        }
        if !moved {
            thread::sleep(Duration::from_micros(100));
        }
    }
    total
}
