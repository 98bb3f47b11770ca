//! The channels of a host: a master log for each, and a mirror of it on every thread that has followers of it.
//!
//! ```text
//! publish ──► master log (one lock: the id is given here) ──► one Arc for each thread with a mirror
//!                │                                              │ inbox
//!                └─ copied once, for a poll  that thread's own log ◄┘ ──► its followers, in turn
//! ```
//! A thread reads its own log without a lock. A publisher pays for a lock, an append and one message a thread, however
//! many followers there are. A mirror starts empty, behind the newest event, and ends with the last follower of its thread. Where
//! a reader starts is judged by the master, which has given out every id: a thread that has not seen an event yet takes it then.
//!
//! **Publishing waits for followers.** A thread tells what its followers have taken. Before the next event would overwrite one
//! that a follower still has to take, the connection that publishes stops reading, and goes on when the followers have taken half
//! of the log, or when the time is over; followers that are behind then are not waited for until they have caught up.
//!
//! | file | content |
//! | --- | --- |
//! | `registry.rs` | [`Hub`]: the channels by name, made on first use, reaped when idle |
//! | `master.rs` | a channel's master log |
//! | `event.rs` | an event that several threads append |
//! | `inbox.rs` | events on their way to a thread |
//! | `mirror.rs` | [`LocalHub`]: a thread's logs and its readers |

mod event;
mod inbox;
mod master;
mod mirror;
mod registry;

pub use mirror::{LocalHub, LocalReader};
pub use registry::{ChannelLimits, Hub};

pub(crate) use inbox::Inbox;

#[cfg(test)]
mod tests;
