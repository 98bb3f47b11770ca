//! The hub: named channels with a log each, to publish to and to follow.
//!
//! | file | contents |
//! | --- | --- |
//! | `backend.rs` | [`HubBackend`], [`ChannelReader`]: the interface between a hub and its transports |
//! | `channel_name.rs` | [`ChannelName`], [`NamePolicy`] |
//! | `new_event.rs` | [`NewEvent`], [`PublishOutcome`], [`PublishError`] |
//! | `channel_log.rs` | [`ChannelLog`]: a log and its idempotency keys |
//! | `channel.rs` | [`Channel`]: a channel of a [`StaticHub`] |
//! | `static_hub.rs` | [`StaticHub`]: a fixed list of channels and followers, for a chip |
//!
//! ```
//! use embassy_sync::blocking_mutex::raw::NoopRawMutex;
//! use goldcrest_core::hub::{Channel, StaticHub};
//! use goldcrest_core::log::EventType;
//!
//! // Two channels and at most five followers. The epoch comes from the random source of the chip at boot.
//! let epoch = 0x5eed_cafe;
//! let channels = [Channel::new("sensors", [0; 1024]), Channel::new("chat", [0; 1024])];
//! let hub = StaticHub::<NoopRawMutex, _, 2, 5>::new(epoch, channels);
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
pub use channel_name::{ChannelName, ChannelNameError, MAX_CHANNEL_NAME, MAX_SHORT_CHANNEL_NAME, NamePolicy};
pub use new_event::{NewEvent, PublishError, PublishOutcome};
pub use static_hub::{StaticHub, StaticReader};
