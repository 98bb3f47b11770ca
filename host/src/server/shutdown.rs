//! Signals, and telling every thread.

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
/// let stopper = Server::new().stopper();
/// assert!(!stopper.is_stopping());
/// stopper.shut_down();
/// assert!(stopper.is_stopping());
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
    /// Stops the server: it accepts nothing more, takes no publication, and tells its readers to come back later.
    pub fn shut_down(&self) {
        self.inner.stopping.store(true, Ordering::SeqCst);
        for thread in self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            thread.notify();
        }
    }

    /// Whether it has been stopped.
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::SeqCst)
    }

    /// Notifies `thread` when the server is stopped.
    pub(super) fn register(&self, thread: Notifier) {
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        if self.is_stopping() {
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
        // A second thread: a log that nobody takes may hold up the one that ignores, and not the one that stops.
        let mut ignored = Signals::new([SIGHUP, SIGUSR1, SIGUSR2])?;
        let stopper = self.clone();
        std::thread::Builder::new().name("goldcrest-signals".into()).spawn(move || {
            for signal in signals.forever() {
                // The shell may repeat it. What a terminal's end begins ends in order.
                if signal == SIGHUP && (!has_terminal || stopper.is_stopping()) {
                    continue;
                }
                // What is logged comes after what is done: a log that nobody takes must not keep a server from its end.
                if stopper.is_stopping() {
                    std::process::exit(128 + signal);
                }
                stopper.shut_down();
                tracing::info!("shutting down; once more to end at once");
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
