//! Admission control: which connections are accepted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use goldcrest_core::http::Request;

use super::descriptors::{ConnectionSlots, ProcessConnections, ProcessPlace};
use super::forwarded::TrustedProxies;
use crate::memory::{MAX_MEMORY, Memory, Use};
use crate::reactor::Client;

/// The bounds of a server as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of connections. The limit of open descriptors may lower it. A further client gets 503, or the
    /// SSE answer for a full server. Default: 100,000.
    pub connections: usize,
    /// Connections of one address at most. Those of [`Server::trusted_proxies`](crate::Server::trusted_proxies) are not counted.
    /// Default: 10,000.
    pub connections_per_address: usize,
    /// How many bits of an IPv6 address are one address to every limit by address, at most 128: one machine often has all
    /// the addresses of a prefix. An IPv4-mapped address counts as IPv4. Default: 64.
    pub ipv6_prefix: u8,
    /// Maximum memory of channels, their copies, buffers and connections, in bytes. A request above it gets 503, and the
    /// channels that have been unused for longest are removed. Default: 1 GiB.
    pub memory: usize,
    /// Bytes of a request head (414, 431). Default: 16 KiB.
    pub head: usize,
    /// Bytes of an event that is published (413, close code 1009). Default: 64 KiB.
    pub event: usize,
    /// Bytes that the kernel keeps unsent for a connection, beside [`Limits::unsent`]. Default: 256 KiB.
    pub send_buffer: usize,
    /// Unsent bytes in the kernel above which a socket counts as not writable. Default: 128 KiB.
    pub unsent: usize,
    /// Rejected requests that a thread logs in a second. The next line counts the suppressed ones. Default: 10.
    pub rejection_lines: u32,
    /// How long the server takes to end, at most. Default: 10 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_per_address: 10_000,
            ipv6_prefix: 64,
            memory: MAX_MEMORY,
            head: 16 * 1024,
            event: 64 * 1024,
            send_buffer: 256 * 1024,
            unsent: 128 * 1024,
            rejection_lines: 10,
            drain: super::DRAIN,
        }
    }
}

impl Limits {
    /// The network of `address` that the limits per address count: an IPv6 address is cut to the prefix.
    pub(super) fn network(&self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let host_bits = 128u32.saturating_sub(self.ipv6_prefix.into());
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
            v4 => v4,
        }
    }
}

/// Counts the admitted connections.
pub(super) struct AdmissionControl {
    limits: Limits,
    proxies: TrustedProxies,
    slots: ConnectionSlots,
    process: &'static ProcessConnections,
    memory: Memory,
    connections: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// Bytes that a connection takes beside its buffers, about.
const CONNECTION: usize = 2 * 1024;

/// The decision about one connection.
pub(super) enum Admission {
    /// It is served.
    In(Permit),
    /// This bound is reached: the client is answered that the server is full.
    Full(Permit, Bound),
    /// The connection is closed without an answer: the slots for such answers are in use too.
    No,
}

/// A bound on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// [`Limits::connections`]
    All,
    /// [`Limits::connections_per_address`]
    Address,
    /// [`Limits::memory`]
    Memory,
    /// The open descriptors of the process.
    Descriptors,
}

/// A connection's place; dropped when it ends.
pub(super) struct Permit {
    admission: Arc<AdmissionControl>,
    network: IpAddr,
    /// The connection comes from a trusted proxy, and is not counted by address.
    is_proxy: bool,
    /// Bytes that are reserved for the connection.
    reserved: usize,
}

impl Permit {
    /// The network of the client, as limits count it.
    pub(super) fn network(&self) -> IpAddr {
        self.network
    }

    /// Whether the connection comes from a trusted proxy.
    pub(super) fn is_proxy(&self) -> bool {
        self.is_proxy
    }
}

impl AdmissionControl {
    pub(super) fn new(
        limits: Limits,
        proxies: TrustedProxies,
        slots: ConnectionSlots,
        process: &'static ProcessConnections,
        memory: Memory,
    ) -> Self {
        Self { limits, proxies, slots, process, memory, connections: AtomicUsize::new(0), by_address: Mutex::default() }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The maximum number of connections, and the option or limit that raises it.
    pub(super) fn served(&self) -> (usize, &'static str) {
        let served = self.slots.served;
        (served, if served < self.limits.connections { "the limit of open descriptors" } else { "--max-connections" })
    }

    /// The client of a request from a trusted proxy; `None`: the fields name none.
    pub(super) fn client<B: AsRef<[u8]>>(&self, request: &Request<B>) -> Option<Client> {
        let address = self.proxies.client(request)?;
        Some(Client { address, network: self.limits.network(address.ip()) })
    }

    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        if before >= self.slots.served.saturating_add(self.slots.overloaded) {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return Admission::No;
        }
        let process = self.process.enter();
        if process == ProcessPlace::None {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return Admission::No;
        }
        let network = self.limits.network(address);
        let is_proxy = self.proxies.trusts(address);
        let crowded = !is_proxy && {
            let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let of_address = by_address.entry(network).or_insert(0);
            *of_address += 1;
            *of_address > self.limits.connections_per_address
        };
        let reserved = if self.memory.try_reserve(CONNECTION, Use::First) { CONNECTION } else { 0 };
        let place = Permit { admission: Arc::clone(self), network, is_proxy, reserved };
        if before >= self.slots.served {
            Admission::Full(place, Bound::All)
        } else if process == ProcessPlace::Overloaded {
            Admission::Full(place, Bound::Descriptors)
        } else if crowded {
            Admission::Full(place, Bound::Address)
        } else if reserved == 0 {
            Admission::Full(place, Bound::Memory)
        } else {
            Admission::In(place)
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.connections.fetch_sub(1, Ordering::Relaxed);
        self.admission.process.leave();
        self.admission.memory.release(self.reserved);
        if self.is_proxy {
            return;
        }
        let mut by_address = self.admission.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limits: Limits) -> Arc<AdmissionControl> {
        behind(limits, &[])
    }

    fn behind(limits: Limits, proxies: &[&str]) -> Arc<AdmissionControl> {
        let proxies: Vec<_> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let proxies = TrustedProxies::new(&proxies);
        let slots = ConnectionSlots::all(limits.connections);
        let process = Box::leak(Box::new(ProcessConnections::new()));
        Arc::new(AdmissionControl::new(limits, proxies, slots, process, Memory::default()))
    }

    #[test]
    fn without_a_limit_every_connection_is_admitted() {
        let limits = Limits { connections: usize::MAX, connections_per_address: usize::MAX, ..Limits::default() };
        assert!(matches!(admission(limits).admit(IpAddr::from([10, 0, 0, 1])), Admission::In(_)));
    }

    #[test]
    fn an_ipv6_prefix_is_one_address_and_a_mapped_one_is_ipv4() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let limits = Limits { connections_per_address: 2, ..Limits::default() };
        let admission = admission(limits.clone());
        let _slots = [ip("2001:db8:1:2::1"), ip("2001:db8:1:2:ffff::2")].map(|one| admission.admit(one));
        assert!(
            matches!(admission.admit(ip("2001:db8:1:2:3:4:5:6")), Admission::Full(_, Bound::Address)),
            "two of a /64 at most"
        );
        assert!(matches!(admission.admit(ip("2001:db8:1:3::1")), Admission::In(_)));
        assert_eq!(limits.network(ip("::ffff:192.0.2.7")), ip("192.0.2.7"));
        for (prefix, network) in
            [(0, "::"), (56, "2001:db8:1:200::"), (64, "2001:db8:1:2ff::"), (128, "2001:db8:1:2ff::1")]
        {
            let limits = Limits { ipv6_prefix: prefix, ..limits.clone() };
            assert_eq!(limits.network(ip("2001:db8:1:2ff::1")), ip(network), "/{prefix}");
        }
    }

    #[test]
    fn connections_of_a_trusted_proxy_count_only_in_all() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let limits = Limits { connections: 3, connections_per_address: 1, ..Limits::default() };
        let admission = behind(limits, &["2001:db8::1", "192.0.2.0/28"]);
        let first = admission.admit(ip("192.0.2.1"));
        let _second = admission.admit(ip("::ffff:192.0.2.1"));
        let Admission::In(permit) = &first else { panic!("a proxy has no bound by address") };
        assert!(permit.is_proxy());
        let Admission::In(other) = admission.admit(ip("2001:db8::2")) else { panic!("the third in all") };
        assert!(!other.is_proxy());
        assert!(matches!(admission.admit(ip("192.0.2.1")), Admission::Full(_, Bound::All)));
        drop(first);
        assert!(matches!(admission.admit(ip("2001:db8::3")), Admission::Full(_, Bound::Address)), "of the same /64");
        drop(other);
        assert!(matches!(admission.admit(ip("2001:db8::3")), Admission::In(_)));
    }

    #[test]
    fn a_closed_connection_frees_its_slot() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let admission = admission(limits);
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = admission.admit(one);
        let _second = admission.admit(one);
        assert!(matches!(admission.admit(one), Admission::Full(_, Bound::Address)), "two of an address at most");
        let _third = admission.admit(other);
        assert!(matches!(admission.admit(other), Admission::Full(_, Bound::All)), "three in all");
        drop(first);
        assert!(matches!(admission.admit(other), Admission::In(_)));
        let told: Vec<_> = (0..64 + 9).map(|_| admission.admit(other)).collect();
        assert!(matches!(told.last(), Some(Admission::No)));
        drop(told);
        assert!(matches!(admission.admit(one), Admission::In(_)));
    }
}
