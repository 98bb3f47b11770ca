use super::*;
use crate::testing::WakeCount;
use core::future::Future;
use core::pin::pin;
use std::vec::Vec;

fn write(end: &mut PipeEnd<'_>, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        let lent = end.try_write_with(|room| {
            assert!(!room.is_empty(), "a slice is not empty");
            let count = room.len().min(bytes.len() - written);
            room[..count].copy_from_slice(&bytes[written..written + count]);
            (count, count)
        });
        match lent {
            Ok(TryIo::Done(count)) => written += count,
            _ => break,
        }
    }
    written
}

fn read(end: &mut PipeEnd<'_>, most: usize) -> Vec<u8> {
    let mut seen = Vec::new();
    while seen.len() < most {
        let lent = end.try_read_with(|bytes| {
            assert!(!bytes.is_empty(), "a slice is not empty");
            let count = bytes.len().min(most - seen.len());
            (count, bytes[..count].to_vec())
        });
        match lent {
            Ok(TryIo::Done(bytes)) => seen.extend(bytes),
            _ => break,
        }
    }
    seen
}

/// The result of a wait, if it is ready.
fn waited(end: &mut PipeEnd<'_>, want: Interest, waker: &Waker) -> Option<Result<(), PipeError>> {
    match pin!(end.wait(want)).poll(&mut Context::from_waker(waker)) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

#[test]
fn bytes_arrive_in_order_across_all_wraps() {
    let pipe = Pipe::<5>::new();
    let (mut one, mut other) = pipe.ends();
    let (mut sent, mut came) = (0u8, 0u8);
    for step in 1..200usize {
        let bytes: Vec<u8> = (0..step % 7).map(|at| sent.wrapping_add(at as u8)).collect();
        let written = write(&mut one, &bytes);
        sent = sent.wrapping_add(written as u8);
        for byte in read(&mut other, step % 4) {
            assert_eq!(byte, came);
            came = came.wrapping_add(1);
        }
        assert_eq!(one.send_free(), 5 - usize::from(sent.wrapping_sub(came)));
    }
}

#[test]
fn a_wait_for_free_bytes_completes_at_their_number() {
    let pipe = Pipe::<8>::new();
    let (mut one, mut other) = pipe.ends();
    let (counter, waker) = WakeCount::new();
    write(&mut one, b"12345678");
    for wanted in [1, 4, 8, 100] {
        let want = Interest { writable_bytes: wanted, ..Interest::NONE };
        assert_eq!(waited(&mut one, want, &waker), None);
    }
    read(&mut other, 3);
    assert_eq!(counter.take(), 1, "a reader that consumes bytes wakes the writer");
    for (wanted, ready) in [(1, true), (3, true), (4, false), (100, false)] {
        let want = Interest { writable_bytes: wanted, ..Interest::NONE };
        assert_eq!(waited(&mut one, want, &waker).is_some(), ready, "{wanted}");
    }
    read(&mut other, 5);
    assert!(
        waited(&mut one, Interest { writable_bytes: 100, ..Interest::NONE }, &waker).is_some(),
        "more than there ever is"
    );
}

#[test]
fn an_attempt_that_moves_no_byte_wakes_no_task() {
    let pipe = Pipe::<8>::new();
    let (mut one, mut other) = pipe.ends();
    let (counter, waker) = WakeCount::new();
    write(&mut one, b"12345678");
    assert_eq!(waited(&mut one, Interest::WRITE, &waker), None);
    assert!(matches!(other.try_read_with(|_| (0, ())), Ok(TryIo::Done(()))));
    assert_eq!(counter.count(), 0);
}

#[test]
fn a_close_follows_the_bytes_and_leaves_the_other_direction_open() {
    let pipe = Pipe::<8>::new();
    let (mut one, mut other) = pipe.ends();
    write(&mut one, b"last");
    one.close();
    assert_eq!(one.try_write_with(|_| (0, ())), Err(PipeError));
    assert_eq!(read(&mut other, 99), b"last");
    assert_eq!(other.try_read_with(|_| (0, ())), Ok(TryIo::Eof));
    assert_eq!(waited(&mut other, Interest::READ, Waker::noop()), Some(Ok(())));
    assert_eq!(write(&mut other, b"answer"), 6);
    assert_eq!(read(&mut one, 99), b"answer");
    assert_eq!(one.try_read_with(|_| (0, ())), Ok(TryIo::WouldBlock));
}

#[test]
fn an_abort_breaks_both_ends_and_wakes_them() {
    let pipe = Pipe::<8>::new();
    let (mut one, mut other) = pipe.ends();
    let (counter, waker) = WakeCount::new();
    assert_eq!(waited(&mut other, Interest::NONE, &waker), None);
    write(&mut one, b"lost");
    counter.take();
    assert_eq!(waited(&mut other, Interest::NONE, &waker), None, "it has no interest in the bytes");
    one.abort();
    assert!(counter.count() > 0);
    for end in [&mut one, &mut other] {
        assert_eq!(waited(end, Interest::NONE, Waker::noop()), Some(Err(PipeError)));
        assert_eq!(end.try_read_with(|_| (0, ())), Err(PipeError));
        assert_eq!(end.try_write_with(|_| (0, ())), Err(PipeError));
    }
}

#[test]
fn a_dropped_end_sends_a_fin_or_a_reset() {
    // Everything was read: a FIN, and a reset for later bytes.
    let pipe = Pipe::<8>::new();
    let (mut one, other) = pipe.ends();
    drop(other);
    assert_eq!(one.try_read_with(|_| (0, ())), Ok(TryIo::Eof));
    assert_eq!(write(&mut one, b"unread bytes"), 8, "the reset comes after it");
    assert_eq!(one.try_read_with(|_| (0, ())), Err(PipeError));
    // Unread bytes: a reset at once.
    let pipe = Pipe::<8>::new();
    let (mut one, other) = pipe.ends();
    write(&mut one, b"unread");
    drop(other);
    assert_eq!(one.try_read_with(|_| (0, ())), Err(PipeError));
}
