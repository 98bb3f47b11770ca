//! The channels of a host: a master log for each, and a mirror of it on every thread that has readers of it.
//!
//! ```text
//! publish ──► master log (one lock: the id is given here) ──► one Arc for each thread with a mirror
//!                                                               │ inbox
//!                                        that thread's own log ◄┘ ──► its readers, in turn
//! ```
//! A thread reads its own log without a lock. A publisher pays for a lock, an append and one message a thread, however
//! many readers there are.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `registry.rs` | [`Hub`]: the channels by name, made on first use, reaped when idle |
//! | `master.rs` | a channel's master log |
//! | `mirror.rs` | [`ThreadHub`]: a thread's logs and its readers |

mod master;
mod mirror;
mod registry;

pub use mirror::{ThreadHub, ThreadReader};
pub use registry::{ChannelLimits, Hub};

pub(crate) use registry::Inbox;

#[cfg(test)]
mod tests;
