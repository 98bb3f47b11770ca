//! One thread: its executor, its connections.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use goldcrest_core::Disconnect;
use goldcrest_core::hub_http::Overloaded;
use goldcrest_core::io::{Clock, Socket, Timer};
use goldcrest_core::server::{Handler, ServerConfig, serve};
use goldcrest_core::time::Instant;
use smol::LocalExecutor;
use smol::future::FutureExt;

use super::ShutdownHandle;
use super::accept_error::AcceptErrorLog;
use super::admission::{Admission, AdmissionControl, Bound, Permit};
use super::panics::{CatchPanics, panic_message};
use super::runtime::HostRuntime;
use crate::counters::{OTHER_REASON, SHUTDOWN_REASON, reason_index};
use crate::hub::{Attachment, LocalHub};
use crate::memory::trim;
use crate::reactor::{CoarseClock, Notifier, Reactor, TcpSocket, run};

/// After so many accepts the connections that are in have their turn.
const ACCEPTS: usize = 64;

/// How long accepting pauses when it fails: there are no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How often idle channels are looked for.
const REAP: Duration = Duration::from_secs(1);

/// How often the lag of the readers is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// Freed memory above which it is returned to the system, in bytes.
const TRIM: usize = 1 << 20;

/// A thread of the server, as its tasks share it.
pub(super) struct Thread<H> {
    pub(super) reactor: Rc<Reactor>,
    pub(super) runtime: HostRuntime,
    pub(super) config: ServerConfig<'static>,
    /// For connections that get the answer of a full server.
    pub(super) full_config: ServerConfig<'static>,
    pub(super) hub: LocalHub,
    pub(super) handler: H,
    pub(super) admission: Arc<AdmissionControl>,
    pub(super) attachment: Arc<Attachment>,
    pub(super) shutdown: ShutdownHandle,
    pub(super) connections: Connections,
}

/// The number of connections of a thread, and the task that waits for the last one.
#[derive(Default)]
pub(super) struct Connections {
    open: Cell<usize>,
    waiting: RefCell<Option<Waker>>,
}

impl Connections {
    fn wake(&self) {
        let waker = self.waiting.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn left(&self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            self.wake();
        }
    }
}

impl<H: Handler + 'static> Thread<H> {
    /// Serves until the server is stopped and the connections have ended, or the drain time is over. The thread that
    /// `reaps` looks for idle channels too.
    pub(super) fn serve(self, listeners: Vec<TcpListener>, notifier: Notifier, reaps: bool) -> io::Result<()> {
        let executor = Rc::new(LocalExecutor::new());
        let thread = Rc::new(self);
        for listener in listeners {
            let waker = Rc::new(RefCell::new(None));
            thread.reactor.add_listener(&listener, Rc::clone(&waker))?;
            let accept = Rc::clone(&thread).accept(listener, waker, Rc::downgrade(&executor));
            executor.spawn(accept).detach();
        }
        if reaps {
            executor.spawn(Rc::clone(&thread).reap()).detach();
        }
        executor.spawn(Rc::clone(&thread).measure_lag()).detach();
        let told = Cell::new(false);
        let between = || {
            let woken = thread.hub.drain_inbox();
            if thread.shutdown.is_shutting_down() && !told.replace(true) {
                // Every event that this server's hub accepted is in the inbox now, and is sent before the readers are asked to leave.
                thread.attachment.detach();
                thread.hub.drain_inbox();
                thread.runtime.drain();
                thread.reactor.wake_all();
                thread.connections.wake();
            }
            woken
        };
        run(&executor, &thread.reactor, notifier, between, thread.until_drained());
        let left = thread.connections.open.get();
        if left > 0 {
            tracing::warn!(left, "the drain time is over with connections open");
        }
        Ok(())
    }

    /// Done once the server is stopped and no connection is left, or the drain time is over.
    async fn until_drained(&self) {
        let mut timer = self.runtime.clock.timer();
        let mut deadline = Instant::MAX;
        poll_fn(|cx| {
            *self.connections.waiting.borrow_mut() = Some(cx.waker().clone());
            if !self.shutdown.is_shutting_down() {
                return Poll::Pending;
            }
            if self.connections.open.get() == 0 {
                return Poll::Ready(());
            }
            if deadline == Instant::MAX {
                deadline = self.runtime.clock.now() + self.admission.limits().drain;
            }
            timer.poll_until(cx, deadline)
        })
        .await;
    }

    async fn reap(self: Rc<Self>) {
        while !self.shutdown.is_shutting_down() {
            pause(&self.runtime.clock, REAP).await;
            self.hub.hub().reap();
            self.hub.hub().reap_for_memory();
            if self.hub.hub().memory().has_fallen_by(TRIM) {
                trim();
            }
        }
    }

    async fn measure_lag(self: Rc<Self>) {
        while !self.shutdown.is_shutting_down() {
            pause(&self.runtime.clock, MEASURE).await;
            self.hub.measure_lag();
        }
    }

    async fn accept(
        self: Rc<Self>,
        listener: TcpListener,
        waker: Rc<RefCell<Option<Waker>>>,
        executor: Weak<LocalExecutor<'static>>,
    ) {
        let mut accepted = 0usize;
        let mut accept_errors = AcceptErrorLog::default();
        while !self.shutdown.is_shutting_down() {
            match listener.accept() {
                Ok((stream, peer)) => {
                    accept_errors.accepted();
                    // Weak: tasks that own their executor would keep it, and the listener, alive for ever.
                    let Some(executor) = executor.upgrade() else { return };
                    if let Some((stream, place, full)) = self.admit(stream, peer) {
                        self.connections.open.set(self.connections.open.get() + 1);
                        executor.spawn(Rc::clone(&self).connection(stream, place, full)).detach();
                    }
                    accepted = accepted.wrapping_add(1);
                    if accepted.is_multiple_of(ACCEPTS) {
                        smol::future::yield_now().await;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut registered = false;
                    poll_fn(|cx| {
                        if std::mem::replace(&mut registered, true) || self.shutdown.is_shutting_down() {
                            return Poll::Ready(());
                        }
                        *waker.borrow_mut() = Some(cx.waker().clone());
                        Poll::Pending
                    })
                    .await;
                }
                // The connection was gone before it was accepted.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(error) => {
                    accept_errors.record(&error, self.runtime.clock.now());
                    pause(&self.runtime.clock, EXHAUSTED).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Option<(TcpStream, Permit, bool)> {
        let (place, full) = match self.admission.admit(peer.ip()) {
            Admission::In(place) => (place, false),
            Admission::Full(place, bound) => {
                self.refuse(peer, Some(bound));
                (place, true)
            }
            Admission::No => {
                self.refuse(peer, None);
                return None;
            }
        };
        match stream.set_nonblocking(true) {
            Ok(()) => Some((stream, place, full)),
            Err(error) => {
                tracing::debug!(%error, %peer, "a connection failed right after accept");
                None
            }
        }
    }

    /// Logs that a bound on connections is reached; without one the connection is closed.
    fn refuse(&self, peer: SocketAddr, bound: Option<Bound>) {
        // In the order of the metric's labels.
        let index = match bound {
            Some(Bound::All) => 0,
            Some(Bound::Address) => 1,
            Some(Bound::Memory) => 2,
            Some(Bound::Descriptors) => 3,
            None => 4,
        };
        self.runtime.counters.refused[index].add(1);
        let (served, raised_by) = self.admission.served();
        let (bound, option) = match bound {
            Some(Bound::Address) => {
                let most = self.admission.limits().connections_per_address;
                (format!("its address has {most} connections"), "--max-per-address")
            }
            Some(Bound::Memory) => ("the memory for connections is in use".into(), "--max-memory"),
            Some(Bound::Descriptors) => (
                "the connections of all servers use the descriptors of the process".into(),
                "the limit of open descriptors",
            ),
            Some(Bound::All) => (format!("all {served} connections are in use"), raised_by),
            None => (format!("all {served} connections are in use; it is closed"), raised_by),
        };
        self.runtime.rejections.full(peer, &bound, option, self.runtime.clock.now());
    }

    /// Serves a connection to its end. (Not an `async fn`: that would keep each argument twice.)
    #[allow(clippy::manual_async_fn, reason = "an async fn keeps each of its arguments twice")]
    fn connection(self: Rc<Self>, stream: TcpStream, place: Permit, full: bool) -> impl Future<Output = ()> {
        async move {
            match TcpSocket::new(stream, &self.reactor) {
                Ok(mut socket) => {
                    let (counters, began) = (&self.runtime.counters, std::time::Instant::now());
                    counters.opened.add(1);
                    socket.set_peer(place.network(), place.is_proxy());
                    let served = async {
                        if full {
                            serve(&mut socket, &self.runtime, &self.full_config, &Overloaded).await
                        } else {
                            serve(&mut socket, &self.runtime, &self.config, &CatchPanics(&self.handler)).await
                        }
                    };
                    // A panic outside of the handler ends only its connection too.
                    match AssertUnwindSafe(served).catch_unwind().await {
                        Ok(ended) => {
                            tracing::trace!(%ended, "connection");
                            let in_order = ended == Disconnect::Closed && self.shutdown.is_shutting_down();
                            let reason = if in_order { SHUTDOWN_REASON } else { reason_index(ended) };
                            counters.connection_ended(reason, began.elapsed());
                        }
                        Err(panic) => {
                            tracing::error!(panic = panic_message(&*panic), "a panic broke a connection");
                            socket.abort();
                            self.runtime.count_end(&socket, OTHER_REASON);
                            counters.connection_ended(OTHER_REASON, began.elapsed());
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "a connection cannot be registered with the reactor"),
            }
            drop(place);
            self.connections.left();
        }
    }
}

async fn pause(clock: &CoarseClock, time: Duration) {
    let mut timer = clock.timer();
    let deadline = clock.now() + time;
    poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}
