//! A subscription that resumes: one cursor over five transports.
//!
//! It tries the transports in the given order. One that fails before any event gives way to the next one; one that
//! worked and is lost is tried again. After a while on a lesser transport the better ones are tried again.
//!
//! The cursor is always the id of the last returned event. So no event is lost that the server's log holds, no event
//! is returned twice, and missing events are reported as a gap.
//!
//! | file | contents |
//! | --- | --- |
//! | `options.rs`, `event.rs` | [`SubscriptionOptions`], [`SubscriptionEvent`] |
//! | `state.rs` | [`Subscription`]: cursor, connection, phase |
//! | `receive.rs` | reading each transport |
//! | `transitions.rs` | [`Subscription::next`]: request, failure, reconnection |
//! | `fallback.rs` | the order of the transports |
//! | `envelope.rs`, `poll_body.rs` | JSON, parsed in place |

mod envelope;
mod event;
mod fallback;
mod options;
mod poll_body;
mod receive;
mod state;
mod transitions;

pub use event::{Event, EventData, SubscriptionEvent};
pub use options::SubscriptionOptions;
pub use state::{MAX_CURSOR, Subscription};
