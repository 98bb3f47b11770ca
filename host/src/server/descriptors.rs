//! The number of connections that the limit of open descriptors allows, for all servers of the process.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that get the answer of a full server at the same time. Further ones are closed without an answer.
const OVERLOADED: usize = 64;

/// Descriptors reserved for other files of the process: those of handlers, the resolver, the log.
const RESERVED: usize = 16;

/// Descriptors of a thread: its epoll instance, and its eventfd.
const THREAD: usize = 2;

/// Descriptors of an upstream channel: its connection, and the parallel attempts to connect (RFC 8305).
const UPSTREAM: usize = 4;

/// The connections of all servers of the process, and the descriptors that are left for them.
#[derive(Debug)]
pub(super) struct ProcessConnections {
    open: AtomicUsize,
    /// Descriptors for connections, as the server that started last found them.
    room: AtomicUsize,
}

/// The connections of this process.
pub(super) static PROCESS: ProcessConnections = ProcessConnections::new();

/// The place of a connection within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessPlace {
    /// It is served.
    Served,
    /// It gets the answer of a full server.
    Overloaded,
    /// There is no descriptor for it.
    None,
}

impl ProcessConnections {
    pub(super) const fn new() -> Self {
        Self { open: AtomicUsize::new(0), room: AtomicUsize::new(usize::MAX) }
    }

    /// Counts another connection, except where the place is [`ProcessPlace::None`].
    pub(super) fn enter(&self) -> ProcessPlace {
        let (before, room) = (self.open.fetch_add(1, Ordering::Relaxed), self.room.load(Ordering::Relaxed));
        if before >= room {
            self.leave();
            ProcessPlace::None
        } else if before >= room - overloaded(room) {
            ProcessPlace::Overloaded
        } else {
            ProcessPlace::Served
        }
    }

    /// Counts one connection less.
    pub(super) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The part of `room` descriptors for the answers of a full server.
fn overloaded(room: usize) -> usize {
    OVERLOADED.min(room / 8)
}

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
        // The connections of other servers are among the open descriptors.
        let open = open.saturating_sub(PROCESS.open.load(Ordering::Relaxed));
        let room = limit.saturating_sub(open + others);
        // At least one connection is served.
        PROCESS.room.store(room.max(1), Ordering::Relaxed);
        let slots = Self::within(room, max_connections);
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
        let overloaded = overloaded(room);
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

    #[test]
    fn the_servers_of_a_process_share_its_descriptors() {
        let process = ProcessConnections::new();
        process.room.store(8, Ordering::Relaxed);
        let places: Vec<_> = (0..9).map(|_| process.enter()).collect();
        assert_eq!(places[..7], [ProcessPlace::Served; 7]);
        assert_eq!(places[7..], [ProcessPlace::Overloaded, ProcessPlace::None]);
        process.leave();
        process.leave();
        assert_eq!([process.enter(), process.enter()], [ProcessPlace::Served, ProcessPlace::Overloaded]);
    }
}
