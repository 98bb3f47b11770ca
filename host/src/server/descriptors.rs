//! How many connections the limit of open descriptors leaves room for.

use super::Limits;

/// Connections that get the answer of a full server at the same time. Further ones are closed without an answer.
const TOLD: usize = 64;

/// Descriptors reserved for other files of the process: those of handlers, the resolver, the log.
const SPARE: usize = 16;

/// Descriptors of a thread: its epoll instance, and its eventfd.
const THREAD: usize = 2;

/// Of a channel that is followed: its connection, and those that race to become it.
const FOLLOW: usize = 4;

/// Connections that a server may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionSlots {
    /// Those that are served.
    pub(super) served: usize,
    /// Further connections, which get the answer of a full server.
    pub(super) told: usize,
}

impl ConnectionSlots {
    /// As many as requested, without a look at the limit.
    #[cfg(test)]
    pub(super) fn all(limits: &Limits) -> Self {
        Self { served: limits.connections, told: TOLD }
    }

    /// The requested slots, cut to the limit of open descriptors. Called once the server listens and before its `threads`
    /// start. A cut is logged together with the remedy.
    pub(super) fn new(limits: &Limits, threads: usize, follows: usize) -> Self {
        let others = THREAD * (threads + 1) + FOLLOW * follows + SPARE;
        let Some((limit, open)) = descriptors() else { return Self::within(usize::MAX, limits.connections) };
        let places = Self::within(limit.saturating_sub(open + others), limits.connections);
        if places.served < limits.connections {
            let (max_connections, connections) = (limits.connections, places.served);
            let needed = max_connections.saturating_add(open + others + TOLD);
            tracing::warn!(
                max_connections,
                connections,
                descriptors = limit,
                "the limit of open descriptors leaves room for fewer connections than --max-connections: \
                 `ulimit -n {needed}` raises it, or LimitNOFILE={needed} in a unit of systemd"
            );
        }
        places
    }

    /// The part of the `asked` connections that fits into `room` descriptors.
    fn within(room: usize, asked: usize) -> Self {
        let told = TOLD.min(room / 8);
        Self { served: asked.min(room - told).max(1), told }
    }
}

/// The limit, and how many are open.
#[cfg(target_os = "linux")]
fn descriptors() -> Option<(usize, usize)> {
    use rustix::process::{Resource, getrlimit};
    let limit = usize::try_from(getrlimit(Resource::Nofile).current?).ok()?;
    // One of them is that of the folder.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    Some((limit, open))
}

/// Nothing is known of that here.
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

/// Lets the process open as many descriptors as the system allows it: nothing is known of that here.
#[cfg(not(target_os = "linux"))]
pub fn raise_descriptor_limit() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_follow_the_descriptor_limit() {
        let places = |room, asked| {
            let ConnectionSlots { served, told } = ConnectionSlots::within(room, asked);
            (served, told)
        };
        assert_eq!(places(usize::MAX, 100_000), (100_000, 64));
        assert_eq!(places(100_064, 100_000), (100_000, 64));
        assert_eq!(places(100_063, 100_000), (99_999, 64));
        assert_eq!(places(260, 100_000), (228, 32));
        assert_eq!(places(260, 10), (10, 32));
        assert_eq!(places(0, 10), (1, 0), "at least one connection is served");
    }
}
