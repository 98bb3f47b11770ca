//! Listeners, accepting, limits, shutting down.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `listen.rs` | a listener for each thread on the same address |
//! | `admission.rs` | who is let in: connections in all and by address |
//! | `descriptors.rs` | how many connections the limit of open descriptors leaves room for |
//! | `thread.rs` | one thread: its executor, its connections |
//! | `rejection.rs` | rejected requests: the log's lines, and what the answers say |
//! | `date.rs` | the `Date` of answers |
//! | `trouble.rs` | says that accepting fails, without filling the log |
//! | `follow.rs` | [`UpstreamChannel`]: channels of other hubs, followed |
//! | `runtime.rs` | what the core's connections stand on here: buffers, clock, figures |
//! | `shutdown.rs` | [`ShutdownHandle`]: signals, and telling every thread |

mod admission;
mod date;
mod descriptors;
mod follow;
mod listen;
mod rejection;
mod runtime;
mod shutdown;
mod thread;
mod trouble;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use goldcrest_core::server::{Access, Handler, ServerConfig};
use goldcrest_core::ws::handshake::origin::OriginPolicy;

pub use admission::Limits;
pub use descriptors::raise_descriptor_limit;
pub use follow::{UpstreamChannel, UpstreamError, UpstreamOptions};
pub use listen::is_dual_stack;
pub use shutdown::ShutdownHandle;

use crate::figures::Metrics;
use crate::hub::{ChannelLimits, Hub, Inbox, LocalHub};
use crate::reactor::Reactor;
use admission::AdmissionControl;
use descriptors::ConnectionSlots;
use runtime::HostRuntime;
use thread::{Connections, Thread};

/// Told where the server listens.
type Announce = Arc<dyn Fn(&[SocketAddr]) + Send + Sync>;

/// A server to be started: where it listens, its bounds, and who may ask.
///
/// [`Server::run`] runs it until it is stopped, by a signal or by its [`ShutdownHandle`].
#[derive(Clone)]
#[must_use = "a server listens once it is run"]
pub struct Server {
    listen: Vec<SocketAddr>,
    threads: usize,
    limits: Limits,
    channels: ChannelLimits,
    config: ServerConfig<'static>,
    hub: Option<Hub>,
    follows: Vec<UpstreamChannel>,
    upstream_options: UpstreamOptions,
    metrics: Metrics,
    shutdown_handle: ShutdownHandle,
    announce: Option<Announce>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server with the defaults: a thread a core, loopback only, pages of the same origin.
    pub fn new() -> Self {
        Self {
            listen: Vec::new(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
            channels: ChannelLimits::default(),
            config: Self::default_config(),
            hub: None,
            follows: Vec::new(),
            upstream_options: UpstreamOptions::default(),
            metrics: Metrics::default(),
            shutdown_handle: ShutdownHandle::default(),
            announce: None,
        }
    }

    /// Listens on one more address. Without any it is `127.0.0.1:8080`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen.push(address);
        self
    }

    /// How many threads serve. Default: one a core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// The bounds of the server as a whole.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The bounds of the channels.
    pub fn channels(mut self, channels: ChannelLimits) -> Self {
        self.channels = channels;
        self
    }

    /// The bounds and habits of each connection. Default: [`Server::default_config`].
    pub fn config(mut self, config: ServerConfig<'static>) -> Self {
        self.config = config;
        self
    }

    /// The defaults of a host, of which [`Server::config`] takes a variation: those of [`ServerConfig`], with turns of 64 KiB, and
    /// 130 s for a connection without a request, longer than the proxies in use keep one.
    ///
    /// ```
    /// use goldcrest_host::Server;
    /// use goldcrest_host::core::server::ServerConfig;
    ///
    /// let server = Server::new().config(ServerConfig { max_body: 1 << 30, ..Server::default_config() });
    /// ```
    #[must_use]
    pub fn default_config() -> ServerConfig<'static> {
        // A host's neighbours wait microseconds for a turn, and what is read and answered in one leaves in one write.
        ServerConfig { io_budget: 64 * 1024, idle_timeout: IDLE_TIMEOUT, ..ServerConfig::default() }
    }

    /// Answers any origin and any host: for what has nothing to protect.
    pub fn allow_any_origin_and_host(mut self) -> Self {
        self.config.access = Access { origins: OriginPolicy::Any, hosts: goldcrest_core::server::HostPolicy::Any };
        self
    }

    /// The hub to serve, for who publishes from elsewhere in the program. Default: one of its own.
    pub fn hub(mut self, hub: Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// Follows one more channel of another hub: its events are published here too, each once.
    pub fn upstream(mut self, follow: UpstreamChannel) -> Self {
        self.follows.push(follow);
        self
    }

    /// How the hubs are asked whose channels are followed. Default: by the authorities of the system, without fields.
    pub fn follow_options(mut self, options: UpstreamOptions) -> Self {
        self.upstream_options = options;
        self
    }

    /// The figures to count for.
    pub fn figures(mut self, figures: Metrics) -> Self {
        self.metrics = figures;
        self
    }

    /// Calls `announce` with the addresses once the server listens; ports that were 0 have their number.
    pub fn on_listening(mut self, announce: impl Fn(&[SocketAddr]) + Send + Sync + 'static) -> Self {
        self.announce = Some(Arc::new(announce));
        self
    }

    /// What stops the server from elsewhere in the program.
    pub fn stopper(&self) -> ShutdownHandle {
        self.shutdown_handle.clone()
    }

    /// Serves until it is stopped. `handler` is called once on each thread, with the hub as that thread sees it.
    ///
    /// On SIGINT, SIGTERM or SIGQUIT, or by its [`ShutdownHandle`], it accepts nothing more, tells every reader to come back later,
    /// and ends when they are gone or the drain time is over; the second of these signals ends the process at once. SIGHUP
    /// does the same once where a standard stream of the process is a terminal, which has hung up then. Elsewhere it is
    /// ignored, with a line in the log, as SIGUSR1 and SIGUSR2 are: there is nothing to reload. Other signals are left alone.
    ///
    /// # Errors
    /// An address cannot be listened on, an allowed origin or host can never match, the limits of the channels leave no room for an event, or the authorities cannot be
    /// read by which hubs are judged that are followed.
    pub fn run<H: Handler + 'static>(self, handler: impl Fn(LocalHub) -> H + Send + Sync) -> io::Result<()> {
        self.config
            .access
            .validate()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let hub = match &self.hub {
            Some(hub) => hub.clone(),
            None => Hub::new(self.channels).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        if self.upstream_options.tls.authorities.is_some() {
            self.upstream_options.tls.check()?;
        }
        raise_descriptor_limit();
        let listen = if self.listen.is_empty() { vec![SocketAddr::from(([127, 0, 0, 1], 8080))] } else { self.listen };
        let (addresses, listeners) = listen::bind(&listen, self.threads, &self.limits, self.config.write_timeout)?;
        let memory = hub.memory().clone();
        memory.set_limit(self.limits.memory);
        self.shutdown_handle.watch_signals()?;
        let places = ConnectionSlots::new(&self.limits, self.threads, self.follows.len());
        let admission = Arc::new(AdmissionControl::new(self.limits.clone(), places, memory.clone()));
        let (follows, follow_options, event) = (self.follows, self.upstream_options, self.limits.event);
        let (config, figures, stopper, handler) = (&self.config, &self.metrics, &self.shutdown_handle, &handler);
        if let Some(announce) = &self.announce {
            announce(&addresses);
        }
        std::thread::scope(|scope| {
            let mut running = Vec::new();
            for (number, listeners) in listeners.into_iter().enumerate() {
                let (hub, admission, memory) = (hub.clone(), Arc::clone(&admission), memory.clone());
                let serve = move || {
                    // Each thread has its share of the connections: without one of them the server is none.
                    let _ends = StopAtEnd(stopper);
                    let (mut reactor, notifier) = Reactor::new(admission.limits().buffers())?;
                    reactor.memory = memory.clone();
                    stopper.register(notifier.clone());
                    let inbox = Arc::new(Inbox::new(notifier.clone(), hub.limits().bytes));
                    let hub = LocalHub::new(hub, inbox, config.poll);
                    let runtime = HostRuntime::new(&reactor, admission.limits(), &memory, figures.clone());
                    let thread = Thread {
                        reactor: Rc::new(reactor),
                        runtime,
                        config: config.clone(),
                        full_config: full_config(config),
                        hub: hub.clone(),
                        handler: handler(hub),
                        admission,
                        stopper: stopper.clone(),
                        connections: Connections::default(),
                    };
                    thread.serve(listeners, notifier, number == 0)
                };
                let thread = std::thread::Builder::new().name(format!("goldcrest-{number}"));
                match thread.spawn_scoped(scope, serve) {
                    Ok(thread) => running.push(thread),
                    Err(error) => {
                        stopper.shut_down();
                        return Err(error);
                    }
                }
            }
            if !follows.is_empty() {
                let hub = hub.clone();
                let follow = move || {
                    let _ends = StopAtEnd(stopper);
                    follow::run(follows, follow_options, &hub, stopper, event)
                };
                let thread = std::thread::Builder::new().name("goldcrest-follow".into());
                match thread.spawn_scoped(scope, follow) {
                    Ok(thread) => running.push(thread),
                    Err(error) => {
                        stopper.shut_down();
                        return Err(error);
                    }
                }
            }
            for thread in running {
                thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
            }
            Ok(())
        })
    }
}

/// Longer than a proxy in front keeps a connection without a request: one that the server closes first may have a request on
/// its way, which the proxy answers by 502 (RFC 9112 §9.3.1). nginx and most load balancers keep it for 60 s, Go and Traefik for
/// 90 s, Caddy for 120 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(130);

/// How long a connection may take to send its request that is told that the server is full: there are few places for those.
const FULL_REQUEST: Duration = Duration::from_secs(2);

/// The same bounds, for a connection that is told that the server is full.
fn full_config(config: &ServerConfig<'static>) -> ServerConfig<'static> {
    let (idle_timeout, head_timeout) = (config.idle_timeout.min(FULL_REQUEST), config.head_timeout.min(FULL_REQUEST));
    ServerConfig { idle_timeout, head_timeout, ..config.clone() }
}

/// Stops the server when a thread of it ends, however that came.
struct StopAtEnd<'s>(&'s ShutdownHandle);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

/// How long the server takes to end, at most.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);
