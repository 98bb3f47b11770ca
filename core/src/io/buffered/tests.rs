use super::*;
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

/// A stream that moves a few bytes at every second poll, and buffers its output until it is flushed.
#[derive(Default)]
struct Slow {
    incoming: VecDeque<u8>,
    ended: bool,
    buffered: Vec<u8>,
    outgoing: Vec<u8>,
    flushes: usize,
    turn: bool,
    /// The bytes that it accepts in all.
    takes: usize,
}

impl Slow {
    fn new(incoming: &[u8]) -> Self {
        Self { incoming: incoming.iter().copied().collect(), takes: usize::MAX, ..Self::default() }
    }

    fn poll_turn(&mut self) -> Poll<()> {
        self.turn = !self.turn;
        if self.turn { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl embedded_io_async::ErrorType for Slow {
    type Error = Infallible;
}

impl Read for Slow {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            if self.poll_turn().is_pending() || (self.incoming.is_empty() && !self.ended) {
                return Poll::Pending;
            }
            let count = buffer.len().min(2).min(self.incoming.len());
            for (to, from) in buffer.iter_mut().zip(self.incoming.drain(..count)) {
                *to = from;
            }
            Poll::Ready(Ok(count))
        })
        .await
    }
}

impl Write for Slow {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            if self.poll_turn().is_pending() {
                return Poll::Pending;
            }
            let count = bytes.len().min(3).min(self.takes);
            self.takes -= count;
            self.buffered.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        poll_fn(|_| {
            if self.poll_turn().is_pending() {
                return Poll::Pending;
            }
            self.flushes += 1;
            let buffered = core::mem::take(&mut self.buffered);
            self.outgoing.extend(buffered);
            Poll::Ready(Ok(()))
        })
        .await
    }
}

/// Waits with a new future for each poll; `None` where it stays pending.
fn wait<S: Socket>(socket: &mut S, want: Interest) -> Option<Result<(), S::Error>> {
    for _ in 0..200 {
        if let Poll::Ready(result) = pin!(socket.wait(want)).poll(&mut Context::from_waker(Waker::noop())) {
            return Some(result);
        }
    }
    None
}

#[test]
fn dropped_futures_lose_no_byte_with_buffers_of_any_size() {
    let message: Vec<u8> = (0..100).collect();
    for size in 1..40 {
        let (mut received, mut committed) = (vec![0; size], vec![0; size]);
        let mut socket = BufferedIo::new(Slow::new(&message), &mut received, &mut committed);
        assert_eq!((socket.send_capacity(), socket.send_free()), (size, size));
        let (mut seen, mut sent) = (Vec::new(), 0);
        while seen.len() < message.len() || sent < message.len() {
            if sent < message.len() {
                let lent = socket.try_write_with(|room| {
                    let count = room.len().min(message.len() - sent);
                    room[..count].copy_from_slice(&message[sent..sent + count]);
                    (count, count)
                });
                match lent.unwrap() {
                    TryIo::Done(count) => sent += count,
                    _ => assert_eq!(wait(&mut socket, Interest::WRITE), Some(Ok(()))),
                }
            }
            if seen.len() < message.len() {
                match socket.try_read_with(|bytes| (1, bytes[0])).unwrap() {
                    TryIo::Done(byte) => seen.push(byte),
                    _ => assert_eq!(wait(&mut socket, Interest::READ), Some(Ok(()))),
                }
            }
        }
        assert_eq!(wait(&mut socket, Interest::FLUSHED), Some(Ok(())));
        assert_eq!(socket.send_queue(), 0);
        assert_eq!((seen, socket.into_inner().outgoing), (message.clone(), message.clone()), "buffers of {size}");
    }
}

#[test]
fn the_stream_is_flushed_before_a_wait_and_not_for_each_write() {
    let (mut received, mut committed) = ([0; 8], [0; 8]);
    let mut socket = BufferedIo::new(Slow::new(b""), &mut received, &mut committed);
    for _ in 0..5 {
        socket.try_write_with(|room| (room.len().min(2), ())).unwrap();
        assert_eq!(wait(&mut socket, Interest::WRITE), Some(Ok(())));
    }
    assert_eq!((socket.io.flushes, socket.io.buffered.len()), (0, 10));
    assert_eq!(wait(&mut socket, Interest::READ), None, "no byte arrives");
    assert_eq!((socket.io.flushes, socket.io.outgoing.len()), (1, 10));
    assert_eq!(wait(&mut socket, Interest::NONE), None, "there is no interest");
    assert_eq!(socket.io.flushes, 1);
}

#[test]
fn the_end_of_the_stream_follows_its_bytes() {
    let (mut received, mut committed) = ([0; 8], [0; 8]);
    let mut socket = BufferedIo::new(Slow { ended: true, ..Slow::new(b"x") }, &mut received, &mut committed);
    assert_eq!(wait(&mut socket, Interest::READ), Some(Ok(())));
    assert_eq!(socket.try_read_with(|bytes| (bytes.len(), bytes.len())), Ok(TryIo::Done(1)));
    assert_eq!(socket.try_read_with(|_| (0, ())), Ok(TryIo::WouldBlock));
    assert_eq!(wait(&mut socket, Interest::READ), Some(Ok(())));
    for _ in 0..2 {
        assert_eq!(socket.try_read_with(|_| (0, ())), Ok(TryIo::Eof));
        assert_eq!(wait(&mut socket, Interest::READ), Some(Ok(())), "an end stays readable");
    }
}

#[test]
fn a_stream_that_accepts_no_bytes_is_closed() {
    let (mut received, mut committed) = ([0; 8], [0; 8]);
    let mut socket = BufferedIo::new(Slow { takes: 4, ..Slow::new(b"") }, &mut received, &mut committed);
    socket.try_write_with(|room| (room.len(), ())).unwrap();
    assert_eq!(wait(&mut socket, Interest::WRITE), Some(Err(BufferedIoError::Closed)));
    // After our close the queued bytes are still sent.
    let (mut received, mut committed) = ([0; 8], [0; 8]);
    let mut socket = BufferedIo::new(Slow::new(b""), &mut received, &mut committed);
    socket.try_write_with(|room| (room.len(), ())).unwrap();
    socket.close();
    assert_eq!(socket.try_write_with(|_| (0, ())), Err(BufferedIoError::Closed));
    assert_eq!(wait(&mut socket, Interest::FLUSHED), Some(Ok(())));
    assert_eq!(socket.io.outgoing.len(), 8);
    socket.abort();
    assert_eq!(socket.try_read_with(|_| (0, ())), Ok(TryIo::Eof));
}
