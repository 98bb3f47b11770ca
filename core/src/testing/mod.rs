//! Virtual time, tasks and buffers for the tests of handlers, servers and clients.
//!
//! The core's unit tests use it, on a host and on the emulated chip, and so do `tests/crates/oracles` and the fuzz
//! targets, with the feature `testing`. It needs `alloc` and nothing else.

mod buffers;
mod clock;
mod executor;
mod random;
mod runtime;
#[cfg(test)]
mod simulation;
mod wake_count;

pub use buffers::{BufferPool, PooledBuffer};
pub use clock::{VirtualClock, VirtualTimer};
pub use executor::Executor;
pub use random::Random;
pub use runtime::{MetricsTotals, TestMetrics, TestRuntime};
#[cfg(test)]
pub(crate) use simulation::{RINGS, Simulation, TestHub, hub, hub_of, leak};
pub use wake_count::WakeCount;
