//! The client's side of a tunnel: it asks for a connection, and has it.

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

/// The longest name of a host, with the dot at its end.
const MAX_NAME: usize = 254;

/// TLS for one connection at a time: a [`Connect`] in one task, [`TlsConnector::run`] in another, `N` bytes in each direction between
/// them. `E` is the error of who connects by TCP.
///
/// A second connection while the first is held is [`TlsConnectError::Busy`]: a client of its own takes a tunnel of its own.
/// What [`Socket::send_capacity`] bounds, a WebSocket message that is sent at once among them, `N` bounds.
pub struct TlsConnector<E, const N: usize> {
    pub(super) handoff: RefCell<TlsHandoff<E>>,
    pub(super) pipe: Pipe<N>,
}

/// What the two tasks tell one another.
pub(super) struct TlsHandoff<E> {
    pub(super) stage: Stage<E>,
    /// Where the connection is to go that is wanted.
    pub(super) target: Option<Target>,
    /// Why the connection broke that is open.
    pub(super) disconnect: Option<TlsDisconnect>,
    runner: Option<Waker>,
    client: Option<Waker>,
}

pub(super) enum Stage<E> {
    /// Nobody wants a connection.
    Idle,
    /// A client wants one.
    Requested,
    /// It is being opened.
    Connecting,
    /// The client has it.
    Open,
    /// There is none; the client has not heard it yet.
    Failed(TlsConnectError<E>),
    /// The client is gone; what it left is being wound up.
    Released,
}

/// Where to go.
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

    /// Where TCP goes.
    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        let host = match (&self.name, self.address) {
            (_, Some(address)) => Host::Ip(address),
            (name, None) => Host::Name(name.as_deref().unwrap_or_default()),
        };
        Endpoint { host, port: self.port, secure: false }
    }

    /// The name that the server is told and that its certificate has to bear: without a dot at its end (RFC 6066 §3).
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
    /// A tunnel through which nobody goes yet.
    pub const fn new() -> Self {
        let line = TlsHandoff { stage: Stage::Idle, target: None, disconnect: None, runner: None, client: None };
        Self { handoff: RefCell::new(line), pipe: Pipe::new() }
    }
}

impl<E, const N: usize> fmt::Debug for TlsConnector<E, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("stage", &self.handoff.borrow().stage.as_str()).finish_non_exhaustive()
    }
}

impl<E> Stage<E> {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Requested => "wanted",
            Self::Connecting => "opening",
            Self::Open => "open",
            Self::Failed(_) => "refused",
            Self::Released => "left",
        }
    }
}

impl<E> TlsHandoff<E> {
    /// The runner's side goes on to another stage.
    pub(super) fn advance_client(&mut self, stage: Stage<E>) {
        self.stage = stage;
        if let Some(waker) = self.client.take() {
            waker.wake();
        }
    }

    /// The client's side does.
    fn advance_runner(&mut self, stage: Stage<E>) {
        self.stage = stage;
        if let Some(waker) = self.runner.take() {
            waker.wake();
        }
    }

    /// Wakes the runner when the client goes on.
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

    /// Asks [`TlsConnector::run`] for a connection, and waits for it: for ever, if nobody runs it.
    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<TlsSocket<'_, E>, TlsConnectError<E>> {
        if !endpoint.secure {
            return Err(TlsConnectError::NotTls);
        }
        let target = Target::of(endpoint)?;
        {
            let mut line = self.handoff.borrow_mut();
            if !matches!(line.stage, Stage::Idle | Stage::Released) {
                return Err(TlsConnectError::Busy);
            }
            line.target = Some(target);
            line.advance_runner(Stage::Requested);
        }
        let mut asking = PendingConnect { connector: self, done: false };
        let answer = poll_fn(|cx| {
            let mut line = self.handoff.borrow_mut();
            match core::mem::replace(&mut line.stage, Stage::Idle) {
                Stage::Failed(error) => Poll::Ready(Err(error)),
                Stage::Open => {
                    line.stage = Stage::Open;
                    Poll::Ready(Ok(()))
                }
                waiting => {
                    line.stage = waiting;
                    line.client = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        let answer = answer.await;
        asking.done = true;
        answer.map(|()| TlsSocket { end: self.pipe.server_end(), handoff: &self.handoff })
    }
}

/// Gives an attempt up that is dropped.
struct PendingConnect<'a, E, const N: usize> {
    connector: &'a TlsConnector<E, N>,
    done: bool,
}

impl<E, const N: usize> Drop for PendingConnect<'_, E, N> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut line = self.connector.handoff.borrow_mut();
        if matches!(line.stage, Stage::Failed(_)) {
            line.stage = Stage::Idle;
            return;
        }
        let open = matches!(line.stage, Stage::Open);
        line.advance_runner(Stage::Released);
        drop(line);
        if open {
            self.connector.pipe.server_end().abort();
        }
    }
}

/// A connection through a [`TlsConnector`], and with it the right to it. Dropping it closes it: what is committed still leaves if all
/// that came was read, until another connection is asked for.
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
        f.debug_struct("TunnelSocket").finish_non_exhaustive()
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
        let lent = self.end.try_read_with(f);
        lent.map_err(|_| self.disconnect())
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, TlsDisconnect> {
        let lent = self.end.try_write_with(f);
        lent.map_err(|_| self.disconnect())
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

    /// The server hears of it when the socket is dropped: a session of `embedded-tls` has no half-close.
    fn close(&mut self) {
        self.end.close();
    }

    fn abort(&mut self) {
        self.end.abort();
    }
}
