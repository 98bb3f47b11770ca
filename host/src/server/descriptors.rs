//! The number of connections that the limit of open descriptors allows.

/// Connections that get the answer of a full server at the same time. Further ones are closed without an answer.
const OVERLOADED: usize = 64;

/// Descriptors reserved for other files of the process: those of handlers, the resolver, the log.
const RESERVED: usize = 16;

/// Descriptors of a thread: its epoll instance, and its eventfd.
const THREAD: usize = 2;

/// Descriptors of an upstream channel: its connection, and the parallel attempts to connect (RFC 8305).
const UPSTREAM: usize = 4;

/// Connections that a server may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionSlots {
    /// Connections that are served.
    pub(super) served: usize,
    /// Further connections, which get the answer of a full server.
    pub(super) overloaded: usize,
}

impl ConnectionSlots {
    /// As many as requested, without a look at the limit.
    #[cfg(test)]
    pub(super) fn all(connections: usize) -> Self {
        Self { served: connections, overloaded: OVERLOADED }
    }

    /// The requested slots, cut to the limit of open descriptors. Called once the server listens and before its `threads`
    /// start. A cut is logged together with the remedy.
    pub(super) fn new(max_connections: usize, threads: usize, upstreams: usize) -> Self {
        let others = THREAD * (threads + 1) + UPSTREAM * upstreams + RESERVED;
        let Some((limit, open)) = descriptors() else { return Self::within(usize::MAX, max_connections) };
        let slots = Self::within(limit.saturating_sub(open + others), max_connections);
        if slots.served < max_connections {
            let connections = slots.served;
            let needed = max_connections.saturating_add(open + others + OVERLOADED);
            tracing::warn!(
                max_connections,
                connections,
                descriptors = limit,
                "the limit of open descriptors leaves room for fewer connections than --max-connections: \
                 `ulimit -n {needed}` raises it, or LimitNOFILE={needed} in a unit of systemd"
            );
        }
        slots
    }

    /// The part of the `asked` connections that fits into `room` descriptors.
    fn within(room: usize, asked: usize) -> Self {
        let overloaded = OVERLOADED.min(room / 8);
        Self { served: asked.min(room - overloaded).max(1), overloaded }
    }
}

/// The limit, and the number of open descriptors.
#[cfg(target_os = "linux")]
fn descriptors() -> Option<(usize, usize)> {
    use rustix::process::{Resource, getrlimit};
    let limit = usize::try_from(getrlimit(Resource::Nofile).current?).ok()?;
    // One of them is that of the directory itself.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    Some((limit, open))
}

/// Unknown on this system.
#[cfg(not(target_os = "linux"))]
fn descriptors() -> Option<(usize, usize)> {
    None
}

/// Raises the soft limit of open descriptors to the hard limit, for programs with many connections. A server does it
/// itself.
#[cfg(target_os = "linux")]
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open descriptors stays as it is");
        }
    }
}

/// Does nothing: the limit is unknown on this system.
#[cfg(not(target_os = "linux"))]
pub fn raise_descriptor_limit() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_follow_the_descriptor_limit() {
        let slots = |room, asked| {
            let ConnectionSlots { served, overloaded } = ConnectionSlots::within(room, asked);
            (served, overloaded)
        };
        assert_eq!(slots(usize::MAX, 100_000), (100_000, 64));
        assert_eq!(slots(100_064, 100_000), (100_000, 64));
        assert_eq!(slots(100_063, 100_000), (99_999, 64));
        assert_eq!(slots(260, 100_000), (228, 32));
        assert_eq!(slots(260, 10), (10, 32));
        assert_eq!(slots(0, 10), (1, 0), "at least one connection is served");
    }
}
