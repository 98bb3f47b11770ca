//! A server on a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use super::ShutdownHandle;

/// A server that [`Server::start`](super::Server::start) runs on a thread of its own.
///
/// A drop leaves it running: it ends by its [`ShutdownHandle`] or by a signal.
#[must_use = "the server's error is lost without `join`"]
pub struct RunningServer {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) shutdown: ShutdownHandle,
    pub(super) thread: JoinHandle<io::Result<()>>,
}

impl RunningServer {
    /// The addresses that it listens on. A port 0 is replaced by the chosen port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The handle that shuts it down from any thread.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        self.shutdown.clone()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// As [`Server::run`](super::Server::run).
    pub fn join(self) -> io::Result<()> {
        join(self.thread)
    }

    /// Shuts it down and waits until it has ended.
    ///
    /// # Errors
    /// As [`Server::run`](super::Server::run).
    pub fn shut_down(self) -> io::Result<()> {
        self.shutdown.shut_down();
        self.join()
    }
}

/// Waits for the thread of a server.
pub(super) fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().map_err(|_| io::Error::other("the thread of the server panicked"))?
}
