//! An open WebSocket on either side: messages and deadlines over a [`ConnectionIo`].
//!
//! A handler of a server gets one as [`server::WebSocket`](crate::server::ServerWebSocket), a client as
//! [`client::WebSocket`](crate::client::ClientWebSocket); what both can do is here.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `link.rs` | [`ConnectionIo`]: what a WebSocket stands on |
//! | `allowance.rs` | [`ReceiveTimeout`]: how long something that comes in pieces may take |
//! | `ended.rs` | [`Disconnect`]: how a connection ended |
//! | `state.rs` | the machine of RFC 6455 with its heartbeat |
//! | `receive.rs` | messages, whole or in parts, and the control frames between them |
//! | `send.rs` | messages in one frame, or in fragments that fit the room |
//! | `turn.rs` | what every turn does, waiting, and the closing handshake |
//!
//! ```
//! use goldcrest_core::websocket::{Disconnect, ConnectionIo, WebSocket};
//! use goldcrest_core::ws::connection::MaskingKeys;
//!
//! /// Says everything twice, whichever side it is on.
//! async fn echo<L: ConnectionIo, K: MaskingKeys>(socket: &mut WebSocket<L, K>) -> Result<(), Disconnect> {
//!     let mut buffer = [0; 128];
//!     while let Some(message) = socket.recv(&mut buffer).await? {
//!         socket.send(message.kind, message.payload).await?;
//!     }
//!     Ok(())
//! }
//! ```

mod receive;
mod turn;
mod send;
mod state;

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

pub use crate::connection::{ConnectionIo, Disconnect, ReceiveTimeout, Timeouts};
pub(crate) use receive::OVERHEAD;
pub(crate) use state::WebSocketState;

use crate::io::{Clock, Socket, Timer};
use crate::ws::Role;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{MaskingKeys, MessageKind, PingPayload};
use turn::Stall;

/// An open WebSocket.
///
/// Pings are answered and sent while a method of it waits. [`WebSocket::close`] ends it in order; an error of any
/// method is how the connection ended, for the handler to pass on.
pub struct WebSocket<L: ConnectionIo, K> {
    link: L,
    wire: WebSocketState,
    /// A client's masking keys.
    keys: K,
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
pub struct MessageChunk {
    /// The type of the message.
    pub kind: MessageKind,
    /// Bytes of the part.
    pub len: usize,
    /// The message begins here.
    pub first: bool,
    /// The message ends here.
    pub last: bool,
}

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<L, K> {
    /// A WebSocket whose handshake is over, with messages of at most `max_message` bytes, for `role`.
    pub(crate) fn new(link: L, role: Role, keys: K, max_message: u64, protocol: Option<usize>) -> Self {
        let wire = WebSocketState::new(&link, role, max_message);
        Self { link, wire, keys, protocol, filled: 0, first: true, sending: None, cut_short: false, stall: None }
    }

    /// Which of the subprotocols that were offered or spoken was chosen.
    pub fn protocol(&self) -> Option<usize> {
        self.protocol
    }

    /// Bytes of ours that have not left: what [`WebSocket::send`] committed and what waits in the machine, without what
    /// the network stack below holds.
    pub fn buffered_amount(&self) -> usize {
        self.link.socket().send_queue().saturating_add(self.wire.connection.buffered())
    }

    /// Asks for a Close, which leaves with the next call that waits. What the peer sends before its own is still read.
    pub fn start_close(&mut self, code: CloseCode, reason: CloseReason) {
        // The first Close that was asked for stands.
        let _ = self.wire.connection.close(code, reason);
    }

    /// Pings the peer with the next call that waits, beside the pings of the heartbeat.
    ///
    /// # Errors
    /// [`Disconnect::Closed`]: a Close of ours left or waits.
    pub fn ping(&mut self, payload: PingPayload) -> Result<(), Disconnect> {
        self.wire.connection.ping(payload).map_err(|_| Disconnect::Closed)
    }

    /// The code of the peer's Close once it came; within, `None` where it carried none.
    pub fn peer_close_code(&self) -> Option<Option<CloseCode>> {
        self.wire.connection.peer_close_code()
    }

    /// The reason of the peer's Close; empty where there was none.
    pub fn peer_close_reason(&self) -> &str {
        self.wire.connection.peer_close_reason()
    }

    /// Runs `future` while pings are answered; messages wait until it is done.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn while_open<F: Future>(&mut self, future: F) -> Result<F::Output, Disconnect> {
        let mut future = pin!(future);
        loop {
            let mut output = None;
            let mut resting = pin!(self.wait_for_control(0));
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
    pub async fn sleep(&mut self, time: Duration) -> Result<(), Disconnect> {
        let deadline = self.link.now() + time;
        let mut timer = self.link.clock().timer();
        self.while_open(poll_fn(|cx| timer.poll_until(cx, deadline))).await
    }

    /// Ends the connection in order: our Close, then the peer's, however much it still sends before.
    ///
    /// # Errors
    /// The connection ended otherwise.
    pub async fn close(&mut self, code: CloseCode, reason: CloseReason) -> Result<L::Finished, Disconnect> {
        self.recover_cancelled_send()?;
        self.start_close(code, reason);
        self.closing().await?;
        Ok(self.link.finished())
    }
}
