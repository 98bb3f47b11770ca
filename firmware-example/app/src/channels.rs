//! The hub with two channels: `sensors`, on which the chip publishes, and `chat`.

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::once_lock::OnceLock;
use goldcrest_core::hub::{Channel, PublishError, StaticHub};
use goldcrest_core::log::{EventId, EventType};
use static_cell::ConstStaticCell;

use crate::sizes::{CHAT_LOG, FOLLOWERS, KEYS, SENSORS_LOG};

/// The name of the channel of the sensors.
pub(crate) const SENSORS: &str = "sensors";
/// The name of the channel of the chat.
pub(crate) const CHAT: &str = "chat";

/// Two channels over static storage, for tasks and interrupts.
pub(crate) type Channels = StaticHub<CriticalSectionRawMutex, &'static mut [u8], 2, FOLLOWERS, KEYS>;

static SENSORS_STORAGE: ConstStaticCell<[u8; SENSORS_LOG]> = ConstStaticCell::new([0; SENSORS_LOG]);
static CHAT_STORAGE: ConstStaticCell<[u8; CHAT_LOG]> = ConstStaticCell::new([0; CHAT_LOG]);
static HUB: OnceLock<Channels> = OnceLock::new();

/// Opens the hub; its epoch comes from `seed`.
pub(crate) fn open(seed: u64) -> &'static Channels {
    let epoch = (seed ^ (seed >> 32)) as u32;
    let (sensors, chat) = (SENSORS_STORAGE.take().as_mut_slice(), CHAT_STORAGE.take().as_mut_slice());
    HUB.get_or_init(|| StaticHub::new(epoch, [Channel::new(SENSORS, sensors), Channel::new(CHAT, chat)]))
}

/// Publishes text to a channel. It never waits, so that tasks and interrupts may call it.
///
/// # Errors
/// [`PublishError`]: nothing was stored; before [`start`](crate::start) there is no channel.
pub fn publish(channel: &str, event_type: EventType<'_>, text: &[u8]) -> Result<EventId, PublishError> {
    HUB.try_get().ok_or(PublishError::NoSuchChannel)?.publish(channel, event_type, text)
}
