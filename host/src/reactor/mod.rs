//! The reactor of a thread: readiness of sockets, and timers.
//!
//! A thread of the host has one executor (smol's `LocalExecutor`) and one reactor, and neither is shared. The interface
//! to the core is `Socket`, `Clock` and accept.
//!
//! | file | content |
//! | --- | --- |
//! | `epoll.rs`, `portable.rs` | the system's readiness queue, edge-triggered: Linux, and elsewhere |
//! | `clock.rs` | a coarse clock, and timers that are re-armed only when the deadline moves forward |
//! | `shared_buffer.rs` | one receive and one transmit buffer a thread, used by one connection after the other |
//! | `tcp.rs` | [`TcpSocket`]: a connection |
//! | `abort.rs` | breaks a connection from any thread |
//! | `run.rs` | the loop: runnable tasks, then ready sources |

mod abort;
mod clock;
#[cfg(target_os = "linux")]
#[path = "epoll.rs"]
mod poller;
#[cfg(not(target_os = "linux"))]
#[path = "portable.rs"]
mod poller;
mod run;
mod shared_buffer;
mod tcp;

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

pub(crate) use abort::ConnectionAbort;
pub(crate) use clock::Alarms;
pub use clock::{Alarm, CoarseClock};
pub(crate) use poller::Notifier;
pub(crate) use run::run;
pub(crate) use shared_buffer::SharedBuffers;
pub(crate) use tcp::{Client, SocketLimits as BufferLimits, TcpSocket};

use crate::memory::Memory;
use poller::Poller;
use tcp::Connection;

/// The readiness of the source with this key.
#[derive(Clone, Copy, Debug)]
struct Ready {
    key: usize,
    readable: bool,
    writable: bool,
    /// The peer may have ended its side: reading goes on to the end, however short a read is.
    ended: bool,
    /// The peer has ended its side, for certain.
    closed: bool,
    /// The connection failed. Bytes received before that may still be read.
    failed: bool,
}

/// A registered file descriptor.
enum Source {
    Connection(Rc<Connection>),
    Listener(Rc<RefCell<Option<Waker>>>),
}

/// The sources of a thread.
pub(crate) struct Reactor {
    poller: RefCell<Poller>,
    sources: RefCell<Slab<Source>>,
    pub(crate) alarms: Alarms,
    pub(crate) buffers: SharedBuffers,
    /// The memory limit for bytes that connections keep. Default: no limit.
    pub(crate) memory: Memory,
}

impl Reactor {
    /// A reactor, and the notifier that wakes it from another thread.
    pub(crate) fn new(limits: BufferLimits) -> io::Result<(Self, Notifier)> {
        let (poller, notifier) = Poller::new()?;
        let reactor = Self {
            poller: RefCell::new(poller),
            sources: RefCell::new(Slab::new()),
            alarms: Alarms::new(),
            buffers: SharedBuffers::new(limits),
            memory: Memory::default(),
        };
        Ok((reactor, notifier))
    }

    fn add(&self, fd: impl AsFd, source: Source) -> io::Result<usize> {
        let key = self.sources.borrow_mut().insert(source);
        let added = self.poller.borrow().add(fd, key);
        if added.is_err() {
            self.sources.borrow_mut().remove(key);
        }
        added.map(|()| key)
    }

    /// Registers a listener. The waker in the cell is woken when connections may be pending.
    pub(crate) fn add_listener(&self, fd: impl AsFd, waker: Rc<RefCell<Option<Waker>>>) -> io::Result<()> {
        self.add(fd, Source::Listener(waker)).map(drop)
    }

    fn remove(&self, key: usize, fd: impl AsFd) {
        self.sources.borrow_mut().try_remove(key);
        self.poller.borrow().delete(fd);
    }

    /// Wakes every task that waits for a source: to look at something new, such as that the server shuts down.
    pub(crate) fn wake_all(&self) {
        for (_, source) in self.sources.borrow().iter() {
            match source {
                Source::Connection(connection) => {
                    connection.wake(true, true);
                }
                Source::Listener(waker) => wake_listener(waker),
            }
        }
        self.alarms.wake_all();
    }

    /// One turn: sends committed output, waits at most `timeout` or until the next timer, and wakes the tasks of ready sources
    /// and expired timers. Returns the number of tasks that sources have woken.
    fn turn(&self, timeout: Option<Duration>) -> usize {
        self.buffers.flush();
        let timeout = match (timeout, self.alarms.next()) {
            (Some(timeout), Some(alarm)) => Some(timeout.min(alarm)),
            (timeout, alarm) => timeout.or(alarm),
        };
        let mut count = 0;
        let waited = self.poller.borrow_mut().wait(timeout, |ready| {
            count += self.dispatch(ready);
        });
        if let Err(error) = waited {
            tracing::error!(%error, "the readiness queue failed");
        }
        self.alarms.tick();
        count
    }

    /// Returns how many wakers were called.
    fn dispatch(&self, ready: Ready) -> usize {
        match self.sources.borrow().get(ready.key) {
            Some(Source::Connection(connection)) => connection.ready(ready),
            Some(Source::Listener(waker)) => {
                wake_listener(waker);
                1
            }
            // It was removed while its event was on the way.
            None => 0,
        }
    }
}

fn wake_listener(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = waker.borrow_mut().take() {
        waker.wake();
    }
}
