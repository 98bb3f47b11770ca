//! Connections over loopback, on a thread with small buffers.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::server::AbortHandle;

use super::super::Reactor;
use super::{SocketLimits, TcpSocket};

/// Bytes of each buffer of the thread.
const BUFFER: usize = 64;

const PATIENCE: Duration = Duration::from_secs(10);

fn reactor() -> Rc<Reactor> {
    Rc::new(Reactor::new(SocketLimits { receive: BUFFER, transmit: BUFFER }).unwrap().0)
}

/// A connection, and its peer, which blocks.
fn connect(reactor: &Rc<Reactor>) -> (TcpSocket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_nodelay(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    socket2::SockRef::from(&stream).set_send_buffer_size(4096).unwrap();
    (TcpSocket::new(stream, reactor).unwrap(), peer)
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits as a task does: polled when woken, the reactor turned meanwhile.
fn wait(reactor: &Reactor, socket: &mut TcpSocket, want: Interest) -> std::io::Result<()> {
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut waiting = pin!(socket.wait(want));
    let deadline = Instant::now() + PATIENCE;
    loop {
        if flag.0.swap(false, Ordering::SeqCst)
            && let Poll::Ready(ready) = waiting.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return ready;
        }
        assert!(Instant::now() < deadline, "never woken for {want:?}");
        reactor.turn(Some(Duration::from_millis(100)));
    }
}

/// Reads at most `most` bytes, waiting for them; empty at the end.
fn read(reactor: &Reactor, socket: &mut TcpSocket, most: usize) -> std::io::Result<Vec<u8>> {
    loop {
        let lent = socket.try_read_with(|bytes| {
            let count = bytes.len().min(most);
            (count, bytes[..count].to_vec())
        })?;
        match lent {
            TryIo::Done(bytes) => return Ok(bytes),
            TryIo::Eof => return Ok(Vec::new()),
            TryIo::WouldBlock => wait(reactor, socket, Interest::READ)?,
        }
    }
}

/// Commits as many of `bytes` as fit, and returns their number.
fn commit(socket: &mut TcpSocket, bytes: &[u8]) -> usize {
    let lent = socket.try_write_with(|room| {
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        (count, count)
    });
    match lent.unwrap() {
        TryIo::Done(count) => count,
        TryIo::WouldBlock | TryIo::Eof => 0,
    }
}

/// `count` bytes of a pattern in which neighbouring positions differ.
fn pattern(start: usize, count: usize) -> Vec<u8> {
    (start..start + count).map(|at| (at % 251) as u8).collect()
}

#[test]
fn alternating_connections_keep_unread_bytes_in_order() {
    let reactor = reactor();
    let mut ends = [connect(&reactor), connect(&reactor), connect(&reactor)];
    for (_, peer) in &mut ends {
        peer.write_all(&pattern(0, 1000)).unwrap();
    }
    let mut seen = [0; 3];
    // Bites of different sizes, so that each leaves something of its own behind in turn.
    while seen != [1000; 3] {
        for ((socket, _), (bite, seen)) in ends.iter_mut().zip([1, 7, 50].into_iter().zip(&mut seen)) {
            if *seen < 1000 {
                let bytes = read(&reactor, socket, bite).unwrap();
                assert_eq!(bytes, pattern(*seen, bytes.len()));
                assert!(socket.connection.unread.borrow().len() <= BUFFER);
                *seen += bytes.len();
            }
        }
    }
    for (socket, _) in &ends {
        assert!(socket.connection.unread.borrow().0.is_none(), "read bytes keep no memory");
    }
}

#[test]
fn alternating_connections_send_committed_bytes_in_order() {
    let reactor = reactor();
    let mut ends = [connect(&reactor), connect(&reactor)];
    let mut sent = [0; 2];
    while sent != [1000; 2] {
        for ((socket, _), sent) in ends.iter_mut().zip(&mut sent) {
            *sent += commit(socket, &pattern(*sent, 9.min(1000 - *sent)));
        }
    }
    reactor.buffers.flush();
    for (socket, peer) in &mut ends {
        assert_eq!(socket.send_queue(), 0);
        let mut came = vec![0; 1000];
        peer.read_exact(&mut came).unwrap();
        assert_eq!(came, pattern(0, 1000));
    }
}

#[test]
fn a_fin_right_after_data_is_detected() {
    for length in [1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
        // Before the first look, and after one that found nothing.
        for looked in [false, true] {
            let reactor = reactor();
            let (mut socket, mut peer) = connect(&reactor);
            if looked {
                assert_eq!(socket.try_read_with(|_| (0, ())).unwrap(), TryIo::WouldBlock);
                reactor.turn(Some(Duration::ZERO));
            }
            // The data waits for the end, and leaves with it in one segment.
            #[cfg(target_os = "linux")]
            socket2::SockRef::from(&peer).set_tcp_cork(true).unwrap();
            peer.write_all(&pattern(0, length)).unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            let mut came = Vec::new();
            loop {
                match read(&reactor, &mut socket, 40).unwrap() {
                    bytes if bytes.is_empty() => break,
                    bytes => came.extend(bytes),
                }
            }
            assert_eq!(came, pattern(0, length));
            assert_eq!(socket.try_read_with(|_| (0, ())).unwrap(), TryIo::Eof, "and stays seen");
        }
    }
}

#[test]
fn a_waiting_socket_reads_bytes_that_arrive_in_parts() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    for round in 0..50 {
        peer.write_all(&pattern(round, 3)).unwrap();
        assert_eq!(read(&reactor, &mut socket, 100).unwrap(), pattern(round, 3));
        assert_eq!(socket.try_read_with(|_| (0, ())).unwrap(), TryIo::WouldBlock, "a short read has emptied it");
    }
}

fn reset(peer: TcpStream) {
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_reader_gets_the_bytes_before_a_reset() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    peer.write_all(b"last words").unwrap();
    assert_eq!(read(&reactor, &mut socket, 4).unwrap(), b"last");
    reset(peer);
    assert_eq!(read(&reactor, &mut socket, 100).unwrap(), b" words");
    assert_eq!(read(&reactor, &mut socket, 100).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(wait(&reactor, &mut socket, Interest::WRITE).is_err());
}

#[test]
fn a_reset_is_reported_without_a_read() {
    for want in [Interest::NONE, Interest::FLUSHED, Interest::WRITE] {
        let reactor = reactor();
        let (mut socket, peer) = connect(&reactor);
        fill(&mut socket);
        reset(peer);
        assert!(wait(&reactor, &mut socket, want).is_err(), "{want:?}");
    }
    let reactor = reactor();
    let (mut socket, peer) = connect(&reactor);
    reset(peer);
    assert!(wait(&reactor, &mut socket, Interest::NONE).is_err());
}

/// Commits until there is no room: how many bytes that were.
fn fill(socket: &mut TcpSocket) -> usize {
    let mut committed = 0;
    loop {
        match commit(socket, &pattern(committed, BUFFER)) {
            0 => return committed,
            count => committed += count,
        }
        assert!(committed < 100_000_000, "the kernel takes everything");
    }
}

#[test]
fn a_stalled_peer_leaves_at_most_one_buffer_unsent() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    let committed = fill(&mut socket);
    assert!((1..=BUFFER).contains(&socket.send_queue()), "{}", socket.send_queue());
    assert_eq!((socket.send_free(), commit(&mut socket, b"more")), (0, 0));
    // Another connection has the thread's buffer for itself.
    let (mut other, mut other_peer) = connect(&reactor);
    assert_eq!(commit(&mut other, b"hello"), 5);
    wait(&reactor, &mut other, Interest::FLUSHED).unwrap();
    other_peer.read_exact(&mut [0; 5]).unwrap();
    // Once the peer reads, the awaited space becomes free, and no byte is lost.
    let reading = std::thread::spawn(move || {
        let mut came = Vec::new();
        peer.read_to_end(&mut came).map(|_| came)
    });
    wait(&reactor, &mut socket, Interest { writable_bytes: BUFFER, ..Interest::NONE }).unwrap();
    assert_eq!(socket.send_free(), BUFFER);
    assert_eq!(commit(&mut socket, &pattern(committed, 10)), 10);
    socket.close();
    wait(&reactor, &mut socket, Interest::FLUSHED).unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), pattern(0, committed + 10));
}

#[test]
fn fin_is_sent_after_kept_bytes() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    let committed = fill(&mut socket);
    socket.close();
    assert!(socket.send_queue() > 0);
    let reading = std::thread::spawn(move || {
        let mut came = Vec::new();
        peer.read_to_end(&mut came).map(|_| came)
    });
    wait(&reactor, &mut socket, Interest::FLUSHED).unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), pattern(0, committed));
}

#[test]
fn a_wait_for_send_space_ends_when_it_is_free() {
    let reactor = reactor();
    let (mut socket, _peer) = connect(&reactor);
    assert_eq!(commit(&mut socket, &pattern(0, 40)), 40);
    assert_eq!(socket.send_free(), BUFFER - 40);
    wait(&reactor, &mut socket, Interest { writable_bytes: 24, ..Interest::NONE }).unwrap();
    assert_eq!(socket.send_queue(), 40, "there was as much: nothing has to leave yet");
    wait(&reactor, &mut socket, Interest { writable_bytes: 25, ..Interest::NONE }).unwrap();
    assert_eq!((socket.send_queue(), socket.send_free()), (0, BUFFER));
    wait(&reactor, &mut socket, Interest { writable_bytes: 10 * BUFFER, ..Interest::NONE }).unwrap();
}

#[test]
fn an_abort_sends_a_reset_and_no_more_data() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    assert_eq!(commit(&mut socket, b"never"), 5);
    socket.abort();
    assert_eq!(socket.send_queue(), 0);
    assert!(socket.try_write_with(|_| (0, ())).is_err());
    assert!(socket.try_read_with(|_| (0, ())).is_err());
    drop(socket);
    reactor.buffers.flush();
    assert_eq!(peer.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(reactor.sources.borrow().is_empty());
}

#[test]
fn a_dropped_socket_sends_committed_bytes() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    assert_eq!(commit(&mut socket, b"bye"), 3);
    drop(socket);
    let mut came = Vec::new();
    peer.read_to_end(&mut came).unwrap();
    assert_eq!(came, b"bye");
}

#[test]
fn an_empty_read_does_not_claim_the_shared_buffer() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    let (mut idle, _idle_peer) = connect(&reactor);
    assert_eq!(idle.try_read_with(|_| (0, ())).unwrap(), TryIo::WouldBlock);
    peer.write_all(b"hello").unwrap();
    assert_eq!(read(&reactor, &mut socket, 1).unwrap(), b"h");
    assert_eq!(idle.try_read_with(|_| (0, ())).unwrap(), TryIo::WouldBlock);
    assert_eq!(socket.connection.unread.borrow().len(), 0);
    assert_eq!(read(&reactor, &mut socket, 9).unwrap(), b"ello");
}

#[test]
fn a_fin_after_unread_bytes_ends_a_wait_without_read() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    peer.write_all(b"next").unwrap();
    wait(&reactor, &mut socket, Interest::READ).unwrap();
    assert_eq!(socket.try_read_with(|_| (0, ())).unwrap(), TryIo::Done(()));
    assert!(!socket.is_peer_closed());
    drop(peer);
    wait(&reactor, &mut socket, Interest::NONE).unwrap();
    assert!(socket.is_peer_closed());
    // Reported once: a task that waits again is not woken for ever.
    let mut waiting = pin!(socket.wait(Interest::NONE));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn an_abort_from_another_thread_resets_a_connection_that_waits() {
    let reactor = reactor();
    let (mut socket, mut peer) = connect(&reactor);
    let handle = socket.abort_handle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            handle.abort();
        });
        // Without interest in a direction the connection still ends.
        let error = wait(&reactor, &mut socket, Interest::NONE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    });
    assert_eq!(commit_error(&mut socket), ErrorKind::ConnectionAborted);
    socket.abort();
    drop(socket);
    assert_eq!(peer.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn commit_error(socket: &mut TcpSocket) -> ErrorKind {
    socket.try_write_with(|_| (0, ())).unwrap_err().kind()
}
