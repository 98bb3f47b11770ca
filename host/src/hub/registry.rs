//! The channels by name.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use goldcrest_core::hub::{ChannelName, OpenError, Publication, PublishError, Published};
use goldcrest_core::log::{Encoding, EventId, EventType, GapPolicy, NewLogError};

use super::master::Master;
use crate::memory::Memory;
use crate::sync::{Arc, AtomicBool, Ordering, PoisonError, RwLock};

/// How many channels there are, and how much each keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// Channels at most (503). Default: 1,024.
    pub channels: usize,
    /// Events that each keeps at most. Default: 1,024.
    pub events: usize,
    /// Bytes that each keeps at most; as many again on every thread that has followers of it. Default: 256 KiB.
    pub bytes: usize,
    /// A channel that nobody has used for so long is forgotten, its history included. Default: 10 minutes.
    pub reap_after: Duration,
    /// What happens to readers whose next event is not kept any more. Default: they go on from the oldest.
    pub gap_policy: GapPolicy,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self {
            channels: 1024,
            events: 1024,
            bytes: 256 * 1024,
            reap_after: Duration::from_secs(600),
            gap_policy: GapPolicy::Replay,
        }
    }
}

/// The channels of a server. A clone is the same hub; it may be used from any thread.
///
/// ```
/// use goldcrest_core::log::EventType;
/// use goldcrest_host::{ChannelLimits, Hub};
///
/// let hub = Hub::new(ChannelLimits::default())?;
/// let id = hub.publish("news", EventType::MESSAGE, "21.5")?;
/// assert_eq!(id.seq, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    registry: Arc<Registry>,
}

struct Registry {
    channels: RwLock<HashMap<Box<str>, Arc<Master>>>,
    limits: ChannelLimits,
    memory: Memory,
    start: Instant,
    /// Keyed by chance: nobody finds networks that it takes for one.
    hasher: RandomState,
    draining: AtomicBool,
}

impl Hub {
    /// A hub without channels.
    ///
    /// # Errors
    /// [`NewLogError`]: the limits leave no room for one event.
    pub fn new(limits: ChannelLimits) -> Result<Self, NewLogError> {
        // The limits are tried once, so that no channel fails for them later.
        Master::new(limits.bytes, limits.events, 0, 0)?;
        let registry = Registry {
            channels: RwLock::new(HashMap::new()),
            limits,
            memory: Memory::default(),
            start: Instant::now(),
            hasher: RandomState::new(),
            draining: AtomicBool::new(false),
        };
        Ok(Self { registry: Arc::new(registry) })
    }

    /// Publishes a text event. It never waits for a reader.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub fn publish(&self, channel: &str, event_type: EventType<'_>, text: &str) -> Result<EventId, PublishError> {
        let data = text.as_bytes();
        let publication = Publication { event_type, encoding: Encoding::Text, data, idempotency_key: None };
        let channel = ChannelName::new(channel).map_err(|_| PublishError::NoSuchChannel)?;
        self.publish_event(channel, &publication).map(|published| published.id)
    }

    /// Publishes an event.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub fn publish_event(
        &self,
        channel: ChannelName<'_>,
        publication: &Publication<'_>,
    ) -> Result<Published, PublishError> {
        self.publish_from(channel, publication, None)
    }

    /// Publishes an event for a client of the network `peer`: its idempotency keys evict those of other clients last.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub(super) fn publish_from(
        &self,
        channel: ChannelName<'_>,
        publication: &Publication<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Published, PublishError> {
        // 0 is the program itself and whoever has no address.
        let keyed = peer.filter(|_| publication.idempotency_key.is_some());
        let client = keyed.map_or(0, |peer| (self.registry.hasher.hash_one(peer) as u16).max(1));
        loop {
            let master = self.master(channel).map_err(|_| PublishError::TooManyChannels)?;
            if let Some(published) = master.publish(publication, client, self.seconds(), &self.registry.draining) {
                return published;
            }
        }
    }

    /// The epoch of a channel, where there is one.
    pub(crate) fn epoch(&self, channel: &str) -> Option<u32> {
        let channels = self.registry.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.get(channel).filter(|master| !master.is_dead()).map(|master| master.epoch())
    }

    /// The limits of the channels.
    pub fn limits(&self) -> &ChannelLimits {
        &self.registry.limits
    }

    /// Where its memory is reserved: without a bound until a server sets its own.
    pub(crate) fn memory(&self) -> &Memory {
        &self.registry.memory
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.registry.channels.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes no publication any more: the server is about to end. Once this returns, what was accepted is in the
    /// inboxes of the threads that have readers of it.
    pub(crate) fn drain(&self) {
        self.registry.draining.store(true, Ordering::SeqCst);
        for master in self.registry.channels.read().unwrap_or_else(PoisonError::into_inner).values() {
            master.settle();
        }
    }

    /// The channel of this name, made if there is none.
    pub(super) fn master(&self, channel: ChannelName<'_>) -> Result<Arc<Master>, OpenError> {
        let alive = |master: &&Arc<Master>| !master.is_dead();
        let channels = self.registry.channels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(master) = channels.get(channel.as_str()).filter(alive) {
            return Ok(Arc::clone(master));
        }
        drop(channels);
        let mut channels = self.registry.channels.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(master) = channels.get(channel.as_str()).filter(alive) {
            return Ok(Arc::clone(master));
        }
        let limits = &self.registry.limits;
        if channels.len() >= limits.channels && !channels.contains_key(channel.as_str()) {
            return Err(OpenError::TooManyChannels);
        }
        let master = Master::new(limits.bytes, limits.events, epoch(), self.seconds());
        let master = Arc::new(master.map_err(|_| OpenError::TooManyChannels)?);
        channels.insert(channel.as_str().into(), Arc::clone(&master));
        tracing::debug!(channel = channel.as_str(), "channel made");
        Ok(master)
    }

    /// Forgets the channels that nobody has used for their time.
    pub(crate) fn reap(&self) {
        self.reap_at(self.seconds());
    }

    /// The same, as if it were `now` in seconds of the registry's clock.
    pub(crate) fn reap_at(&self, now: u64) {
        let Some(before) = now.checked_sub(self.registry.limits.reap_after.as_secs()) else { return };
        let mut channels = self.registry.channels.write().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|name, master| {
            let reaped = master.reap(before);
            if reaped {
                tracing::debug!(channel = &**name, "channel reaped");
            }
            !reaped
        });
    }

    pub(super) fn seconds(&self) -> u64 {
        self.registry.start.elapsed().as_secs()
    }
}

/// A number that no earlier life of a channel has had, drawn from the system's randomness.
fn epoch() -> u32 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 32) as u32 ^ random as u32
}
