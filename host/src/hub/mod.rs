//! The hub of a host: a master log for each channel, and a mirror of it on each thread with followers.
//!
//! ```text
//! publish ──► master log (one lock: the id is given here) ──► one Arc for each thread with a mirror
//!                │                                              │ inbox
//!                └─ copied for each poll     mirror of the thread ◄┘ ──► its followers, in turn
//! ```
//! A thread reads its mirrors without a lock. Publishing costs a lock, an append and a message for each thread, for any number of
//! followers. A mirror starts empty after the newest event, and ends with the last follower of its thread. The master decides where
//! a reader starts, since it has assigned every id. A mirror that lacks events by then is brought up to date.
//!
//! A [`HubReader`] belongs to no thread of the server. It reads the master log under its lock, and a publisher wakes its task itself.
//!
//! **Flow control.** A thread reports how far its followers have read. While the next event would overwrite one that a follower has
//! not read yet, a publishing connection stops reading. It continues once the followers have read half of the log, or after a
//! timeout. After a timeout, publishers ignore the followers that are behind until these have caught up.
//!
//! | file | content |
//! | --- | --- |
//! | `identities.rs` | [`IdentityGrant`]: the live grants by identity |
//! | `registry.rs` | [`Hub`]: the channels by name, created on first use, reaped when idle |
//! | `master.rs` | a channel and its master log |
//! | `event.rs` | an event that several threads append |
//! | `inbox.rs` | the queue of events for the mirrors of a thread |
//! | `attachment.rs` | a running server of the hub |
//! | `mirror.rs` | [`LocalHub`]: the mirrors of a thread, and its readers |
//! | `hub_reader.rs` | [`HubReader`]: a reader on any thread and any executor |
//! | `channel_stats.rs` | [`ChannelStats`]: the statistics of a channel |
//! | `stats.rs` | statistics of the channels of a hub, and their deletion |
//! | `shared_followers.rs` | the followers that read the master log itself |

mod attachment;
mod channel_stats;
mod event;
mod hub_reader;
mod identities;
mod inbox;
mod master;
mod mirror;
mod registry;
mod shared_followers;
mod stats;

pub use channel_stats::ChannelStats;
pub use hub_reader::{HubReader, OwnedEvent, ReaderItem};
pub use identities::IdentityGrant;
pub use mirror::{LocalHub, LocalReader};
pub use registry::{ChannelLimits, Hub};

pub use attachment::Attachment;
pub(crate) use inbox::Inbox;

#[cfg(test)]
mod tests;
