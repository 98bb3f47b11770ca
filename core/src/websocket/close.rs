//! The closing handshake (RFC 6455 §7).

use core::future::Future;

use super::{ConnectionIo, Disconnect, WebSocket};
use crate::io::TryIo;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Chunk, MaskingKeys};

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<'_, L, K> {
    /// Closes with code 1000 and no reason: as [`WebSocket::close_with`].
    ///
    /// # Errors
    /// The connection ended otherwise.
    pub fn close(&mut self) -> impl Future<Output = Result<L::Finished, Disconnect>> {
        self.close_with(CloseCode::NORMAL, CloseReason::NONE)
    }

    /// Sends a Close and waits for the peer's. Messages that the peer sends before its Close are dropped.
    ///
    /// # Errors
    /// The connection ended otherwise.
    pub async fn close_with(&mut self, code: CloseCode, reason: CloseReason) -> Result<L::Finished, Disconnect> {
        self.recover_cancelled_send()?;
        self.start_close(code, reason);
        self.closing().await?;
        Ok(self.link.finished())
    }

    /// Queues a Close frame, which is sent by the next call that waits. Messages of the peer before its own Close are still
    /// received. A second Close is ignored.
    pub fn start_close(&mut self, code: CloseCode, reason: CloseReason) {
        let _ = self.state.connection.close(code, reason);
    }

    /// Completes the closing handshake. A protocol error of the peer is returned once the Close with its code has left.
    pub(super) async fn closing(&mut self) -> Result<(), Disconnect> {
        loop {
            self.turn()?;
            if self.state.connection.is_closed() {
                break;
            }
            let reads = self.wants_input();
            let lent = if reads { self.try_receive(usize::MAX, &mut |_: Chunk<'_>| {})? } else { TryIo::WouldBlock };
            match lent {
                TryIo::Done(()) => self.link.yield_if_spent().await,
                TryIo::Eof => break,
                TryIo::WouldBlock => self.wait(reads, 0).await?,
            }
        }
        self.state.connection.error().map_or(Ok(()), |error| Err(Disconnect::Protocol(error)))
    }

    /// Nothing can be sent after a Close: completes the handshake.
    pub(super) async fn end_with_handshake(&mut self) -> Result<(), Disconnect> {
        self.closing().await?;
        Err(Disconnect::Closed)
    }
}
