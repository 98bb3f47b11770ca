//! Network faults in a stream of bytes, between a client and a server: segmentation, delays, breaks.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use socket2::SockRef;

/// The faults of each connection. All ranges are drawn from anew each time.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Bytes that are passed on at a time. Default: as many as come.
    pub piece: RangeInclusive<usize>,
    /// Milliseconds before each piece: connections overtake one another. Default: none.
    pub delay: RangeInclusive<u64>,
    /// After so many bytes from the server the connection breaks. Default: never.
    pub cut: RangeInclusive<usize>,
    /// Whether it breaks by a reset, or looks like an end in order. Default: either.
    pub reset: Option<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { piece: usize::MAX..=usize::MAX, delay: 0..=0, cut: usize::MAX..=usize::MAX, reset: None }
    }
}

/// A proxy that applies [`Faults`] to connections. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    faults: Mutex<Faults>,
    seed: AtomicU64,
    over: AtomicBool,
    cuts: AtomicUsize,
    pieces: AtomicUsize,
    /// Both ends of each connection, by its number.
    connections: Mutex<HashMap<u64, [TcpStream; 2]>>,
}

impl FaultProxy {
    /// Listens on a free port of the loopback and passes on to `target`. The same seed draws the same numbers for the
    /// same connections, in the order in which they come.
    pub fn start(target: SocketAddr, faults: Faults, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target,
            faults: Mutex::new(faults),
            seed: seed.into(),
            over: false.into(),
            cuts: 0.into(),
            pieces: 0.into(),
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                // A client that the server refuses sees an end.
                drop(accepting.connect(near));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does something else to the connections that come from now on.
    pub fn set(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// Breaks every connection that is there.
    pub fn cut_all(&self) {
        for (_, ends) in self.shared.connections.lock().unwrap().drain() {
            self.shared.cuts.fetch_add(1, Ordering::Relaxed);
            ends.iter().for_each(|end| break_off(end, true));
        }
    }

    /// How many connections were broken.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// How many pieces were passed on.
    pub fn pieces(&self) -> usize {
        self.shared.pieces.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.cut_all();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, near: TcpStream) -> io::Result<()> {
        let far = TcpStream::connect(self.target)?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let number = self.seed.fetch_add(1, Ordering::Relaxed);
        let mut random = Rng::with_seed(number);
        let faults = self.faults.lock().unwrap().clone();
        let cut = random.usize(faults.cut.clone());
        self.connections.lock().unwrap().insert(number, [near.try_clone()?, far.try_clone()?]);
        let directions = Arc::new(());
        for (from, to, cut) in
            [(near.try_clone()?, far.try_clone()?, usize::MAX), (far.try_clone()?, near.try_clone()?, cut)]
        {
            let (shared, faults, mut random) = (Arc::clone(self), faults.clone(), random.fork());
            let (ends, direction) = ([near.try_clone()?, far.try_clone()?], Arc::clone(&directions));
            thread::spawn(move || {
                if shared.pass_on(from, &to, cut, &faults, &mut random).is_err() {
                    let reset = faults.reset.unwrap_or_else(|| random.bool());
                    ends.iter().for_each(|end| break_off(end, reset));
                }
                // The last of the two to end.
                if Arc::into_inner(direction).is_some() {
                    shared.connections.lock().unwrap().remove(&number);
                }
            });
        }
        Ok(())
    }

    /// Passes on until the end; an error is the connection's break.
    fn pass_on(
        &self,
        mut from: TcpStream,
        mut to: &TcpStream,
        cut: usize,
        faults: &Faults,
        random: &mut Rng,
    ) -> io::Result<()> {
        let (mut buffer, mut passed) = ([0; 16 * 1024], 0);
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => return to.shutdown(Shutdown::Write),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let size = random.usize(faults.piece.clone()).clamp(1, rest.len()).min(cut - passed);
                let (piece, after) = rest.split_at(size);
                rest = after;
                let delay = random.u64(faults.delay.clone());
                if delay > 0 {
                    thread::sleep(Duration::from_millis(delay));
                }
                to.write_all(piece)?;
                self.pieces.fetch_add(1, Ordering::Relaxed);
                passed += size;
                if passed == cut {
                    self.cuts.fetch_add(1, Ordering::Relaxed);
                    return Err(ErrorKind::ConnectionAborted.into());
                }
            }
        }
    }
}

fn break_off(end: &TcpStream, reset: bool) {
    if reset {
        // With a linger of 0 a shutdown is a reset, even while another handle is open.
        let _ = SockRef::from(end).set_linger(Some(Duration::ZERO));
    }
    let _ = end.shutdown(Shutdown::Both);
}
