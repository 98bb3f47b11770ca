//! The client's side: requests a connection and holds it.

use core::cell::RefCell;
use core::fmt;
use core::future::poll_fn;
use core::net::IpAddr;
use core::task::{Context, Poll, Waker};

use heapless::String;

use super::{TlsConnectError, TlsDisconnect};
use crate::client::Connect;
use crate::client::url::{Endpoint, Host};
use crate::io::{Interest, Pipe, PipeEnd, Socket, TryIo};

/// The longest host name (RFC 1035 §2.3.4), with a final dot.
const MAX_NAME: usize = 254;

/// TLS for one connection at a time. It is a [`Connect`] in one task and [`TlsConnector::run`] in another, with `N`
/// bytes in each direction between them. `E` is the TCP connector's error.
///
/// A second connection beside the first one is [`TlsConnectError::Busy`]: concurrent clients take a connector each.
/// `N` is [`Socket::send_capacity`], which limits a WebSocket message that is sent at once.
pub struct TlsConnector<E, const N: usize> {
    pub(super) handoff: RefCell<TlsHandoff<E>>,
    pub(super) pipe: Pipe<N>,
}

/// The state that both tasks share.
pub(super) struct TlsHandoff<E> {
    pub(super) stage: Stage<E>,
    /// The requested endpoint.
    pub(super) target: Option<Target>,
    /// The reason for which the open connection broke.
    pub(super) disconnect: Option<TlsDisconnect>,
    runner: Option<Waker>,
    client: Option<Waker>,
}

pub(super) enum Stage<E> {
    /// No connection is requested.
    Idle,
    /// A client has requested a connection.
    Requested,
    /// The runner connects.
    Connecting,
    /// The client holds the connection.
    Open,
    /// The attempt failed; the client has not read the error yet.
    Failed(TlsConnectError<E>),
    /// The client has dropped the connection; the runner closes it.
    Released,
}

/// The requested endpoint, owned.
pub(super) struct Target {
    name: Option<String<MAX_NAME>>,
    address: Option<IpAddr>,
    port: u16,
}

impl Target {
    fn of<E>(endpoint: Endpoint<'_>) -> Result<Self, TlsConnectError<E>> {
        let port = endpoint.port;
        match endpoint.host {
            Host::Ip(address) => Ok(Self { name: None, address: Some(address), port }),
            Host::Name(name) => {
                let name = String::try_from(name).map_err(|_| TlsConnectError::Name)?;
                Ok(Self { name: Some(name), address: None, port })
            }
        }
    }

    /// The endpoint of the TCP connection.
    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        let host = match (&self.name, self.address) {
            (_, Some(address)) => Host::Ip(address),
            (name, None) => Host::Name(name.as_deref().unwrap_or_default()),
        };
        Endpoint { host, port: self.port, secure: false }
    }

    /// The name for SNI and the certificate, without a final dot (RFC 6066 §3).
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref().map(|name| name.strip_suffix('.').unwrap_or(name))
    }
}

impl<E, const N: usize> Default for TlsConnector<E, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E, const N: usize> TlsConnector<E, N> {
    /// A connector without a connection.
    pub const fn new() -> Self {
        let handoff = TlsHandoff { stage: Stage::Idle, target: None, disconnect: None, runner: None, client: None };
        Self { handoff: RefCell::new(handoff), pipe: Pipe::new() }
    }
}

impl<E, const N: usize> fmt::Debug for TlsConnector<E, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").field("stage", &self.handoff.borrow().stage.as_str()).finish_non_exhaustive()
    }
}

impl<E> Stage<E> {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Requested => "requested",
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Failed(_) => "failed",
            Self::Released => "released",
        }
    }
}

impl<E> TlsHandoff<E> {
    /// Sets the stage and wakes the client.
    pub(super) fn advance_client(&mut self, stage: Stage<E>) {
        self.stage = stage;
        if let Some(waker) = self.client.take() {
            waker.wake();
        }
    }

    /// Sets the stage and wakes the runner.
    fn advance_runner(&mut self, stage: Stage<E>) {
        self.stage = stage;
        if let Some(waker) = self.runner.take() {
            waker.wake();
        }
    }

    /// Registers the runner to be woken by the client.
    pub(super) fn register_runner(&mut self, cx: &Context<'_>) {
        self.runner = Some(cx.waker().clone());
    }
}

impl<E: fmt::Debug, const N: usize> Connect for TlsConnector<E, N> {
    type Socket<'a>
        = TlsSocket<'a, E>
    where
        Self: 'a;
    type Error = TlsConnectError<E>;

    /// Requests a connection from [`TlsConnector::run`] and waits for it: forever, if that is not running.
    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<TlsSocket<'_, E>, TlsConnectError<E>> {
        if !endpoint.secure {
            return Err(TlsConnectError::NotTls);
        }
        let target = Target::of(endpoint)?;
        {
            let mut handoff = self.handoff.borrow_mut();
            if !matches!(handoff.stage, Stage::Idle | Stage::Released) {
                return Err(TlsConnectError::Busy);
            }
            handoff.target = Some(target);
            handoff.advance_runner(Stage::Requested);
        }
        let mut pending = PendingConnect { connector: self, done: false };
        let result = poll_fn(|cx| {
            let mut handoff = self.handoff.borrow_mut();
            match core::mem::replace(&mut handoff.stage, Stage::Idle) {
                Stage::Failed(error) => Poll::Ready(Err(error)),
                Stage::Open => {
                    handoff.stage = Stage::Open;
                    Poll::Ready(Ok(()))
                }
                waiting => {
                    handoff.stage = waiting;
                    handoff.client = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        let result = result.await;
        pending.done = true;
        result.map(|()| TlsSocket { end: self.pipe.server_end(), handoff: &self.handoff })
    }
}

/// Cancels a dropped attempt.
struct PendingConnect<'a, E, const N: usize> {
    connector: &'a TlsConnector<E, N>,
    done: bool,
}

impl<E, const N: usize> Drop for PendingConnect<'_, E, N> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut handoff = self.connector.handoff.borrow_mut();
        if matches!(handoff.stage, Stage::Failed(_)) {
            handoff.stage = Stage::Idle;
            return;
        }
        let open = matches!(handoff.stage, Stage::Open);
        handoff.advance_runner(Stage::Released);
        drop(handoff);
        if open {
            self.connector.pipe.server_end().abort();
        }
    }
}

/// A connection of a [`TlsConnector`]. Dropping it closes it. Committed bytes are still sent if all input was read,
/// until another connection is requested.
pub struct TlsSocket<'a, E> {
    end: PipeEnd<'a>,
    handoff: &'a RefCell<TlsHandoff<E>>,
}

impl<E> TlsSocket<'_, E> {
    fn disconnect(&self) -> TlsDisconnect {
        self.handoff.borrow().disconnect.unwrap_or(TlsDisconnect::Closed)
    }
}

impl<E> fmt::Debug for TlsSocket<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSocket").finish_non_exhaustive()
    }
}

impl<E> Drop for TlsSocket<'_, E> {
    fn drop(&mut self) {
        self.handoff.borrow_mut().advance_runner(Stage::Released);
    }
}

impl<E> Socket for TlsSocket<'_, E> {
    type Error = TlsDisconnect;

    async fn wait(&mut self, want: Interest) -> Result<(), TlsDisconnect> {
        let waited = self.end.wait(want).await;
        waited.map_err(|_| self.disconnect())
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, TlsDisconnect> {
        let attempt = self.end.try_read_with(f);
        attempt.map_err(|_| self.disconnect())
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, TlsDisconnect> {
        let attempt = self.end.try_write_with(f);
        attempt.map_err(|_| self.disconnect())
    }

    fn send_free(&self) -> usize {
        self.end.send_free()
    }

    fn send_capacity(&self) -> usize {
        self.end.send_capacity()
    }

    fn send_queue(&self) -> usize {
        self.end.send_queue()
    }

    /// The server is informed when the socket is dropped: `embedded-tls` has no half-close (RFC 8446 §6.1).
    fn close(&mut self) {
        self.end.close();
    }

    fn abort(&mut self) {
        self.end.abort();
    }
}
