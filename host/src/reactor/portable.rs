//! The readiness queue of systems other than Linux.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use polling::{Event, Events, PollMode};

use super::Ready;

/// A `polling` instance, edge-triggered: a source is registered once, for both directions.
pub(super) struct Poller {
    poller: Arc<polling::Poller>,
    events: Events,
}

/// Wakes a poller from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Notifier(Arc<polling::Poller>);

impl Notifier {
    pub(crate) fn notify(&self) {
        let _ = self.0.notify();
    }
}

impl Poller {
    pub(super) fn new() -> io::Result<(Self, Notifier)> {
        let poller = Arc::new(polling::Poller::new()?);
        let notifier = Notifier(Arc::clone(&poller));
        Ok((Self { poller, events: Events::new() }, notifier))
    }

    #[allow(unsafe_code, reason = "the source is deleted before it is closed: see the drop of `TcpSocket`")]
    pub(super) fn add(&self, fd: impl AsFd, key: usize) -> io::Result<()> {
        let fd = fd.as_fd().as_raw_fd();
        // SAFETY: every source deletes itself before its descriptor is closed; listeners live as long as the poller.
        unsafe { self.poller.add_with_mode(fd, Event::all(key).with_interrupt(), PollMode::Edge) }
    }

    pub(super) fn delete(&self, fd: impl AsFd) {
        let _ = self.poller.delete(fd.as_fd());
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>, mut f: impl FnMut(Ready)) -> io::Result<()> {
        self.events.clear();
        self.poller.wait(&mut self.events, timeout)?;
        for event in self.events.iter() {
            // The end of the peer is not reported here, so that a read always continues until no bytes are left.
            let failed = event.is_err() == Some(true);
            f(Ready {
                key: event.key,
                readable: event.readable,
                writable: event.writable,
                ended: event.readable,
                closed: event.is_interrupt(),
                failed,
            });
        }
        Ok(())
    }
}
