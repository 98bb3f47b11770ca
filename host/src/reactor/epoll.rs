//! The readiness queue of Linux.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

use super::Ready;

/// The key of the event that another thread wakes this one by.
const NOTIFIED: u64 = u64::MAX;

/// Events that are taken at once.
const EVENTS: usize = 1024;

/// An `epoll` instance, edge-triggered: a source is registered once, for both directions.
pub(super) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    wakeup: Arc<OwnedFd>,
}

/// Wakes a poller from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Notifier(Arc<OwnedFd>);

impl Notifier {
    pub(crate) fn notify(&self) {
        // A counter that is full wakes as well as one that is not.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

impl Poller {
    pub(super) fn new() -> io::Result<(Self, Notifier)> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wakeup = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        epoll::add(&epoll, &wakeup, epoll::EventData::new_u64(NOTIFIED), epoll::EventFlags::IN)?;
        let notifier = Notifier(Arc::clone(&wakeup));
        Ok((Self { epoll, events: Vec::with_capacity(EVENTS), wakeup }, notifier))
    }

    pub(super) fn add(&self, fd: impl AsFd, key: usize) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key as u64), flags)?)
    }

    pub(super) fn delete(&self, fd: impl AsFd) {
        // The only failure is that it is not there any more.
        let _ = epoll::delete(&self.epoll, fd);
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>, mut f: impl FnMut(Ready)) -> io::Result<()> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for event in &self.events {
            let flags = event.flags;
            if event.data.u64() == NOTIFIED {
                let mut count = [0; 8];
                let _ = rustix::io::read(&self.wakeup, &mut count);
                continue;
            }
            let broken = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            let ended = broken || flags.contains(epoll::EventFlags::RDHUP);
            f(Ready {
                key: usize::try_from(event.data.u64()).unwrap_or(usize::MAX),
                readable: ended || flags.contains(epoll::EventFlags::IN),
                writable: broken || flags.contains(epoll::EventFlags::OUT),
                ended,
                closed: ended,
                failed: flags.contains(epoll::EventFlags::ERR),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_without_timeout_is_valid() {
        for timeout in [Duration::MAX, Duration::from_millis(u64::MAX), Duration::ZERO] {
            let (mut poller, notifier) = Poller::new().unwrap();
            notifier.notify();
            poller.wait(Some(timeout), |_| panic!("nothing is watched")).unwrap();
        }
    }
}
