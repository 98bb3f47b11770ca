//! The environment of the core's clients, on smol.

use std::fmt;
use std::future::Future;
use std::io;
use std::rc::{Rc, Weak};

use goldcrest_core::client;
use goldcrest_core::ws::connection::NoEntropy;
use smol::{LocalExecutor, Task};

use super::{Connector, TlsOptions};
use crate::reactor::{BufferLimits, CoarseClock, Notifier, Reactor, run};

/// The environment of the clients of one thread. A clone shares it.
#[derive(Clone)]
pub struct SmolRuntime {
    connector: Connector,
    clock: CoarseClock,
    // Weak: a task that owned its executor would never be dropped.
    executor: Weak<LocalExecutor<'static>>,
}

impl SmolRuntime {
    /// Runs `main` on this thread, with the tasks that it spawns, until `main` is done.
    ///
    /// # Errors
    /// The system provides no readiness queue.
    pub fn block_on<T>(tls: TlsOptions, main: impl AsyncFnOnce(&Self) -> T) -> io::Result<T> {
        Self::block_on_beside(tls, |_| (), || 0, main)
    }

    /// The same, with `between` called once per turn of the loop, which returns the number of tasks that it woke.
    /// `notified` gets the handle by which other threads start a turn.
    ///
    /// # Errors
    /// The system provides no readiness queue.
    pub(crate) fn block_on_beside<T>(
        tls: TlsOptions,
        notified: impl FnOnce(Notifier),
        between: impl Fn() -> usize,
        main: impl AsyncFnOnce(&Self) -> T,
    ) -> io::Result<T> {
        let (reactor, notifier) = Reactor::new(BufferLimits::default())?;
        notified(notifier.clone());
        let reactor = Rc::new(reactor);
        let executor = Rc::new(LocalExecutor::new());
        let clock = CoarseClock(reactor.alarms.clone());
        let connector = Connector::new(Rc::clone(&reactor), tls);
        let runtime = Self { connector, clock, executor: Rc::downgrade(&executor) };
        Ok(run(&executor, &reactor, notifier, between, main(&runtime)))
    }

    /// Spawns `future`; dropping the task cancels it.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let executor = self.executor.upgrade();
        executor.expect("spawned within block_on, which owns the executor").spawn(future)
    }

    /// The connector.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The thread's clock, read once per turn of the loop.
    pub fn clock(&self) -> &CoarseClock {
        &self.clock
    }
}

/// Four bytes of the system's random source.
///
/// # Errors
/// [`NoEntropy`]: the system has none.
pub fn random() -> Result<[u8; 4], NoEntropy> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

impl client::ClientRuntime for SmolRuntime {
    type Connector = Connector;
    type Clock = CoarseClock;

    fn connector(&self) -> &Connector {
        &self.connector
    }

    fn clock(&self) -> &CoarseClock {
        &self.clock
    }

    fn random(&self) -> Result<[u8; 4], NoEntropy> {
        random()
    }
}

impl fmt::Debug for SmolRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolRuntime").finish_non_exhaustive()
    }
}
