//! The options of the server.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use goldcrest_core::client::validate_header;
use goldcrest_core::format::StreamTimers;
use goldcrest_core::hub::NamePolicy;
use goldcrest_core::log::GapPolicy;
use goldcrest_core::server::{Access, HostPolicy, OriginPolicy, ServerConfig, validate_host, validate_origin};

use goldcrest_host::client::TlsOptions;
use goldcrest_host::{ChannelLimits, IpNetwork, Limits, Server, UpstreamChannel, UpstreamOptions};

use super::CommandError;
use super::listen_address::{Families, ListenAddress, resolve};

/// Options of a server: addresses, limits, permitted origins and hosts.
#[derive(Parser, Clone, Debug)]
pub(crate) struct Options {
    /// Listen on this address, on the loopback addresses of IPv4 and IPv6 (localhost:8080), or on all addresses (:8080).
    /// Repeatable. `[::]` accepts IPv4 connections too, unless 0.0.0.0 is given with the same port
    #[arg(short, long, value_name = "[ADDR]:PORT", default_value = "127.0.0.1:8080")]
    listen: Vec<ListenAddress>,

    /// Threads that serve [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Permit pages of this origin, such as https://app.example, null or file://; `*` permits all. Repeatable
    #[arg(long, value_name = "ORIGIN", value_parser = origin, help_heading = "Access")]
    allow_origin: Vec<String>,

    /// Permit this host name, with any port, besides IP addresses and localhost; `*` permits all. Repeatable
    #[arg(long, value_name = "NAME", value_parser = host, help_heading = "Access")]
    allow_host: Vec<String>,

    /// Read the client's address of requests from the proxies of this network, such as 10.0.0.0/8 or ::1, in Forwarded or
    /// X-Forwarded-For. Their connections are not counted by --max-per-address. Repeatable
    #[arg(long, value_name = "CIDR", help_heading = "Access")]
    trusted_proxy: Vec<IpNetwork>,

    /// Connections in all; fewer where the limit of open descriptors (ulimit -n) leaves no room for them, which is logged
    #[arg(long, value_name = "N", default_value_t = 100_000, help_heading = "Bounds")]
    max_connections: usize,

    /// Connections of one address
    #[arg(long, value_name = "N", default_value_t = 10_000, help_heading = "Bounds")]
    max_per_address: usize,

    /// Count this many leading bits of an IPv6 address as one address
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(..=128), help_heading = "Bounds")]
    ipv6_prefix: u8,

    /// Bytes of memory that connections, channels and buffers take in all
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30, value_parser = at_least(4 << 20), help_heading = "Bounds")]
    max_memory: u64,

    /// Bytes of a request head
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024, value_parser = at_least(256), help_heading = "Bounds")]
    pub(crate) max_head: u64,

    /// Maximum bytes of an event, or of the content of any other request. A channel keeps at least four such events, unless
    /// --history-bytes is given
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024, value_parser = at_least(1), help_heading = "Bounds")]
    max_body: u64,

    /// Requests of a connection in a second, above which the next one waits; 0 is no bound
    #[arg(long, value_name = "N", default_value_t = 100_000, help_heading = "Bounds")]
    max_request_rate: u32,

    /// Pings and pongs of a WebSocket's client in a second, above which it is closed with 1008; 0 is no bound
    #[arg(long, value_name = "N", default_value_t = 1_000, help_heading = "Bounds")]
    max_control_rate: u32,

    /// Channels in all
    #[arg(long, value_name = "N", default_value_t = 1024, help_heading = "Channels")]
    max_channels: usize,

    /// Channels that clients of one address have published first in [default: all but a 64th]
    #[arg(long, value_name = "N", help_heading = "Channels")]
    max_channels_per_address: Option<usize>,

    /// Channels that clients of one address follow before anything is published there [default: three quarters of all]
    #[arg(long, value_name = "N", help_heading = "Channels")]
    max_empty_per_address: Option<usize>,

    /// Events that a channel keeps, at most
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = at_least(1), help_heading = "Channels")]
    history_events: u64,

    /// Bytes that a channel keeps, at most [default: four times --max-body, and 262144 at least]
    #[arg(long, value_name = "BYTES", value_parser = at_least(64), help_heading = "Channels")]
    history_bytes: Option<u64>,

    /// Remove a channel and its history after this time without use
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = "Channels")]
    reap_after: u64,

    /// The characters that channel names may have; a name has at most 255 bytes of UTF-8
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = ChannelNames::Unreserved, help_heading = "Channels")]
    channel_names: ChannelNames,

    /// Publish the events of this channel of another hub here too, in the channel of the same name or in CHANNEL.
    /// Repeatable. No cycles: two hubs must not follow each other's channel into the same name
    #[arg(long, value_name = "[CHANNEL=]URL", help_heading = "Channels")]
    follow: Vec<UpstreamChannel>,

    /// Send this header field to the followed hubs, such as 'Authorization: Bearer x'. Repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = field, requires = "follow", help_heading = "Channels")]
    follow_header: Vec<(String, String)>,

    /// Trust the authorities of this PEM file where a hub is followed, instead of the system's, and a hub that shows one of
    /// these very certificates
    #[arg(long, value_name = "FILE", requires = "follow", help_heading = "Channels")]
    pub(crate) follow_cacert: Option<PathBuf>,

    /// Accept any certificate of a followed hub. Insecure: an attacker on the network path can read and alter the data
    #[arg(long, requires = "follow", conflicts_with = "follow_cacert", help_heading = "Channels")]
    follow_insecure: bool,

    /// The reaction to a reader whose next event is no longer kept
    #[arg(long, value_enum, default_value_t = Gap::Replay, help_heading = "Channels")]
    gap_policy: Gap,

    /// Keep-alive interval of SSE and streams: after this time without output an SSE comment or an empty line is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = at_least(1), help_heading = "Times")]
    keep_alive: u64,

    /// Ping a silent WebSocket after so long
    #[arg(long, value_name = "SECONDS", default_value_t = 25, value_parser = at_least(1), help_heading = "Times")]
    ping_interval: u64,

    /// Close a WebSocket whose peer does not answer a ping within this time
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = at_least(1), help_heading = "Times")]
    pong_deadline: u64,

    /// Time-out of a request head
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = at_least(1), help_heading = "Times")]
    head_timeout: u64,

    /// Time-out of the content of a request, or of a WebSocket message or control frame that arrives in parts
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = at_least(1), help_heading = "Times")]
    body_timeout: u64,

    /// So many bytes of it earn one second more
    #[arg(long, value_name = "BYTES", default_value_t = 500, help_heading = "Times")]
    body_rate: u32,

    /// Close a connection without a request after so long; a proxy in front has to close it sooner, else it answers 502 now
    /// and then
    #[arg(long, value_name = "SECONDS", default_value_t = Server::default_config().idle_timeout.as_secs(), value_parser = at_least(1), help_heading = "Times")]
    idle_timeout: u64,

    /// Abort a connection whose peer accepts or acknowledges no data for this time
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = at_least(1), help_heading = "Times")]
    write_timeout: u64,

    /// When shutting down, wait so long for the readers to leave
    #[arg(long, value_name = "SECONDS", default_value_t = 10, help_heading = "Times")]
    drain_timeout: u64,
}

/// The reaction to a reader whose next event is no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gap {
    /// It goes on from the oldest event that is kept
    Replay,
    /// It skips to the newest event
    Latest,
    /// A live reader gets the gap and is disconnected
    Disconnect,
}

/// The characters that channel names may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChannelNames {
    /// A-Z a-z 0-9 . _ ~ -
    Unreserved,
    /// Also : / @ and characters beyond ASCII
    Extended,
}

fn at_least(least: u64) -> impl clap::builder::TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(least..)
}

/// An origin that a browser may send, or `*`.
fn origin(text: &str) -> Result<String, String> {
    if text != "*" {
        validate_origin(text).map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

/// A host that a client may name, or `*`.
fn host(text: &str) -> Result<String, String> {
    if text != "*" {
        validate_host(text).map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

/// A field that a client may send, as `NAME: VALUE`.
fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("not of the form 'Name: value'")?;
    let (name, value) = (name.trim_end(), value.trim());
    validate_header(name, value).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl Options {
    /// The addresses to listen on.
    ///
    /// # Errors
    /// An address has no effect beside another one.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, CommandError> {
        let addresses = resolve(&self.listen, Families::of_this_machine());
        addresses.map_err(|error| CommandError::usage(format!("--listen: {error}")))
    }

    /// Checks the lists of origins and hosts as a whole.
    ///
    /// # Errors
    /// A value has no effect beside `*`.
    pub(crate) fn check_access(&self) -> Result<(), CommandError> {
        for (option, names) in [("--allow-origin", &self.allow_origin), ("--allow-host", &self.allow_host)] {
            if names.iter().any(|name| name == "*")
                && let Some(name) = names.iter().find(|name| *name != "*")
            {
                return Err(CommandError::usage(format!(
                    "{option}: {name} has no effect beside *, which permits all; give {name} alone, or * alone"
                )));
            }
        }
        Ok(())
    }

    /// The server that they describe, on these addresses.
    pub(crate) fn server(&self, addresses: &[SocketAddr]) -> Server {
        let server = Server::new().limits(self.limits()).channels(self.channels()).config(self.config());
        let server = match self.threads {
            Some(threads) => server.threads(threads.get()),
            None => server,
        };
        let tls =
            TlsOptions { authorities: self.follow_cacert.clone(), danger_accept_any_certificate: self.follow_insecure };
        let server = server.upstream_options(UpstreamOptions { tls, headers: self.follow_header.clone() });
        let server = server.trusted_proxies(self.trusted_proxy.iter().copied());
        let server = self.follow.iter().fold(server, |server, follow| server.upstream(follow.clone()));
        addresses.iter().fold(server, |server, address| server.listen(*address))
    }

    fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            connections_per_address: self.max_per_address,
            ipv6_prefix: self.ipv6_prefix,
            memory: size(self.max_memory),
            head: size(self.max_head),
            event: size(self.max_body),
            drain: Duration::from_secs(self.drain_timeout),
            ..Limits::default()
        }
    }

    pub(crate) fn channels(&self) -> ChannelLimits {
        ChannelLimits {
            channels: self.max_channels,
            channels_per_address: self.max_channels_per_address,
            empty_channels_per_address: self.max_empty_per_address,
            events: size(self.history_events),
            bytes: size(self.history_bytes.unwrap_or(self.max_body.saturating_mul(4).max(256 * 1024))),
            reap_after: Duration::from_secs(self.reap_after),
            gap_policy: match self.gap_policy {
                Gap::Replay => GapPolicy::Replay,
                Gap::Latest => GapPolicy::Latest,
                Gap::Disconnect => GapPolicy::Disconnect,
            },
            names: match self.channel_names {
                ChannelNames::Unreserved => NamePolicy::UNRESERVED,
                ChannelNames::Extended => NamePolicy::EXTENDED,
            },
        }
    }

    fn config(&self) -> ServerConfig<'static> {
        let seconds = Duration::from_secs;
        let mut config = ServerConfig {
            access: self.access(),
            max_body: self.max_body,
            head_timeout: seconds(self.head_timeout),
            body_timeout: seconds(self.body_timeout),
            min_body_rate: self.body_rate,
            max_requests: self.max_request_rate,
            max_control_frames: self.max_control_rate,
            idle_timeout: seconds(self.idle_timeout),
            write_timeout: seconds(self.write_timeout),
            stream_timers: StreamTimers { keep_alive: seconds(self.keep_alive), ..StreamTimers::default() },
            ..Server::default_config()
        };
        config.keep_alive.ping_interval = seconds(self.ping_interval);
        config.keep_alive.pong_deadline = seconds(self.pong_deadline);
        config
    }

    /// The lists live as long as the process: they are read once, from its command line.
    pub(crate) fn access(&self) -> Access<'static> {
        let list = |names: &[String]| -> &'static [&'static str] {
            let names: Vec<&'static str> = names.iter().map(|name| &*name.clone().leak()).collect();
            names.leak()
        };
        let any = |names: &[String]| names.iter().any(|name| name == "*");
        let origins = match &self.allow_origin[..] {
            [] => OriginPolicy::Same,
            origins if any(origins) => OriginPolicy::Any,
            origins => OriginPolicy::List(list(origins)),
        };
        let hosts = match &self.allow_host[..] {
            [] => HostPolicy::Local,
            hosts if any(hosts) => HostPolicy::Any,
            hosts => HostPolicy::List(list(hosts)),
        };
        Access { origins, hosts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_options_equal_the_library_defaults() {
        let options = Options::parse_from(["goldcrest"]);
        assert_eq!(options.limits(), Limits::default());
        assert_eq!(options.channels(), ChannelLimits::default());
        assert_eq!(format!("{:?}", options.config()), format!("{:?}", Server::default_config()));
    }

    #[test]
    fn the_idle_timeout_is_longer_than_that_of_proxies() {
        let caddy = Duration::from_secs(120);
        assert!(Options::parse_from(["goldcrest"]).config().idle_timeout > caddy);
        assert!(Server::default_config().idle_timeout > caddy);
        assert_eq!(Options::parse_from(["goldcrest", "--idle-timeout", "7"]).config().idle_timeout.as_secs(), 7);
    }
}
