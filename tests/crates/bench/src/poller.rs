//! Waiting on thousands of sockets from one thread: a thin face on epoll, level-triggered.

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::Timespec;
use std::fmt;
use std::io;
use std::time::Duration;

/// A set of sockets, each with a number of the caller's.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Poller {
    /// A poller without sockets.
    ///
    /// # Errors
    /// The system's.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(1024) })
    }

    /// Adds a socket that is to be read. Closing the socket takes it out.
    ///
    /// # Errors
    /// The system's.
    pub fn add(&self, socket: impl AsFd, number: usize) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(number as u64), EventFlags::IN)?)
    }

    /// Says whether the socket is to be written as well.
    ///
    /// # Errors
    /// The system's.
    pub fn want_write(&self, socket: impl AsFd, number: usize, write: bool) -> io::Result<()> {
        let flags = if write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(number as u64), flags)?)
    }

    /// Waits, `timeout` at most or for ever, and puts the numbers of the sockets that can be read, written or have failed
    /// into `ready`, which is emptied first.
    ///
    /// # Errors
    /// The system's.
    pub fn wait(&mut self, ready: &mut Vec<usize>, timeout: Option<Duration>) -> io::Result<()> {
        self.events.clear();
        ready.clear();
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| event.data.u64() as usize));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn only_the_socket_that_can_be_read_is_reported() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (quiet, _peer) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&one, 7).unwrap();
        poller.add(&quiet, 8).unwrap();
        let mut ready = Vec::new();
        poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert_eq!(ready, []);
        other.write_all(b"x").unwrap();
        poller.wait(&mut ready, None).unwrap();
        assert_eq!(ready, [7]);
        poller.want_write(&quiet, 8, true).unwrap();
        poller.wait(&mut ready, None).unwrap();
        ready.sort_unstable();
        assert_eq!(ready, [7, 8]);
    }
}
