//! A network in memory: each connection is a pipe to the test's server, with the test's fault.

use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::format;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec::Vec;

use core::future::Future;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use crate::client::url::Endpoint;
use crate::client::{
    Buffers, ClientConfig, ClientRuntime, Connect, Error, EventData, Gap, Subscription, SubscriptionEvent,
    SubscriptionOptions,
};
use crate::hub::HubBackend;
use crate::hub_http::HubHandler;
use crate::io::{Interest, Pipe, PipeEnd, PipeError, Socket, TryIo};
use crate::server::{Disconnect, ServerConfig, serve};
use crate::testing::{Random, Simulation, VirtualClock, leak};
use crate::ws::connection::NoEntropy;

/// The fault of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Connecting fails.
    Refused,
    /// A reset after so many bytes to the client.
    Reset(usize),
    /// An end after so many bytes to the client, as of a proxy that shuts down.
    End(usize),
    /// An end after so many bytes to the client, which is seen only after the next write.
    Late(usize),
    /// Silence after so many bytes to the client.
    Silent(usize),
}

type Server = Box<dyn Fn(PipeEnd<'static>, usize)>;

/// The connector and runtime of clients: counts connections and applies the faults.
pub(super) struct Network {
    pub(super) sim: &'static Simulation,
    server: RefCell<Server>,
    faults: RefCell<Box<dyn Fn(usize) -> Fault>>,
    pub(super) connections: Cell<usize>,
    /// Bytes to the client on the last connection.
    pub(super) bytes_to_client: Rc<Cell<usize>>,
    pub(super) endpoints: RefCell<Vec<String>>,
    pub(super) random: Random,
    ends: fn() -> (PipeEnd<'static>, PipeEnd<'static>),
}

/// The client's end of a connection.
#[derive(Debug)]
pub(super) struct FaultySocket {
    end: PipeEnd<'static>,
    fault: Fault,
    came: usize,
    bytes_to_client: Rc<Cell<usize>>,
}

impl Network {
    /// A network to `server`, which gets its end of each connection and its number, from 0.
    pub(super) fn new(sim: &'static Simulation, server: impl Fn(PipeEnd<'static>, usize) + 'static) -> &'static Self {
        Self::over(sim, || leak(Pipe::<512>::new()).ends(), server)
    }

    pub(super) fn over(
        sim: &'static Simulation,
        ends: fn() -> (PipeEnd<'static>, PipeEnd<'static>),
        server: impl Fn(PipeEnd<'static>, usize) + 'static,
    ) -> &'static Self {
        leak(Self {
            sim,
            server: RefCell::new(Box::new(server)),
            faults: RefCell::new(Box::new(|_| Fault::None)),
            connections: Cell::new(0),
            bytes_to_client: Rc::default(),
            endpoints: RefCell::default(),
            random: Random::seeded(1),
            ends,
        })
    }

    /// A network to a hub.
    pub(super) fn of_hub<H: HubBackend>(sim: &'static Simulation, hub: &'static H) -> &'static Self {
        Self::new(sim, serve_hub(sim, hub))
    }

    pub(super) fn set_server(&self, server: impl Fn(PipeEnd<'static>, usize) + 'static) {
        *self.server.borrow_mut() = Box::new(server);
    }

    pub(super) fn set_faults(&self, faults: impl Fn(usize) -> Fault + 'static) {
        *self.faults.borrow_mut() = Box::new(faults);
    }
}

/// The server of a hub.
pub(super) fn serve_hub<H: HubBackend>(
    sim: &'static Simulation,
    hub: &'static H,
) -> impl Fn(PipeEnd<'static>, usize) + 'static {
    let (config, handler) = (leak(ServerConfig::default()), leak(HubHandler::new(hub)));
    move |mut end, _| {
        sim.spawn(async move { serve(&mut end, &sim.runtime, config, handler).await });
    }
}

/// The step of a scripted server after its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    Hold,
}

/// A server that reads a request's head and responds by `answer`, a function of the connection's number and the head.
pub(super) fn script(
    sim: &'static Simulation,
    answer: impl Fn(usize, &str) -> (Vec<u8>, Then) + 'static,
) -> impl Fn(PipeEnd<'static>, usize) + 'static {
    let answer: &'static _ = leak(answer);
    move |mut end, number| {
        sim.spawn(async move {
            let mut request = Vec::new();
            while !request.windows(4).any(|it| it == b"\r\n\r\n") {
                match end.try_read_with(|bytes| (bytes.len(), bytes.to_vec())) {
                    Ok(TryIo::Done(bytes)) => request.extend(bytes),
                    Ok(TryIo::WouldBlock) => end.wait(Interest::READ).await.unwrap_or_default(),
                    _ => return Disconnect::Broken,
                }
            }
            let (said, then) = answer(number, core::str::from_utf8(&request).unwrap());
            let mut rest = &said[..];
            while !rest.is_empty() {
                let lent = end.try_write_with(|room| {
                    let count = room.len().min(rest.len());
                    room[..count].copy_from_slice(&rest[..count]);
                    (count, count)
                });
                match lent {
                    Ok(TryIo::Done(count)) => rest = &rest[count..],
                    Ok(TryIo::WouldBlock) => {
                        if end.wait(Interest::WRITE).await.is_err() {
                            return Disconnect::Broken;
                        }
                    }
                    _ => return Disconnect::Broken,
                }
            }
            if then == Then::Close {
                end.close();
            }
            // Discard further input, so that the connection is not reset.
            loop {
                match end.try_read_with(|bytes| (bytes.len(), ())) {
                    Ok(TryIo::Done(())) => {}
                    Ok(TryIo::WouldBlock) => {
                        if end.wait(Interest::READ).await.is_err() {
                            return Disconnect::Broken;
                        }
                    }
                    _ => return Disconnect::Closed,
                }
            }
        });
    }
}

impl Connect for Network {
    type Socket<'a> = FaultySocket;
    type Error = PipeError;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<FaultySocket, PipeError> {
        let number = self.connections.get();
        self.connections.set(number + 1);
        let scheme = if endpoint.secure { "s" } else { "" };
        self.endpoints.borrow_mut().push(format!("{scheme}{}:{}", endpoint.host, endpoint.port));
        let fault = self.faults.borrow()(number);
        if fault == Fault::Refused {
            return Err(PipeError);
        }
        let (device, browser) = (self.ends)();
        self.server.borrow()(device, number);
        self.bytes_to_client.set(0);
        Ok(FaultySocket { end: browser, fault, came: 0, bytes_to_client: Rc::clone(&self.bytes_to_client) })
    }
}

impl ClientRuntime for Network {
    type Connector = Self;
    type Clock = VirtualClock;

    fn connector(&self) -> &Self {
        self
    }

    fn clock(&self) -> &VirtualClock {
        self.sim.clock()
    }

    fn random(&self) -> Result<[u8; 4], NoEntropy> {
        self.random.bytes()
    }
}

impl FaultySocket {
    /// The bytes to the client before the fault.
    fn left(&self) -> usize {
        match self.fault {
            Fault::Reset(most) | Fault::End(most) | Fault::Late(most) | Fault::Silent(most) => {
                most.saturating_sub(self.came)
            }
            Fault::None | Fault::Refused => usize::MAX,
        }
    }
}

impl Socket for FaultySocket {
    type Error = PipeError;

    async fn wait(&mut self, want: Interest) -> Result<(), PipeError> {
        if self.left() == 0 {
            match self.fault {
                Fault::Silent(_) | Fault::Late(_) => return self.end.wait(Interest { read: false, ..want }).await,
                Fault::End(_) if !want.read => return self.end.wait(want).await,
                _ => return Ok(()),
            }
        }
        self.end.wait(want).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, PipeError> {
        let left = self.left();
        if left == 0 {
            match self.fault {
                Fault::Silent(_) | Fault::Late(_) => return Ok(TryIo::WouldBlock),
                Fault::End(_) => return Ok(TryIo::Eof),
                _ => {
                    self.end.abort();
                    return Err(PipeError);
                }
            }
        }
        let came = &mut self.came;
        let lent = self.end.try_read_with(|bytes| {
            let most = bytes.len().min(left);
            let (consumed, result) = f(&mut bytes[..most]);
            *came += consumed;
            (consumed, result)
        });
        self.bytes_to_client.set(self.came);
        lent
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, PipeError> {
        if self.left() == 0 && matches!(self.fault, Fault::Reset(_)) {
            self.end.abort();
            return Err(PipeError);
        }
        if self.left() == 0 && matches!(self.fault, Fault::Late(_)) {
            self.fault = Fault::End(0);
        }
        self.end.try_write_with(f)
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

    fn close(&mut self) {
        self.end.close();
    }

    fn abort(&mut self) {
        self.end.abort();
    }
}

/// A log that a client writes and a test reads.
#[derive(Clone, Default)]
pub(super) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(super) fn push(&self, what: impl ToString) {
        self.0.borrow_mut().push(what.to_string());
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Takes the entries since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        core::mem::take(&mut *self.0.borrow_mut())
    }

    /// The events only, as `seq=data`.
    pub(super) fn events(&self) -> Vec<String> {
        self.all().into_iter().filter(|it| it.contains('=')).collect()
    }
}

pub(super) fn buffers(buffer: usize) -> Buffers<'static> {
    Buffers { buffer: std::vec![0; buffer].leak(), location: std::vec![0; 128].leak() }
}

/// The log of a subscription in a task of its own. With `dropping` each future is dropped after its first poll.
pub(super) fn subscribe(
    net: &'static Network,
    options: SubscriptionOptions<'static>,
    config: ClientConfig<'static>,
    dropping: bool,
) -> Log {
    let log = Log::default();
    let told = log.clone();
    net.sim.spawn(async move {
        let config = leak(config);
        let mut subscription = Subscription::new(net, config, "http://localhost/events/a", options, buffers(512));
        loop {
            let text = {
                let item = if dropping {
                    let Some(item) = poll_once(subscription.next()).await else { continue };
                    item
                } else {
                    subscription.next().await
                };
                item.map(text_of)
            };
            match text {
                Ok(text) => told.push(text),
                Err(error) => {
                    told.push(format!("over: {error:?}"));
                    return Disconnect::Closed;
                }
            }
        }
    });
    log
}

/// An event of a subscription in a few words.
pub(super) fn text_of(item: SubscriptionEvent<'_, PipeError>) -> String {
    match item {
        SubscriptionEvent::Opened { transport } => format!("open {}", transport.as_str()),
        SubscriptionEvent::Event(event) => {
            let seq = event.id.rsplit('-').next().unwrap_or_default();
            let named = if event.event_type == "message" { "" } else { event.event_type };
            match event.data {
                EventData::Text(text) => format!("{seq}{named}={text}"),
                EventData::Binary(bytes) => format!("{seq}{named}=0x{}", hex(bytes)),
            }
        }
        SubscriptionEvent::Gap(Gap { missed }) => format!("gap {missed:?}"),
        SubscriptionEvent::Disconnected { transport, error, delay } => {
            format!("lost {} {error:?} {}", transport.as_str(), delay.as_millis())
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Polls `future` once and drops it when its task is woken.
pub(super) async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut polled = false;
    poll_fn(|cx| {
        if core::mem::replace(&mut polled, true) {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// So many seconds.
pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The debug text of an error.
pub(super) fn name<E: core::fmt::Debug>(error: &Error<E>) -> String {
    format!("{error:?}")
}
