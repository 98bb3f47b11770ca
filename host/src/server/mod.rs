//! Listeners, accepting, limits, shutting down.
//!
//! | file | content |
//! | --- | --- |
//! | `listen.rs` | a listener for each thread on the same address |
//! | `admission.rs` | admission control: connections in all and by address |
//! | `descriptors.rs` | the number of connections that the limit of open descriptors allows |
//! | `forwarded.rs` | the clients behind trusted proxies: `Forwarded` and `X-Forwarded-For` |
//! | `thread.rs` | one thread: its executor, its connections |
//! | `panics.rs` | panics of handlers |
//! | `access_log.rs` | the access log |
//! | `rejection.rs` | rejected requests: log lines, and the content of the responses |
//! | `date.rs` | the `Date` of answers |
//! | `accept_error.rs` | logs failures of accept(2) at a bounded rate |
//! | `upstream.rs` | [`UpstreamChannel`]: channels of other hubs |
//! | `runtime.rs` | the core's `Runtime` on a host: buffers, clock |
//! | `shutdown.rs` | [`ShutdownHandle`]: the shutdown of every thread |
//! | `signals.rs` | signals of the process, for all servers that they shut down |
//! | `running.rs` | [`RunningServer`]: a server on a thread of its own |

mod accept_error;
mod access_log;
mod admission;
mod date;
mod descriptors;
mod forwarded;
mod listen;
mod panics;
mod rejection;
mod running;
mod runtime;
mod shutdown;
mod signals;
mod thread;
mod upstream;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use goldcrest_core::server::OriginPolicy;
use goldcrest_core::server::{Access, CorsPolicy, Handler, ServerConfig};

pub use admission::Limits;
pub use descriptors::raise_descriptor_limit;
pub use forwarded::{IpNetwork, IpNetworkError};
pub use listen::is_dual_stack;
pub use running::RunningServer;
pub use shutdown::ShutdownHandle;
pub use upstream::{UpstreamChannel, UpstreamError, UpstreamOptions};

use crate::hub::{Attachment, ChannelLimits, Hub, Inbox, LocalHub};
use crate::metrics::Metrics;
use crate::reactor::{BufferLimits, Reactor};
use admission::AdmissionControl;
use descriptors::ConnectionSlots;
use forwarded::TrustedProxies;
use runtime::HostRuntime;
use signals::SignalWatch;
use thread::{Connections, Thread};

/// Called with the addresses once the server listens.
type Announce = Arc<dyn Fn(&[SocketAddr]) + Send + Sync>;

/// A server before its start: addresses, limits, and the permitted origins and hosts.
///
/// [`Server::run`] runs it until a signal or its [`ShutdownHandle`] shuts it down; [`Server::start`] does so on a thread of its own.
///
/// # Beside other programs
/// A server needs no runtime of the program, and its threads run no task of the program. Within a program that has signal handlers of
/// its own, use [`Server::without_signals`] and the [`ShutdownHandle`].
///
/// Several servers may run in a process, with a hub each or with the same one. Each has its own threads, limits and
/// [`ShutdownHandle`]. They share what belongs to the process: a signal shuts down each server that watches for signals, and the limit
/// of open descriptors is for the connections of all.
///
/// ```
/// use goldcrest_host::{ChannelLimits, EventType, Exchange, Handler, HandlerResult, Hub, HubHandler, LocalHub, Runtime, Server};
///
/// struct App(LocalHub);
///
/// impl Handler for App {
///     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
///         HubHandler::new(&self.0).handle(exchange).await
///     }
/// }
///
/// let hub = Hub::new(ChannelLimits::default()).map_err(std::io::Error::other)?;
/// let any_port = "127.0.0.1:0".parse().unwrap();
/// let server = Server::new().listen(any_port).hub(hub.clone()).without_signals().start(App)?;
/// println!("subscribe to http://{}/events/news", server.addresses()[0]);
/// hub.publish("news", EventType::MESSAGE, "hello").map_err(std::io::Error::other)?;
/// server.shut_down()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a server does nothing until `run` or `start`"]
pub struct Server {
    name: String,
    listen: Vec<SocketAddr>,
    threads: usize,
    limits: Limits,
    channels: ChannelLimits,
    config: ServerConfig<'static>,
    cors: CorsPolicy<'static>,
    hub: Option<Hub>,
    upstreams: Vec<UpstreamChannel>,
    upstream_options: UpstreamOptions,
    shutdown_handle: ShutdownHandle,
    watches_signals: bool,
    announce: Option<Announce>,
    metrics: Metrics,
    access_log: bool,
    trusted_proxies: Vec<IpNetwork>,
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
            name: "goldcrest".into(),
            listen: Vec::new(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
            channels: ChannelLimits::default(),
            config: Self::default_config(),
            cors: CorsPolicy::DEFAULT,
            hub: None,
            upstreams: Vec::new(),
            upstream_options: UpstreamOptions::default(),
            shutdown_handle: ShutdownHandle::default(),
            watches_signals: true,
            announce: None,
            metrics: Metrics::default(),
            access_log: false,
            trusted_proxies: Vec::new(),
        }
    }

    /// The name of its threads, which are `NAME-0` and so on, for programs with several servers. Default: `goldcrest`. Linux shows 15
    /// bytes of a thread's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
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

    /// The configuration of each connection. Default: [`Server::default_config`].
    pub fn config(mut self, config: ServerConfig<'static>) -> Self {
        self.config = config;
        self
    }

    /// The defaults of a host, as a base for [`Server::config`]: those of [`ServerConfig`], with an I/O budget of 64 KiB, and
    /// an idle time-out of 130 s, which is longer than that of common proxies.
    ///
    /// ```
    /// use goldcrest_host::Server;
    /// use goldcrest_host::core::server::ServerConfig;
    ///
    /// let server = Server::new().config(ServerConfig { max_body: 1 << 30, ..Server::default_config() });
    /// ```
    #[must_use]
    pub fn default_config() -> ServerConfig<'static> {
        // On a host a turn of 64 KiB delays the other connections by microseconds, and its responses leave in one write.
        ServerConfig { io_budget: 64 * 1024, idle_timeout: IDLE_TIMEOUT, ..ServerConfig::default() }
    }

    /// Permits any origin and any host: for servers whose events are public.
    pub fn allow_any_origin_and_host(mut self) -> Self {
        self.config.access = Access { origins: OriginPolicy::Any, hosts: goldcrest_core::server::HostPolicy::Any };
        self
    }

    /// The rules for pages of other origins that [`ServerConfig::access`] permits. Default: [`CorsPolicy::DEFAULT`].
    pub fn cors(mut self, cors: CorsPolicy<'static>) -> Self {
        self.cors = cors;
        self
    }

    /// The hub to serve, for programs that publish from other threads. Default: a new one.
    pub fn hub(mut self, hub: Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// Adds a channel of another hub: its events are published here too, each once.
    pub fn upstream(mut self, upstream: UpstreamChannel) -> Self {
        self.upstreams.push(upstream);
        self
    }

    /// TLS and header fields of the requests to upstream hubs. Default: the authorities of the system, no fields.
    pub fn upstream_options(mut self, options: UpstreamOptions) -> Self {
        self.upstream_options = options;
        self
    }

    /// Calls `announce` with the addresses once the server listens. A port 0 is replaced by the chosen port.
    pub fn on_listening(mut self, announce: impl Fn(&[SocketAddr]) + Send + Sync + 'static) -> Self {
        self.announce = Some(Arc::new(announce));
        self
    }

    /// Installs no signal handler: only the [`ShutdownHandle`] shuts the server down. For programs with signal handlers of their own,
    /// whose process no server may end.
    pub fn without_signals(mut self) -> Self {
        self.watches_signals = false;
        self
    }

    /// Logs each request at its end, with the tracing target `access` and the level `INFO`. Secrets in the query (`access_token`, `token`,
    /// `authorization`) are redacted. Default: no such log.
    pub fn access_log(mut self, access_log: bool) -> Self {
        self.access_log = access_log;
        self
    }

    /// Trusts the proxies of these networks. For a request from such an address, the client is the last untrusted address of
    /// `Forwarded` (RFC 7239) or `X-Forwarded-For`, read from the right.
    ///
    /// [`Exchange::peer_address`](crate::Exchange::peer_address) returns that address, with port 0 where the field names no port. The bounds
    /// per address of channels, the lines of rejected requests and the access log use it too. It is the address of the connection where
    /// - no address in the field is untrusted,
    /// - the field is malformed, or the client is `unknown` or an obfuscated identifier,
    /// - both fields name different clients: the proxy has to remove the field that it does not set.
    ///
    /// The connections of these networks are not counted by [`Limits::connections_per_address`]. Default: none, and the fields are
    /// not read.
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = IpNetwork>) -> Self {
        self.trusted_proxies.extend(networks);
        self
    }

    /// The metrics of the server, to be read from any thread. A clone of the server has the same.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// A handle that shuts the server down from any thread. A clone of the server has the same handle.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        self.shutdown_handle.clone()
    }

    /// Serves on a thread of its own until the shutdown. Returns once the server listens.
    ///
    /// # Errors
    /// As [`Server::run`], up to the start of its threads; [`RunningServer::join`] returns later errors.
    pub fn start<H, F>(mut self, handler: F) -> io::Result<RunningServer>
    where
        H: Handler + 'static,
        F: Fn(LocalHub) -> H + Send + Sync + 'static,
    {
        let (sender, addresses) = mpsc::channel();
        let announce = self.announce.take();
        self.announce = Some(Arc::new(move |addresses| {
            if let Some(announce) = &announce {
                announce(addresses);
            }
            let _ = sender.send(addresses.to_vec());
        }));
        let shutdown = self.shutdown_handle();
        let thread = std::thread::Builder::new().name(self.name.clone()).spawn(move || self.run(handler))?;
        match addresses.recv() {
            Ok(addresses) => Ok(RunningServer { addresses, shutdown, thread }),
            Err(_) => Err(running::join(thread).err().unwrap_or_else(|| io::Error::other("the server never listened"))),
        }
    }

    /// Serves until the shutdown. `handler` is called once on each thread, with the hub of that thread.
    ///
    /// SIGINT, SIGTERM, SIGQUIT and the [`ShutdownHandle`] begin the shutdown: the server accepts no more connections, asks
    /// every reader to reconnect later, and ends once all are gone or the drain time has passed. A second signal ends the
    /// process at once. SIGHUP begins the shutdown only if a standard stream of the process is a terminal. Otherwise
    /// SIGHUP, SIGUSR1 and SIGUSR2 are ignored with a line in the log. Other signals keep their defaults. After
    /// [`Server::without_signals`] all of them do.
    ///
    /// The limit of open descriptors of the process is raised to its hard limit.
    ///
    /// # Errors
    /// - An address cannot be bound.
    /// - An allowed origin or host can never match.
    /// - The channel limits leave no room for an event.
    /// - The hub permits no channel of the name of an upstream channel.
    /// - The certificate authorities for upstream hubs cannot be read.
    pub fn run<H: Handler + 'static>(self, handler: impl Fn(LocalHub) -> H + Send + Sync) -> io::Result<()> {
        self.config
            .access
            .validate()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let hub = match &self.hub {
            Some(hub) => hub.clone(),
            None => Hub::new(self.channels).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        for upstream in &self.upstreams {
            hub.channel_name(upstream.channel()).map_err(|error| {
                let text =
                    format!("{upstream} into channel {}: {error}; CHANNEL=URL names another", upstream.channel());
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?;
        }
        if self.upstream_options.tls.authorities.is_some() {
            self.upstream_options.tls.check()?;
        }
        self.metrics.set_hub(&hub);
        raise_descriptor_limit();
        let listen = if self.listen.is_empty() { vec![SocketAddr::from(([127, 0, 0, 1], 8080))] } else { self.listen };
        let (addresses, listeners) = listen::bind(&listen, self.threads, &self.limits, self.config.write_timeout)?;
        let memory = hub.memory().clone();
        let attachment = Arc::new(Attachment::new(&hub, self.limits.memory));
        let _signals = self.watches_signals.then(|| SignalWatch::new(&self.shutdown_handle)).transpose()?;
        let slots = ConnectionSlots::new(self.limits.connections, self.threads, self.upstreams.len());
        let proxies = TrustedProxies::new(&self.trusted_proxies);
        let limits = self.limits.clone();
        let admission = Arc::new(AdmissionControl::new(limits, proxies, slots, &descriptors::PROCESS, memory.clone()));
        let (upstreams, upstream_options, event) = (self.upstreams, self.upstream_options, self.limits.event);
        let (name, config, cors) = (&self.name, &self.config, self.cors);
        let (metrics, access_log) = (&self.metrics, self.access_log);
        let (shutdown, handler) = (&self.shutdown_handle, &handler);
        if let Some(announce) = &self.announce {
            announce(&addresses);
        }
        std::thread::scope(|scope| {
            let mut running = Vec::new();
            for (number, listeners) in listeners.into_iter().enumerate() {
                let (hub, admission, memory) = (hub.clone(), Arc::clone(&admission), memory.clone());
                let attachment = Arc::clone(&attachment);
                let serve = move || {
                    // Each thread serves its share of the connections: without one of them the server is incomplete.
                    let _shut_down = ShutDownOnDrop(shutdown);
                    let (mut reactor, notifier) = Reactor::new(BufferLimits::default())?;
                    reactor.memory = memory.clone();
                    shutdown.register(notifier.clone());
                    let inbox = Arc::new(Inbox::new(notifier.clone(), hub.limits().bytes));
                    let counters = metrics.add_thread();
                    let hub = LocalHub::new(hub, inbox, config.poll, Arc::clone(&counters));
                    let runtime =
                        HostRuntime::new(&reactor, Arc::clone(&admission), &memory, cors, counters, access_log);
                    let thread = Thread {
                        reactor: Rc::new(reactor),
                        runtime,
                        config: config.clone(),
                        full_config: full_config(config),
                        hub: hub.clone(),
                        handler: handler(hub),
                        admission,
                        attachment,
                        shutdown: shutdown.clone(),
                        connections: Connections::default(),
                    };
                    thread.serve(listeners, notifier, number == 0)
                };
                let thread = std::thread::Builder::new().name(format!("{name}-{number}"));
                match thread.spawn_scoped(scope, serve) {
                    Ok(thread) => running.push(thread),
                    Err(error) => {
                        shutdown.shut_down();
                        return Err(error);
                    }
                }
            }
            if !upstreams.is_empty() {
                let hub = hub.clone();
                let upstream = move || {
                    let _shut_down = ShutDownOnDrop(shutdown);
                    upstream::run(upstreams, upstream_options, &hub, shutdown, event)
                };
                let thread = std::thread::Builder::new().name(format!("{name}-upstream"));
                match thread.spawn_scoped(scope, upstream) {
                    Ok(thread) => running.push(thread),
                    Err(error) => {
                        shutdown.shut_down();
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

/// Longer than the idle time-out of a proxy in front. If the server closes first, a request may already be under way,
/// and the proxy answers it by 502 (RFC 9112 §9.3.1). nginx and most load balancers keep an idle connection for 60 s,
/// Go and Traefik for 90 s, Caddy for 120 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(130);

/// Time for the request of a connection that gets the answer of a full server. It is short, since the slots for such
/// connections are few.
const FULL_REQUEST: Duration = Duration::from_secs(2);

/// The configuration of a connection that gets the answer of a full server.
fn full_config(config: &ServerConfig<'static>) -> ServerConfig<'static> {
    let (idle_timeout, head_timeout) = (config.idle_timeout.min(FULL_REQUEST), config.head_timeout.min(FULL_REQUEST));
    ServerConfig { idle_timeout, head_timeout, ..config.clone() }
}

/// Shuts the server down when one of its threads ends, for any reason.
struct ShutDownOnDrop<'s>(&'s ShutdownHandle);

impl Drop for ShutDownOnDrop<'_> {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

/// How long the server takes to end, at most.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);
