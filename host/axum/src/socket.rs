//! The socket of a request, in memory.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use goldcrest_core::io::{Interest, Socket, TryIo};

/// Bytes of output that are kept for hyper. The connection waits beyond that.
pub(crate) const SEND_CAPACITY: usize = 16 * 1024;

thread_local! {
    /// The space that a connection writes to, so that no connection keeps a buffer of its own.
    static SPACE: RefCell<Vec<u8>> = RefCell::new(vec![0; SEND_CAPACITY]);
}

/// The bytes between a connection of the core and hyper. A clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Pipe {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Bytes for the connection. Those before `start` are consumed.
    incoming: Vec<u8>,
    start: usize,
    /// No more bytes come.
    has_ended: bool,
    /// The connection found nothing to read.
    is_starved: bool,
    outgoing: Vec<u8>,
    is_closed: bool,
    is_aborted: bool,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds bytes for the connection.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.is_starved = false;
        if state.incoming.is_empty() {
            state.incoming.reserve_exact(bytes.len());
        }
        state.incoming.extend_from_slice(bytes);
    }

    /// No more bytes come.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        (state.has_ended, state.is_starved) = (true, false);
    }

    /// Whether the connection waits for bytes and there are none.
    pub(crate) fn is_starved(&self) -> bool {
        self.lock().is_starved
    }

    /// Takes the output.
    pub(crate) fn take_output(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().outgoing)
    }

    /// Puts output that was taken back before the rest.
    pub(crate) fn return_output(&self, bytes: &[u8]) {
        let outgoing = &mut self.lock().outgoing;
        outgoing.splice(..0, bytes.iter().copied());
    }

    /// Calls `write` with the output, if there is some, and removes as many bytes as it returns. The output stays counted as unsent
    /// meanwhile.
    pub(crate) fn write_output<E>(
        &self,
        write: impl FnOnce(&[u8]) -> Poll<Result<usize, E>>,
    ) -> Option<Poll<Result<(), E>>> {
        let mut state = self.lock();
        if state.outgoing.is_empty() {
            return None;
        }
        Some(write(&state.outgoing).map_ok(|written| {
            state.outgoing.drain(..written);
            if state.outgoing.is_empty() {
                state.outgoing = Vec::new();
            }
        }))
    }

    /// Whether the connection sends nothing after its output.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.lock();
        state.is_closed || state.is_aborted
    }

    /// Whether the connection was broken off.
    pub(crate) fn is_aborted(&self) -> bool {
        self.lock().is_aborted
    }
}

/// The socket of the core over a [`Pipe`]. The task that polls the connection also moves the bytes, so it stores no waker.
pub(crate) struct MemorySocket {
    pub(crate) pipe: Pipe,
    pub(crate) peer: Option<IpAddr>,
}

/// The connection was broken off, or closed on this side.
#[derive(Debug)]
pub(crate) struct SocketClosed;

impl fmt::Display for SocketClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the socket is closed")
    }
}

impl std::error::Error for SocketClosed {}

impl Socket for MemorySocket {
    type Error = SocketClosed;

    async fn wait(&mut self, want: Interest) -> Result<(), SocketClosed> {
        poll_fn(|_| {
            let mut state = self.pipe.lock();
            if state.is_aborted {
                return Poll::Ready(Err(SocketClosed));
            }
            let is_empty = state.start >= state.incoming.len();
            if want.read {
                if !is_empty || state.has_ended {
                    return Poll::Ready(Ok(()));
                }
                state.is_starved = true;
            }
            let free = SEND_CAPACITY.saturating_sub(state.outgoing.len());
            let is_writable = want.writable_bytes > 0 && free >= want.writable_bytes.min(SEND_CAPACITY);
            if is_writable || (want.flushed && state.outgoing.is_empty()) { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, SocketClosed> {
        let mut state = self.pipe.lock();
        if state.is_aborted {
            return Err(SocketClosed);
        }
        let State { incoming, start, .. } = &mut *state;
        if *start >= incoming.len() {
            if state.has_ended {
                return Ok(TryIo::Eof);
            }
            state.is_starved = true;
            return Ok(TryIo::WouldBlock);
        }
        let (consumed, result) = f(incoming.get_mut(*start..).unwrap_or_default());
        *start += consumed;
        if *start >= incoming.len() {
            (*incoming, *start) = (Vec::new(), 0);
        }
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, SocketClosed> {
        let mut state = self.pipe.lock();
        if state.is_aborted || state.is_closed {
            return Err(SocketClosed);
        }
        let free = SEND_CAPACITY.saturating_sub(state.outgoing.len());
        if free == 0 {
            return Ok(TryIo::WouldBlock);
        }
        SPACE.with_borrow_mut(|space| {
            let space = space.get_mut(..free).unwrap_or_default();
            let (written, result) = f(space);
            state.outgoing.extend_from_slice(space.get(..written).unwrap_or_default());
            Ok(TryIo::Done(result))
        })
    }

    fn send_free(&self) -> usize {
        SEND_CAPACITY.saturating_sub(self.pipe.lock().outgoing.len())
    }

    fn send_capacity(&self) -> usize {
        SEND_CAPACITY
    }

    fn send_queue(&self) -> usize {
        self.pipe.lock().outgoing.len()
    }

    fn peer_network(&self) -> Option<IpAddr> {
        self.peer
    }

    fn close(&mut self) {
        self.pipe.lock().is_closed = true;
    }

    fn abort(&mut self) {
        self.pipe.lock().is_aborted = true;
    }
}
