//! A TCP connection as a [`Socket`].

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use goldcrest_core::io::{Interest, Socket, TryIo};

use super::{ConnectionAbort, Reactor, Ready, Source};
use crate::counters::RequestRecord;
use crate::memory::{Memory, Use};

/// The sizes of a thread's buffers, in bytes. They also bound the unread and unsent bytes that one connection keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketLimits {
    pub(crate) receive: usize,
    pub(crate) transmit: usize,
}

impl Default for SocketLimits {
    /// 64 KiB each and room for the frame headers, so that a busy connection needs few system calls.
    fn default() -> Self {
        Self { receive: 64 * 1024 + 256, transmit: 64 * 1024 + 256 }
    }
}

/// The state of a connection, shared by its task and the reactor.
pub(super) struct Connection {
    stream: TcpStream,
    /// Reading may find something: since the last read that found less than it might have.
    readable: Cell<bool>,
    writable: Cell<bool>,
    /// The peer sent FIN; bytes before it may be unread.
    ending: Cell<bool>,
    ended: Cell<bool>,
    /// The value of [`Socket::is_peer_closed`].
    peer_closed: Cell<bool>,
    /// The peer has closed since the last wait. That wait then ends, so that a task that does not read learns of it.
    closed_since: Cell<bool>,
    /// The connection failed; bytes before that may be unread.
    failed: Cell<bool>,
    broken: Cell<Option<ErrorKind>>,
    /// Made by [`TcpSocket::abort_handle`].
    abort: OnceCell<ConnectionAbort>,
    /// FIN is sent after the kept bytes.
    closing: Cell<bool>,
    unread: RefCell<KeptBytes>,
    unsent: RefCell<KeptBytes>,
    memory: Memory,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

/// Bytes that a connection keeps for itself; most have none most of the time.
#[derive(Default)]
struct KeptBytes(Option<Box<Bytes>>);

struct Bytes {
    bytes: Vec<u8>,
    start: usize,
    /// Bytes that are reserved for it.
    reserved: usize,
    memory: Memory,
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.memory.release(self.reserved);
    }
}

impl KeptBytes {
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.bytes.len() - kept.start)
    }

    /// Appends `bytes`; `false` where there is no memory for them.
    fn append(&mut self, bytes: &[u8], memory: &Memory) -> bool {
        let kept = self.0.get_or_insert_with(|| {
            Box::new(Bytes { bytes: Vec::new(), start: 0, reserved: 0, memory: memory.clone() })
        });
        kept.bytes.drain(..kept.start);
        kept.start = 0;
        let more = (kept.bytes.len() + bytes.len()).saturating_sub(kept.reserved);
        if !memory.try_reserve(more, Use::Kept) {
            return false;
        }
        kept.reserved += more;
        kept.bytes.reserve_exact(bytes.len());
        kept.bytes.extend_from_slice(bytes);
        true
    }

    fn rest(&mut self) -> &mut [u8] {
        self.0.as_mut().map_or(&mut [], |kept| &mut kept.bytes[kept.start..])
    }

    fn consume(&mut self, count: usize) {
        if count >= self.len() {
            self.0 = None;
        } else if let Some(kept) = &mut self.0 {
            kept.start += count;
        }
    }
}

impl Connection {
    fn new(stream: TcpStream, memory: Memory) -> Self {
        Self {
            stream,
            // The first read is tried: a request has often come with the connection.
            readable: Cell::new(true),
            writable: Cell::new(true),
            ending: Cell::new(false),
            ended: Cell::new(false),
            peer_closed: Cell::new(false),
            closed_since: Cell::new(false),
            failed: Cell::new(false),
            broken: Cell::new(None),
            abort: OnceCell::new(),
            closing: Cell::new(false),
            unread: RefCell::default(),
            unsent: RefCell::default(),
            memory,
            reader: Cell::default(),
            writer: Cell::default(),
        }
    }

    /// The reactor's word that something is ready. Returns how many wakers were called.
    pub(super) fn ready(&self, ready: Ready) -> usize {
        self.readable.set(self.readable.get() || ready.readable);
        self.ending.set(self.ending.get() || ready.ended);
        self.failed.set(self.failed.get() || ready.failed);
        if ready.closed && !self.peer_closed.replace(true) {
            self.closed_since.set(true);
        }
        if ready.writable {
            self.writable.set(true);
            // Output moves on even while the task waits for something else.
            self.flush();
        }
        self.wake(ready.readable, ready.writable)
    }

    /// Wakes those that wait; returns how many.
    pub(super) fn wake(&self, reader: bool, writer: bool) -> usize {
        let wake = |waker: &Cell<Option<Waker>>| waker.take().map(Waker::wake).is_some();
        let reader = reader && wake(&self.reader);
        let writer = writer && wake(&self.writer);
        usize::from(reader) + usize::from(writer)
    }

    /// Keeps unread bytes. The connection fails if there is no memory for them.
    pub(super) fn keep_unread(&self, bytes: &[u8]) {
        if !bytes.is_empty() && !self.unread.borrow_mut().append(bytes, &self.memory) {
            self.fail_with(ErrorKind::OutOfMemory);
        }
    }

    /// Sends committed bytes, and keeps those that the kernel does not accept. The connection fails if there is no memory for
    /// them.
    pub(super) fn send(&self, bytes: &[u8]) {
        let mut unsent = self.unsent.borrow_mut();
        let sent = if unsent.len() > 0 { 0 } else { self.write(bytes) };
        let kept = sent == bytes.len() || self.broken.get().is_some() || unsent.append(&bytes[sent..], &self.memory);
        if !kept {
            *unsent = KeptBytes::default();
            self.fail_with(ErrorKind::OutOfMemory);
        }
    }

    /// Sends kept bytes, as many as the kernel accepts.
    fn flush(&self) {
        let mut unsent = self.unsent.borrow_mut();
        if unsent.len() > 0 {
            let sent = self.write(unsent.rest());
            unsent.consume(sent);
            if self.broken.get().is_some() {
                *unsent = KeptBytes::default();
            }
        }
        if self.closing.get() && unsent.len() == 0 {
            self.closing.set(false);
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    fn write(&self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() && self.writable.get() && self.broken.get().is_none() {
            match (&self.stream).write(&bytes[sent..]) {
                Ok(0) => self.fail_with(ErrorKind::WriteZero),
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable.set(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.fail_with(error.kind()),
            }
        }
        sent
    }

    fn fail_with(&self, kind: ErrorKind) {
        self.broken.set(Some(kind));
        self.wake(true, true);
    }

    fn check(&self) -> io::Result<()> {
        if self.abort.get().is_some_and(ConnectionAbort::is_aborted) {
            self.fail_with(ErrorKind::ConnectionAborted);
        }
        self.broken.get().map_or(Ok(()), |kind| Err(kind.into()))
    }
}

/// The client of a request behind a trusted proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    /// Its network, by which limits count it.
    pub(crate) network: IpAddr,
}

/// A TCP connection on the buffers of its thread.
pub(crate) struct TcpSocket {
    connection: Rc<Connection>,
    reactor: Rc<Reactor>,
    key: usize,
    peer_network: Option<IpAddr>,
    from_proxy: bool,
    /// The client of its last request, where a trusted proxy named it. Boxed: most connections have none.
    client: RefCell<Option<Box<Client>>>,
    /// Bytes that were written.
    sent: Cell<u64>,
    request: RequestRecord,
}

impl TcpSocket {
    /// Takes a stream that does not block.
    pub(crate) fn new(stream: TcpStream, reactor: &Rc<Reactor>) -> io::Result<Self> {
        let connection = Rc::new(Connection::new(stream, reactor.memory.clone()));
        let key = reactor.add(&connection.stream, Source::Connection(Rc::clone(&connection)))?;
        Ok(Self {
            connection,
            reactor: Rc::clone(reactor),
            key,
            peer_network: None,
            from_proxy: false,
            client: RefCell::new(None),
            sent: Cell::new(0),
            request: RequestRecord::default(),
        })
    }

    /// Bytes that were written to it.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// The record of its last request.
    pub(crate) fn request(&self) -> &RequestRecord {
        &self.request
    }

    /// Sets the network that limits count the peer as, and whether the peer is a trusted proxy.
    pub(crate) fn set_peer(&mut self, network: IpAddr, from_proxy: bool) {
        self.peer_network = Some(network);
        self.from_proxy = from_proxy;
    }

    /// Whether the peer is a trusted proxy.
    pub(crate) fn is_from_proxy(&self) -> bool {
        self.from_proxy
    }

    /// Sets the client of the request that begins; `None`: it is the peer.
    pub(crate) fn set_client(&self, client: Option<Client>) {
        *self.client.borrow_mut() = client.map(Box::new);
    }

    /// The address of the peer of the connection, also where that is a proxy.
    pub(crate) fn connection_address(&self) -> Option<SocketAddr> {
        self.connection.stream.peer_addr().ok()
    }

    /// A handle by which any thread can break the connection.
    pub(crate) fn abort_handle(&self) -> ConnectionAbort {
        self.connection.abort.get_or_init(ConnectionAbort::default).clone()
    }

    fn has_unread(&self) -> bool {
        if self.connection.unread.borrow().len() > 0 {
            return true;
        }
        let shared = self.reactor.buffers.receive.borrow();
        shared.end > shared.start && shared.is_used_by(&self.connection)
    }

    /// Committed bytes that stand in the thread's buffer.
    fn committed(&self) -> usize {
        let shared = self.reactor.buffers.transmit.borrow();
        if shared.is_used_by(&self.connection) { shared.end - shared.start } else { 0 }
    }

    fn poll_wait(&self, cx: &mut Context<'_>, want: Interest) -> Poll<io::Result<()>> {
        let connection = &self.connection;
        // Registered before the check, so that an abort between the two wakes the task.
        if let Some(abort) = connection.abort.get() {
            abort.register(cx.waker());
        }
        connection.check()?;
        if connection.failed.get() && !want.read {
            // A task that does not read would never learn of the reset. Unread requests are useless without a way to answer.
            connection.fail_with(ErrorKind::ConnectionReset);
            connection.check()?;
        }
        let closed = connection.closed_since.take();
        let readable = want.read && (self.has_unread() || connection.readable.get() || connection.ended.get());
        if readable || closed {
            return Poll::Ready(Ok(()));
        }
        let room = want.writable_bytes.min(self.send_capacity());
        let has_room = || room > 0 && self.send_free() >= room;
        if self.committed() > 0 && (want.flushed || (room > 0 && !has_room())) {
            self.reactor.buffers.flush();
            connection.check()?;
        }
        if has_room() || (want.flushed && self.send_queue() == 0) {
            return Poll::Ready(Ok(()));
        }
        let register = |registered: &Cell<Option<Waker>>| {
            let waker = registered.take().filter(|waker| waker.will_wake(cx.waker()));
            registered.set(Some(waker.unwrap_or_else(|| cx.waker().clone())));
        };
        register(&connection.reader);
        if room > 0 || want.flushed {
            register(&connection.writer);
        }
        Poll::Pending
    }
}

impl Socket for TcpSocket {
    type Error = io::Error;

    async fn wait(&mut self, want: Interest) -> io::Result<()> {
        poll_fn(|cx| self.poll_wait(cx, want)).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        let connection = &self.connection;
        connection.check()?;
        {
            let mut unread = connection.unread.borrow_mut();
            if unread.len() > 0 {
                let (consumed, result) = f(unread.rest());
                unread.consume(consumed);
                return Ok(TryIo::Done(result));
            }
        }
        let buffers = &self.reactor.buffers;
        let readable = connection.readable.get() && !connection.ended.get();
        if !readable && !self.has_unread() {
            // Claim no buffer in vain: its present user would have to copy its bytes.
            return Ok(if connection.ended.get() { TryIo::Eof } else { TryIo::WouldBlock });
        }
        buffers.claim_receive(connection);
        let mut shared = buffers.receive.borrow_mut();
        if shared.start == shared.end {
            let count = loop {
                match (&connection.stream).read(&mut shared.buffer) {
                    Ok(count) => break count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        connection.readable.set(false);
                        return Ok(TryIo::WouldBlock);
                    }
                    Err(error) => {
                        connection.fail_with(error.kind());
                        return Err(error);
                    }
                }
            };
            if count == 0 {
                connection.ended.set(true);
                return Ok(TryIo::Eof);
            }
            // A short read has emptied the socket, unless a FIN follows the bytes.
            if count < shared.buffer.len() && !connection.ending.get() {
                connection.readable.set(false);
            }
            (shared.start, shared.end) = (0, count);
        }
        let (consumed, result) = f(shared.filled());
        shared.start = (shared.start + consumed).min(shared.end);
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        let connection = &self.connection;
        connection.check()?;
        if connection.unsent.borrow().len() > 0 {
            return Ok(TryIo::WouldBlock);
        }
        let buffers = &self.reactor.buffers;
        buffers.claim_transmit(connection);
        if buffers.transmit.borrow().end == buffers.transmit.borrow().buffer.len() {
            buffers.flush();
            connection.check()?;
            if connection.unsent.borrow().len() > 0 {
                return Ok(TryIo::WouldBlock);
            }
            buffers.claim_transmit(connection);
        }
        let mut shared = buffers.transmit.borrow_mut();
        let end = shared.end;
        let (written, result) = f(&mut shared.buffer[end..]);
        shared.end = (end + written).min(shared.buffer.len());
        self.sent.set(self.sent.get().wrapping_add(written as u64));
        Ok(TryIo::Done(result))
    }

    fn send_free(&self) -> usize {
        if self.connection.unsent.borrow().len() > 0 {
            return 0;
        }
        self.send_capacity() - self.committed()
    }

    fn send_capacity(&self) -> usize {
        self.reactor.buffers.transmit.borrow().buffer.len()
    }

    fn send_queue(&self) -> usize {
        self.committed() + self.connection.unsent.borrow().len()
    }

    fn peer_network(&self) -> Option<IpAddr> {
        self.client.borrow().as_ref().map(|client| client.network).or(self.peer_network)
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.client.borrow().as_ref().map(|client| client.address).or_else(|| self.connection_address())
    }

    fn is_peer_closed(&self) -> bool {
        self.connection.peer_closed.get() || self.connection.ended.get()
    }

    fn close(&mut self) {
        if self.committed() > 0 {
            self.reactor.buffers.flush();
        }
        self.connection.closing.set(true);
        self.connection.flush();
    }

    fn abort(&mut self) {
        self.reactor.buffers.discard(&self.connection);
        *self.connection.unsent.borrow_mut() = KeptBytes::default();
        // With a linger of 0 the peer gets a reset when the descriptor is closed.
        let _ = socket2::SockRef::from(&self.connection.stream).set_linger(Some(std::time::Duration::ZERO));
        self.connection.fail_with(ErrorKind::ConnectionAborted);
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        self.reactor.buffers.release(&self.connection);
        self.reactor.remove(self.key, &self.connection.stream);
    }
}

#[cfg(test)]
mod tests;
