//! A network in memory with one server.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use arbitrary::Arbitrary;
use goldcrest_core::client::url::Endpoint;
use goldcrest_core::client::{ClientRuntime, Connect};
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::testing::{Random, VirtualClock};
use goldcrest_core::time::Instant;
use goldcrest_core::ws::connection::NoEntropy;

/// How often a client may look at the clock in one poll.
const SPIN: usize = 20_000;

/// How often it may try to connect in one step: a few redirects on each of a few transports.
const ATTEMPTS: usize = 64;

/// Whether there is a way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Reach {
    /// It can be connected to.
    Open,
    /// It refuses.
    Refused,
    /// No response to a connection attempt.
    Silent,
}

/// Both directions of a connection, all that was said included.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// All bytes of the server.
    pub(super) said: Vec<u8>,
    /// Those that the client has not read.
    unread: Vec<u8>,
    pub(super) ended: bool,
    pub(super) reset: bool,
    /// All bytes of the client.
    pub(super) sent: Vec<u8>,
    /// The number of them in the socket's send buffer.
    pub(super) waiting: usize,
    pub(super) gone: bool,
    waker: Option<Waker>,
}

impl Line {
    pub(super) fn say(&mut self, bytes: &[u8]) {
        if !(self.gone || self.ended || self.reset) {
            self.said.extend_from_slice(bytes);
            self.unread.extend_from_slice(bytes);
            self.wake();
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The network and the clock of a client.
pub(super) struct Net {
    pub(super) clock: VirtualClock,
    pub(super) reach: Cell<Reach>,
    /// Attempts to connect, in all and in this step.
    pub(super) attempts: Cell<usize>,
    pub(super) attempts_now: Cell<usize>,
    /// All connections, the last one last.
    pub(super) lines: RefCell<Vec<Rc<RefCell<Line>>>>,
    /// The most that a loan lends, and the room of a socket.
    pub(super) piece: usize,
    pub(super) room: usize,
    random: Random,
}

impl Net {
    pub(super) fn new(now: Instant, piece: usize, room: usize, entropy: bool) -> Self {
        let random = Random::seeded(1);
        random.set_available(entropy);
        Self {
            clock: VirtualClock::starting_at(now, SPIN),
            reach: Cell::new(Reach::Open),
            attempts: Cell::new(0),
            attempts_now: Cell::new(0),
            lines: RefCell::default(),
            piece: piece.max(1),
            room: room.max(1),
            random,
        }
    }

    /// The connection that was opened last.
    pub(super) fn line(&self) -> Option<Rc<RefCell<Line>>> {
        self.lines.borrow().last().cloned()
    }
}

/// A client's end.
#[derive(Debug)]
pub(super) struct Wire {
    line: Rc<RefCell<Line>>,
    piece: usize,
    room: usize,
}

/// There is no connection, or no longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoWay;

impl Drop for Wire {
    fn drop(&mut self) {
        self.line.borrow_mut().gone = true;
    }
}

impl Socket for Wire {
    type Error = NoWay;

    async fn wait(&mut self, want: Interest) -> Result<(), NoWay> {
        poll_fn(|cx| {
            let mut line = self.line.borrow_mut();
            if line.reset {
                return Poll::Ready(Err(NoWay));
            }
            let readable = !line.unread.is_empty() || line.ended;
            let room = self.room.saturating_sub(line.waiting);
            if want.flushed
                || (want.read && readable)
                || (want.writable_bytes > 0 && room >= want.writable_bytes.min(self.room))
            {
                return Poll::Ready(Ok(()));
            }
            line.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, NoWay> {
        let mut line = self.line.borrow_mut();
        if line.reset {
            return Err(NoWay);
        }
        if line.unread.is_empty() {
            return Ok(if line.ended { TryIo::Eof } else { TryIo::WouldBlock });
        }
        let most = line.unread.len().min(self.piece);
        let (consumed, result) = f(&mut line.unread[..most]);
        assert!(consumed <= most, "more is taken than was lent");
        line.unread.drain(..consumed);
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, NoWay> {
        let mut line = self.line.borrow_mut();
        if line.reset {
            return Err(NoWay);
        }
        let most = self.room.saturating_sub(line.waiting).min(self.piece);
        if most == 0 {
            return Ok(TryIo::WouldBlock);
        }
        let mut lent = vec![0; most];
        let (written, result) = f(&mut lent);
        assert!(written <= most, "more is written than was lent");
        line.sent.extend_from_slice(&lent[..written]);
        line.waiting += written;
        Ok(TryIo::Done(result))
    }

    fn send_free(&self) -> usize {
        self.room.saturating_sub(self.line.borrow().waiting)
    }

    fn send_capacity(&self) -> usize {
        self.room
    }

    fn send_queue(&self) -> usize {
        0
    }

    fn close(&mut self) {}

    fn abort(&mut self) {
        self.line.borrow_mut().reset = true;
    }
}

impl Connect for Net {
    type Socket<'a> = Wire;
    type Error = NoWay;

    async fn connect(&self, _endpoint: Endpoint<'_>) -> Result<Wire, NoWay> {
        self.attempts.set(self.attempts.get() + 1);
        self.attempts_now.set(self.attempts_now.get() + 1);
        assert!(self.attempts_now.get() < ATTEMPTS, "it connects for ever");
        match self.reach.get() {
            Reach::Refused => return Err(NoWay),
            Reach::Silent => pending().await,
            Reach::Open => {}
        }
        let line = Rc::<RefCell<Line>>::default();
        self.lines.borrow_mut().push(Rc::clone(&line));
        Ok(Wire { line, piece: self.piece, room: self.room })
    }
}

impl ClientRuntime for Net {
    type Connector = Self;
    type Clock = VirtualClock;

    fn connector(&self) -> &Self {
        self
    }

    fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    fn random(&self) -> Result<[u8; 4], NoEntropy> {
        self.random.bytes()
    }
}
