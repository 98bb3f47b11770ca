//! A subscription that resumes: one cursor over five transports.
//!
//! It takes the transports in the order that they are given. One that fails before anything came (something between eats
//! the upgrade, or collects the answer) gives way to the next; one that worked and is lost is tried again. After a while
//! on a lesser transport the better ones are tried again, rarer each time that it was in vain. Whatever happens, the cursor
//! is that of the last event that was handed out: nothing is lost that the server's log still holds, nothing comes twice,
//! and what is gone is told.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `options.rs`, `event.rs` | [`SubscriptionOptions`], [`SubscriptionEvent`] |
//! | `state.rs` | [`Subscription`]: cursor, connection, phase |
//! | `receive.rs` | what comes on each transport |
//! | `transitions.rs` | [`Subscription::next`]: asking, failing, coming back |
//! | `fallback.rs` | which transport is tried next |
//! | `envelope.rs`, `poll_body.rs` | JSON, read where it stands |

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
