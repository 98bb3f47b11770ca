//! A network link of the suite's own between two network namespaces: it loses, delays, reorders and doubles packets, or
//! passes none of an address. The TCP on both sides is the kernel's. The kernel's `netem` does the same, but not every
//! kernel has it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, RawFd};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, io};

use fastrand::Rng;
use smoltcp::phy::{self, Device, Medium, RxToken, TunTapInterface, TxToken};

/// The address of the far side, where the server is.
pub const FAR: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);

/// The addresses of the near side, where the clients are.
pub const NEAR: [Ipv4Addr; 3] = [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 3)];

/// The faults of each packet, in both directions. Numbers of packets are of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// So many are lost.
    pub loss: u32,
    /// So many come twice.
    pub doubled: u32,
    /// So many are held back for a while, so that others overtake them.
    pub reordered: u32,
    /// Each takes so long.
    pub delay: Duration,
    /// And up to so long besides.
    pub jitter: Duration,
}

/// How many packets there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packets {
    /// That came to the link.
    pub seen: u64,
    /// That were lost.
    pub lost: u64,
    /// That came twice.
    pub doubled: u64,
    /// That left after one that came later.
    pub overtaken: u64,
}

/// A link. It ends with the value.
#[derive(Debug)]
pub struct Link {
    shared: Arc<Shared>,
    passing: Option<JoinHandle<()>>,
    far: String,
}

#[derive(Debug, Default)]
struct Shared {
    weather: Mutex<Weather>,
    silent: Mutex<HashSet<Ipv4Addr>>,
    over: AtomicBool,
    seen: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    overtaken: AtomicU64,
}

/// The name of the namespace in `GOLDCREST_FAR`, which `tests/scripts/in-two-networks` sets.
pub fn far_network() -> Option<String> {
    env::var("GOLDCREST_FAR").ok()
}

impl Link {
    /// A link between this network namespace and the one that [`far_network`] names. There may be one at a time.
    ///
    /// # Panics
    /// Where it cannot be made: that takes root and `/dev/net/tun`.
    pub fn new(weather: Weather, seed: u64) -> Self {
        let far = far_network().expect("GOLDCREST_FAR names a network namespace");
        // The devices are born here, and one moves away with its descriptor staying.
        let tun = |name| TunTapInterface::new(name, Medium::Ip).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (near_end, far_end) = ("goldcrest-near", "goldcrest-far");
        let (begun, has_begun) = std::sync::mpsc::channel();
        let shared = Arc::new(Shared { weather: Mutex::new(weather), ..Shared::default() });
        let of_thread = Arc::clone(&shared);
        let network = far.clone();
        let passing = thread::spawn(move || {
            let ends = [tun(near_end), tun(far_end)];
            ip(&["link", "set", far_end, "netns", &network]);
            for near in NEAR {
                ip(&["addr", "add", &format!("{near}/32"), "dev", near_end]);
            }
            ip(&["link", "set", near_end, "up"]);
            ip(&["route", "add", "10.77.1.0/24", "dev", near_end, "src", &NEAR[0].to_string()]);
            ip(&["-n", &network, "addr", "add", &format!("{FAR}/32"), "dev", far_end]);
            ip(&["-n", &network, "link", "set", far_end, "up"]);
            ip(&["-n", &network, "route", "add", "10.77.0.0/24", "dev", far_end]);
            begun.send(()).unwrap();
            of_thread.pass_on(ends, Rng::with_seed(seed));
        });
        has_begun.recv().expect("a link");
        Self { shared, passing: Some(passing), far }
    }

    /// The prefix of a command in the far network.
    pub fn far_command(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.far]
    }

    /// Other weather from now on.
    pub fn set(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap() = weather;
    }

    /// Passes no packet from or to `address`: that peer has vanished.
    pub fn silence(&self, address: Ipv4Addr) {
        self.shared.silent.lock().unwrap().insert(address);
    }

    /// Passes everything again.
    pub fn heal(&self) {
        self.shared.silent.lock().unwrap().clear();
    }

    /// The packets so far.
    pub fn packets(&self) -> Packets {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Shared { seen, lost, doubled, overtaken, .. } = &*self.shared;
        Packets { seen: count(seen), lost: count(lost), doubled: count(doubled), overtaken: count(overtaken) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let ended = self.passing.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || thread::panicking(), "the link broke");
    }
}

/// A packet on its way: when it leaves, its number, to which end.
type Waiting = Reverse<(Instant, u64, usize, Vec<u8>)>;

impl Shared {
    fn pass_on(&self, mut ends: [TunTapInterface; 2], mut random: Rng) {
        let mut waiting = BinaryHeap::<Waiting>::new();
        let (mut number, mut latest) = (0, [0; 2]);
        while !self.over.load(Ordering::SeqCst) {
            let mut idle = true;
            for (number_of_end, end) in ends.iter_mut().enumerate() {
                while let Some(packet) = receive(end) {
                    idle = false;
                    for due in self.fate(&packet, &mut random) {
                        number += 1;
                        waiting.push(Reverse((due, number, 1 - number_of_end, packet.clone())));
                    }
                }
            }
            while waiting.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
                let Some(Reverse((_, number, end, packet))) = waiting.pop() else { break };
                if number < latest[end] {
                    self.overtaken.fetch_add(1, Ordering::Relaxed);
                }
                latest[end] = latest[end].max(number);
                send(&mut ends[end], &packet);
            }
            if idle {
                // A look at the other end and at the clock each millisecond.
                wait(ends[0].as_raw_fd()).unwrap();
            }
        }
    }

    /// When a packet leaves: never, once or twice.
    fn fate(&self, packet: &[u8], random: &mut Rng) -> Vec<Instant> {
        // The kernel has words of its own for IPv6 as soon as a device is up.
        let Some(&[a, b, c, d, e, f, g, h]) = packet.get(12..20).filter(|_| packet[0] >> 4 == 4) else {
            return Vec::new();
        };
        self.seen.fetch_add(1, Ordering::Relaxed);
        let silent = self.silent.lock().unwrap();
        let vanished = [Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h)].iter().any(|it| silent.contains(it));
        let weather = *self.weather.lock().unwrap();
        if vanished || random.u32(0..1000) < weather.loss {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let copies = if random.u32(0..1000) < weather.doubled { 2 } else { 1 };
        self.doubled.fetch_add(copies - 1, Ordering::Relaxed);
        let moment = |_| {
            let jitter = weather.jitter.mul_f64(random.f64());
            let held = if random.u32(0..1000) < weather.reordered { HELD } else { Duration::ZERO };
            Instant::now() + weather.delay + jitter + held
        };
        (0..copies).map(moment).collect()
    }
}

/// How long a packet is held back that others are to overtake.
const HELD: Duration = Duration::from_millis(5);

fn receive(end: &mut TunTapInterface) -> Option<Vec<u8>> {
    let (packet, _) = end.receive(smoltcp::time::Instant::ZERO)?;
    Some(packet.consume(<[u8]>::to_vec))
}

fn send(end: &mut TunTapInterface, packet: &[u8]) {
    if let Some(room) = end.transmit(smoltcp::time::Instant::ZERO) {
        room.consume(packet.len(), |room| room.copy_from_slice(packet));
    }
}

fn wait(end: RawFd) -> io::Result<()> {
    phy::wait(end, Some(smoltcp::time::Duration::from_millis(1)))
}

fn ip(words: &[&str]) {
    let status = Command::new("ip").args(words).status().unwrap_or_else(|error| panic!("ip: {error}"));
    assert!(status.success(), "ip {}: {status}", words.join(" "));
}
