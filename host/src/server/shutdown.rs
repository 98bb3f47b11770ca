//! Signals, and telling every thread.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::reactor::Notifier;

/// Stops a server. A clone stops the same one.
///
/// ```
/// use goldcrest_host::Server;
///
/// let stopper = Server::new().stopper();
/// assert!(!stopper.is_stopping());
/// stopper.stop();
/// assert!(stopper.is_stopping());
/// ```
#[derive(Clone, Default)]
pub struct Stopper {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    stopping: AtomicBool,
    threads: Mutex<Vec<Notifier>>,
}

impl Stopper {
    /// Stops the server: it accepts nothing more, takes no publication, and tells its readers to come back later.
    pub fn stop(&self) {
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
            self.stop();
        }
    }

    /// Stops the server at the first SIGINT or SIGTERM, and ends the process at the second.
    pub(super) fn watch_signals(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let stopper = self.clone();
        std::thread::Builder::new().name("goldcrest-signals".into()).spawn(move || {
            for signal in signals.forever() {
                // What is logged comes after what is done: a log that nobody takes must not keep a server from its end.
                if stopper.is_stopping() {
                    std::process::exit(128 + signal);
                }
                stopper.stop();
                tracing::info!("shutting down; once more to end at once");
            }
        })?;
        Ok(())
    }
}
