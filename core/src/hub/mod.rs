//! The hub: channels that anyone may publish to and follow.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `backend.rs` | [`HubBackend`], [`ChannelReader`]: what the transports need of a hub |
//! | `channel_name.rs` | [`ChannelName`] |
//! | `new_event.rs` | [`NewEvent`], [`PublishOutcome`], [`PublishError`] |
//! | `channel_log.rs` | [`ChannelLog`]: a log and its idempotency keys |
//! | `channel.rs` | [`Channel`]: a channel of a [`StaticHub`] |
//! | `static_hub.rs` | [`StaticHub`]: a fixed list of channels and wakers, as a chip has it |
//!
//! ```
//! use embassy_sync::blocking_mutex::raw::NoopRawMutex;
//! use goldcrest_core::hub::{Channel, StaticHub};
//! use goldcrest_core::log::{EventLog, EventType};
//!
//! // Two channels; five readers may wait at once. The epoch is drawn from the chip's random source at boot.
//! let epoch = 0x5eed_cafe;
//! let hub = StaticHub::<NoopRawMutex, _, 2, 5>::new([
//!     Channel::new("sensors", EventLog::new([0; 1024], 16, epoch).unwrap()),
//!     Channel::new("chat", EventLog::new([0; 1024], 16, epoch).unwrap()),
//! ]);
//! let id = hub.publish("sensors", EventType::MESSAGE, b"21.5").unwrap();
//! assert_eq!(id.to_string(), "5eedcafe-1");
//! ```

mod backend;
mod channel;
mod channel_log;
mod channel_name;
mod new_event;
mod static_hub;

pub use backend::{ChannelReader, HubBackend, OpenError};
pub use channel::Channel;
pub use channel_log::{ChannelLog, IDEMPOTENCY_KEYS};
pub(crate) use channel_name::CHANNEL_NAME_RULE;
pub use channel_name::{ChannelName, ChannelNameError, MAX_CHANNEL_NAME};
pub use new_event::{NewEvent, PublishError, PublishOutcome};
pub use static_hub::{StaticHub, StaticReader};
