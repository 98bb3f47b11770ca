//! A WebSocket of a handler's own.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `receive.rs` | messages, whole or in parts, and the control frames between them |
//! | `send.rs` | messages in one frame, or in fragments that fit the room |
//! | `rest.rs` | what every turn does, waiting, and the closing handshake |

mod receive;
mod rest;
mod send;

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use super::line::Line;
use super::wire::Wire;
use super::{Ended, Outcome, Runtime};
use crate::edge::{Clock, Socket, Timer};
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::MessageKind;
use rest::Stall;

/// How a request becomes a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketOptions<'a> {
    /// Subprotocols that the handler speaks, the preferred one first. The client's offer decides whether one is chosen.
    pub protocols: &'a [&'a str],
    /// Bytes of a message; a larger one closes with 1009. Default: no bound, for who reads parts.
    pub max_message: u64,
}

impl Default for WebSocketOptions<'_> {
    fn default() -> Self {
        Self { protocols: &[], max_message: u64::MAX }
    }
}

/// An open WebSocket.
///
/// Pings are answered and sent while a method of it waits. [`WebSocket::finish`] ends it in order; an error of any
/// method is how the connection ended, for the handler to pass on.
pub struct WebSocket<'x, 'l, R: Runtime> {
    line: &'x mut Line<'l, R>,
    wire: Wire,
    protocol: Option<usize>,
    /// Bytes of an unfinished message that stand in the buffer of who reads.
    filled: usize,
    /// The part that is being read begins its message.
    first: bool,
    /// The type of our message that is being sent in fragments.
    sending: Option<MessageKind>,
    /// A long `send` was dropped midway: its message has no end.
    cut_short: bool,
    /// Room is waited for.
    stall: Option<Stall>,
}

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'b> {
    /// Text or binary.
    pub kind: MessageKind,
    /// Its bytes; UTF-8 where it is text.
    pub payload: &'b [u8],
}

/// A part of a message that stands at the start of the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The type of the message.
    pub kind: MessageKind,
    /// Bytes of the part.
    pub len: usize,
    /// The message begins here.
    pub first: bool,
    /// The message ends here.
    pub last: bool,
}

impl<'x, 'l, R: Runtime> WebSocket<'x, 'l, R> {
    pub(super) fn new(line: &'x mut Line<'l, R>, max_message: u64, protocol: Option<usize>) -> Self {
        let wire = Wire::new(line, max_message);
        Self { line, wire, protocol, filled: 0, first: true, sending: None, cut_short: false, stall: None }
    }

    /// Which of [`WebSocketOptions::protocols`] was chosen.
    pub fn protocol(&self) -> Option<usize> {
        self.protocol
    }

    /// Bytes of ours that have not left: what [`WebSocket::send`] committed and what waits in the machine, without what
    /// the network stack below holds.
    pub fn buffered_amount(&self) -> usize {
        self.line.socket.unsent().saturating_add(self.wire.connection.buffered())
    }

    /// Asks for a Close, which leaves with the next call that waits. What the peer sends before its own is still read.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason) {
        // The first Close that was asked for stands.
        let _ = self.wire.connection.close(code, reason);
    }

    /// Runs `future` while pings are answered; messages wait until it is done.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn during<F: Future>(&mut self, future: F) -> Result<F::Output, Ended> {
        let mut future = pin!(future);
        loop {
            let mut output = None;
            let mut resting = pin!(self.rest_for_control(0));
            poll_fn(|cx| {
                if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                    output = Some(ready);
                    return Poll::Ready(Ok(()));
                }
                resting.as_mut().poll(cx)
            })
            .await?;
            if let Some(output) = output {
                return Ok(output);
            }
        }
    }

    /// Waits until `time` has passed, while pings are answered; messages wait until then.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn sleep(&mut self, time: Duration) -> Result<(), Ended> {
        let deadline = self.line.after(time);
        let mut timer = self.line.runtime.clock().timer();
        self.during(poll_fn(|cx| timer.poll_until(cx, deadline))).await
    }

    /// Ends the connection in order: our Close, then the peer's, however much it still sends before.
    ///
    /// # Errors
    /// The connection ended otherwise.
    pub async fn finish(&mut self, code: CloseCode, reason: CloseReason) -> Outcome {
        self.mend()?;
        self.close(code, reason);
        self.closing().await
    }
}
