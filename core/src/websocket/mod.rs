//! An open WebSocket on either side: messages and deadlines over a [`ConnectionIo`].
//!
//! A handler of a server gets one as [`server::ServerWebSocket`](crate::server::ServerWebSocket), a client as
//! [`client::ClientWebSocket`](crate::client::ClientWebSocket). The hub's WebSocket runs on the same driver.
//!
//! ```text
//! recv · read · ready      send · try_send · start_message      close · close_with
//!          └──────────────────────────┬──────────────────────────────┘
//!   try_receive(sink) · check_deadlines · try_transmit(source) · wait_for      one turn, without a copy
//!                                     │
//!                 ws::Connection · KeepAlive · ConnectionIo
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | `turn.rs` | the turn: receive, deadlines, transmit, wait |
//! | `receive.rs` | messages of the peer, whole or in parts |
//! | `send.rs` | own messages, in one frame or in fragments |
//! | `close.rs` | the closing handshake |
//! | `state.rs` | the RFC 6455 state machine with its deadlines |
//!
//! ```
//! use goldcrest_core::websocket::{ConnectionIo, Disconnect, WebSocket};
//! use goldcrest_core::ws::connection::MaskingKeys;
//!
//! /// Echoes messages, on either side.
//! async fn echo<L: ConnectionIo, K: MaskingKeys>(socket: &mut WebSocket<'_, L, K>) -> Result<L::Finished, Disconnect> {
//!     let mut buffer = [0; 128];
//!     while let Some(message) = socket.recv(&mut buffer).await? {
//!         socket.send(message.kind, message.payload).await?;
//!     }
//!     socket.close().await
//! }
//! ```

mod close;
mod receive;
mod send;
mod state;
mod turn;

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

pub use crate::connection::{ConnectionIo, Disconnect, ReceiveTimeout, Timeouts};
pub use turn::{MessageSink, MessageSource};

use crate::io::{Clock, Socket, Timer};
use crate::ws::close::CloseFrame;
use crate::ws::connection::{MaskingKeys, MessageKind, PingPayload};
use crate::ws::{ProtocolError, Role};
use state::WebSocketState;
use turn::Stall;

/// An open WebSocket.
///
/// Pings are answered and sent while a method of it waits. [`WebSocket::close`] ends it in order; an error of any
/// method is how the connection ended, for the handler to pass on.
pub struct WebSocket<'p, L: ConnectionIo, K> {
    pub(crate) link: L,
    state: WebSocketState,
    /// A client's masking keys.
    keys: K,
    protocol: Option<&'p str>,
    /// Bytes of an unfinished message in the caller's buffer.
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

impl<'p, L: ConnectionIo, K: MaskingKeys> WebSocket<'p, L, K> {
    /// A WebSocket whose handshake is over, with messages of at most `max_message` bytes, for `role`.
    pub(crate) fn new(link: L, role: Role, keys: K, max_message: u64, protocol: Option<&'p str>) -> Self {
        let state = WebSocketState::new(&link, role, max_message);
        Self { link, state, keys, protocol, filled: 0, first: true, sending: None, cut_short: false, stall: None }
    }

    /// The subprotocol that was chosen.
    pub fn protocol(&self) -> Option<&'p str> {
        self.protocol
    }

    /// Unsent bytes: those that [`WebSocket::send`] committed and the queued frames, without the bytes in the network stack
    /// below.
    pub fn buffered_amount(&self) -> usize {
        self.link.socket().send_queue().saturating_add(self.state.connection.buffered())
    }

    /// Pings the peer with the next call that waits, beside the pings of the heartbeat.
    ///
    /// # Errors
    /// [`Disconnect::Closed`]: a Close of ours left or waits.
    pub fn ping(&mut self, payload: PingPayload) -> Result<(), Disconnect> {
        self.state.connection.ping(payload).map_err(|_| Disconnect::Closed)
    }

    /// The peer's Close, once it has come.
    pub fn peer_close(&self) -> Option<CloseFrame<'_>> {
        self.state.connection.peer_close()
    }

    /// Whether a Close was sent or waits: no message can be sent any more.
    pub fn is_closing(&self) -> bool {
        self.state.connection.is_closing()
    }

    /// Whether the closing handshake is complete, or the Close frame after a protocol error is sent.
    pub fn is_closed(&self) -> bool {
        self.state.connection.is_closed()
    }

    /// Whether no frame of this side is partly written.
    pub fn is_between_frames(&self) -> bool {
        self.state.connection.is_between_frames()
    }

    /// Whether a frame or a message of the peer has begun and not ended.
    pub fn is_receiving(&self) -> bool {
        self.state.connection.is_receiving()
    }

    /// The protocol error that ended the connection.
    pub fn error(&self) -> Option<ProtocolError> {
        self.state.connection.error()
    }

    /// Fails the connection as if the peer had broken the protocol: a Close with the error's code waits, and input is ignored.
    pub fn fail(&mut self, error: ProtocolError) {
        self.state.connection.fail(error);
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
}
