//! Signals, and the shutdown of every thread.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::reactor::Notifier;

/// Stops a server. A clone stops the same one.
///
/// ```
/// use goldcrest_host::Server;
///
/// let shutdown = Server::new().shutdown_handle();
/// assert!(!shutdown.is_shutting_down());
/// shutdown.shut_down();
/// assert!(shutdown.is_shutting_down());
/// ```
#[derive(Clone, Default)]
pub struct ShutdownHandle {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    stopping: AtomicBool,
    threads: Mutex<Vec<Notifier>>,
}

impl ShutdownHandle {
    /// Begins the shutdown: no more connections, no more published events, and readers are asked to reconnect later.
    pub fn shut_down(&self) {
        self.inner.stopping.store(true, Ordering::SeqCst);
        for thread in self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            thread.notify();
        }
    }

    /// Whether it has been stopped.
    pub fn is_shutting_down(&self) -> bool {
        self.inner.stopping.load(Ordering::SeqCst)
    }

    /// Notifies `thread` when the server is stopped.
    pub(super) fn register(&self, thread: Notifier) {
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        if self.is_shutting_down() {
            self.shut_down();
        }
    }

    /// Stops the server at the first SIGINT, SIGTERM or SIGQUIT, and ends the process at the second. SIGHUP stops a server
    /// of a terminal, which has hung up. Elsewhere it is ignored, as SIGUSR1 and SIGUSR2 are: each of them would end the
    /// process, without a word to its readers.
    pub(super) fn watch_signals(&self) -> io::Result<()> {
        // A terminal that has hung up is none any more.
        let has_terminal = io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP])?;
        // A second thread: a blocked log may delay the thread that ignores signals, never the one that shuts down.
        let mut ignored = Signals::new([SIGHUP, SIGUSR1, SIGUSR2])?;
        let shutdown = self.clone();
        std::thread::Builder::new().name("goldcrest-signals".into()).spawn(move || {
            for signal in signals.forever() {
                // The shell may repeat SIGHUP. A shutdown that began with it is orderly.
                if signal == SIGHUP && (!has_terminal || shutdown.is_shutting_down()) {
                    continue;
                }
                // Act first, log second: a blocked log must not delay the shutdown.
                if shutdown.is_shutting_down() {
                    std::process::exit(128 + signal);
                }
                shutdown.shut_down();
                tracing::info!("shutting down; send the signal again to end at once");
            }
        })?;
        std::thread::Builder::new().name("goldcrest-ignored".into()).spawn(move || {
            for signal in ignored.forever() {
                if signal != SIGHUP || !has_terminal {
                    let signal = signal_name(signal).unwrap_or_default();
                    tracing::info!(
                        "{signal} is ignored: there is nothing to reload; SIGTERM, SIGINT or SIGQUIT shut down"
                    );
                }
            }
        })?;
        Ok(())
    }
}
