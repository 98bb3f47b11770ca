//! An open WebSocket: bytes between hyper's upgraded connection and a connection of the core.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::Connection;

/// Bytes that are received at once.
const RECEIVE: usize = 16 * 1024;

thread_local! {
    static SPACE: RefCell<Vec<u8>> = RefCell::new(vec![0; RECEIVE]);
}

/// Serves the WebSocket to its end.
pub(crate) async fn tunnel(upgrade: OnUpgrade, mut connection: Connection) {
    let mut io = match upgrade.await {
        Ok(upgraded) => TokioIo::new(upgraded),
        Err(error) => return tracing::debug!(%error, "the upgrade failed"),
    };
    let mut state = Tunnel::default();
    let ended = poll_fn(|cx| {
        while state.poll(cx, &mut connection, Pin::new(&mut io))? {}
        if state.is_over { Poll::Ready(io::Result::Ok(())) } else { Poll::Pending }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a WebSocket broke");
    }
}

#[derive(Default)]
struct Tunnel {
    /// Bytes were written since the last flush.
    flush_due: bool,
    /// Our end was sent.
    has_shut_down: bool,
    is_over: bool,
}

impl Tunnel {
    /// Moves what can be moved now. Returns whether another call may move more.
    fn poll<T>(&mut self, cx: &mut Context<'_>, connection: &mut Connection, mut io: Pin<&mut T>) -> io::Result<bool>
    where
        T: AsyncRead + AsyncWrite,
    {
        connection.advance(cx);
        let mut progress = false;
        match connection.pipe.write_output(|bytes| io.as_mut().poll_write(cx, bytes)) {
            Some(Poll::Ready(written)) => {
                written?;
                (progress, self.flush_due) = (true, true);
            }
            Some(Poll::Pending) => {}
            None => {
                if self.flush_due && io.as_mut().poll_flush(cx)?.is_ready() {
                    self.flush_due = false;
                }
                if connection.is_over() && !self.flush_due && !self.has_shut_down {
                    if connection.pipe.is_aborted() {
                        self.is_over = true;
                        return Ok(false);
                    }
                    self.has_shut_down = io.as_mut().poll_shutdown(cx)?.is_ready();
                }
                if connection.has_ended() && self.has_shut_down {
                    self.is_over = true;
                    return Ok(false);
                }
            }
        }
        if connection.pipe.is_starved() {
            let read = SPACE.with_borrow_mut(|space| {
                let mut space = ReadBuf::new(space);
                let read = io.poll_read(cx, &mut space);
                if let Poll::Ready(Ok(())) = &read {
                    match space.filled() {
                        [] => connection.pipe.end(),
                        bytes => connection.pipe.push(bytes),
                    }
                }
                read
            });
            if let Poll::Ready(read) = read {
                read?;
                progress = true;
            }
        }
        Ok(progress)
    }
}
