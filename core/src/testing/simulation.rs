//! Servers and clients in memory, on one executor.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Deref;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;

use super::{BufferPool, Executor, Random, TestMetrics, TestRuntime};
use crate::hub::{Channel, StaticHub};
use crate::io::{Pipe, PipeEnd};
use crate::log::EventLog;
use crate::server::Disconnect;

macro_rules! rings {
    ($($size:literal)*) => {
        [$(|| leak(Pipe::<$size>::new()).ends()),*]
    };
}

pub(crate) type TestHub = StaticHub<NoopRawMutex, Vec<u8>, 2, 4>;

const EPOCH: u32 = 0xabc;

/// A hub of the channels `a` and `b`, for four followers, that keeps at most `events` events in `bytes` bytes.
pub(crate) fn hub(events: usize, bytes: usize) -> TestHub {
    hub_of(events, bytes, EPOCH)
}

/// The same with ids of another epoch.
pub(crate) fn hub_of(events: usize, bytes: usize, epoch: u32) -> TestHub {
    let log = || EventLog::new(vec![0; bytes + 4 * events], events, epoch).unwrap();
    StaticHub::new(epoch, [Channel::with_log("a", log()), Channel::with_log("b", log())])
}

/// Makes `value` live as long as the test.
pub(crate) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Connections and clients as tasks of one executor. It derefs to that executor.
pub(crate) struct Simulation {
    executor: Executor<'static, Disconnect>,
    /// Of the servers.
    pub(crate) runtime: TestRuntime<PipeEnd<'static>>,
    /// Of the servers whose handler has them.
    pub(crate) metrics: TestMetrics,
}

impl Simulation {
    pub(crate) fn new() -> &'static Self {
        let executor = Executor::default();
        let [heads, events] = [(); 2].map(|()| BufferPool::new(100, 1024));
        let runtime = TestRuntime::new(executor.clock().clone(), heads, events, Random::fixed(12_345));
        leak(Self { executor, runtime, metrics: TestMetrics::default() })
    }

    /// Shuts the servers down.
    pub(crate) fn shut_down(&self) {
        self.runtime.is_shutting_down.set(true);
        // A runtime has to wake every task then.
        self.wake_all();
        self.run();
    }
}

impl Deref for Simulation {
    type Target = Executor<'static, Disconnect>;

    fn deref(&self) -> &Self::Target {
        &self.executor
    }
}

/// The ring sizes that properties are tried over: each from 1 byte on, past every boundary in a message, and some larger.
pub(crate) const RINGS: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 76] = rings!(
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41
    42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 127 128 129 130 131 1072
);
