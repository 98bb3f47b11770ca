//! The channels by name.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use goldcrest_core::hub::{ChannelName, NewEvent, OpenError, PublishError, PublishOutcome};
use goldcrest_core::log::{Encoding, EventId, EventType, GapPolicy, NewLogError};

use super::event::ChannelId;
use super::master::{LOG, Master};
use crate::memory::Memory;
use crate::sync::{Arc, AtomicBool, Ordering, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How many channels there are, and how much each keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// Channels at most (503). Default: 1,024.
    pub channels: usize,
    /// Channels at most that clients of one address have published first in (503). Default: all but a 64th of them.
    pub channels_per_address: Option<usize>,
    /// Channels at most that clients of one address follow before anything is published there (503). Default: three quarters of
    /// [`ChannelLimits::channels`].
    pub empty_channels_per_address: Option<usize>,
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
            channels_per_address: None,
            empty_channels_per_address: None,
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
    channels: RwLock<Channels>,
    limits: ChannelLimits,
    memory: Memory,
    start: Instant,
    /// Keyed by chance: nobody finds networks that it takes for one, or knows an epoch before it is told.
    hasher: RandomState,
    draining: AtomicBool,
}

/// The channels that there are. A channel without events is there while it is followed; reading alone makes none.
struct Channels {
    by_name: HashMap<Box<str>, Channel>,
    /// How many of them clients of each network made.
    by_maker: HashMap<IpAddr, CreatedChannel>,
    /// How often channels with events were reaped, by the hashes of their names: a name in another generation has another epoch.
    generations: Box<[u32]>,
    next_id: u64,
}

struct Channel {
    master: Arc<Master>,
    /// The network of the client that published first in it, or that followed it first.
    maker: Option<IpAddr>,
    /// Nobody has tried to publish in it.
    is_empty: bool,
}

/// Channels that clients of a network made.
#[derive(Default)]
struct CreatedChannel {
    published: usize,
    empty: usize,
}

/// Names are counted by so many hashes when their channels are reaped. Where two names share one, the cursors of the other are
/// a gap if nothing has been published there.
const GENERATIONS: usize = 4096;

impl Channels {
    fn new() -> Self {
        let generations = vec![0; GENERATIONS].into();
        Self { by_name: HashMap::new(), by_maker: HashMap::new(), generations, next_id: 0 }
    }

    /// Counts one more channel of `maker`; `false` where it has `most` of the kind.
    fn count(&mut self, maker: Option<IpAddr>, is_empty: bool, most: usize) -> bool {
        let Some(maker) = maker else { return true };
        let made = self.by_maker.entry(maker).or_default();
        let count = if is_empty { &mut made.empty } else { &mut made.published };
        let counted = *count < most;
        *count += usize::from(counted);
        self.forget_maker(maker);
        counted
    }

    /// Counts one channel less.
    fn discount(&mut self, maker: Option<IpAddr>, is_empty: bool) {
        let Some(maker) = maker else { return };
        if let Some(made) = self.by_maker.get_mut(&maker) {
            *if is_empty { &mut made.empty } else { &mut made.published } -= 1;
        }
        self.forget_maker(maker);
    }

    fn forget_maker(&mut self, maker: IpAddr) {
        if self.by_maker.get(&maker).is_some_and(|made| made.published == 0 && made.empty == 0) {
            self.by_maker.remove(&maker);
        }
    }
}

/// The result of looking for a channel.
pub(super) enum ChannelLookup {
    Found(Arc<Master>),
    /// There is none. A cursor of this epoch is valid once there is one.
    Missing { epoch: u32 },
}

impl Hub {
    /// A hub without channels.
    ///
    /// # Errors
    /// [`NewLogError`]: the limits leave no room for one event.
    pub fn new(limits: ChannelLimits) -> Result<Self, NewLogError> {
        // The limits are tried once, so that no channel fails for them later.
        let memory = Memory::default();
        if let Some(reserved) = memory.reserve(0) {
            Master::new(ChannelId(0), limits.bytes, limits.events, 0, 0, reserved)?;
        }
        let registry = Registry {
            channels: RwLock::new(Channels::new()),
            limits,
            memory,
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
        let event = NewEvent { event_type, encoding: Encoding::Text, data, idempotency_key: None };
        let channel = ChannelName::new(channel).map_err(|_| PublishError::NoSuchChannel)?;
        self.publish_event(channel, &event, None).map(|published| published.id)
    }

    /// Waits until an event of up to half of what the channel keeps can be published without overwriting one that a follower has
    /// not taken yet, or until `over` is ready: [`Hub::publish`] itself never waits. Followers that are behind then are not waited
    /// for until they have caught up.
    pub async fn wait_for_followers(&self, channel: &str, over: impl Future<Output = ()>) {
        let Ok(channel) = ChannelName::new(channel) else { return };
        let ChannelLookup::Found(master) = self.to_read(channel) else { return };
        let mut over = pin!(over);
        poll_fn(|cx| {
            if master.is_crowded() {
                master.wait_for_room(cx.waker());
            }
            if master.is_crowded() && over.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if master.is_crowded() {
                master.ignore_slow_followers();
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Publishes an event. Where it comes from a client, `peer` is its network, whose idempotency keys evict those of other
    /// networks last.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub fn publish_event(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError> {
        // 0: the program itself, or a client without an address.
        let keyed = peer.filter(|_| event.idempotency_key.is_some());
        let client = keyed.map_or(0, |peer| (self.registry.hasher.hash_one(peer) as u16).max(1));
        loop {
            let master = self.to_publish(channel, peer)?;
            if let Some(published) = master.publish(event, client, self.seconds(), &self.registry.draining) {
                if published == Err(PublishError::OutOfMemory) && self.give_way() {
                    continue;
                }
                if published.is_err() {
                    self.discard_empty(channel.as_str(), &master);
                }
                return published;
            }
        }
    }

    /// The epoch of a channel, where there is one.
    pub(crate) fn epoch(&self, channel: &str) -> Option<u32> {
        self.read().by_name.get(channel).map(|channel| channel.master.epoch())
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
        self.read().by_name.len()
    }

    /// Takes no publication any more: the server is about to end. Once this returns, what was accepted is in the
    /// inboxes of the threads that have readers of it.
    pub(crate) fn drain(&self) {
        self.registry.draining.store(true, Ordering::SeqCst);
        for channel in self.read().by_name.values() {
            channel.master.settle();
        }
    }

    /// The channel of this name.
    pub(super) fn to_read(&self, channel: ChannelName<'_>) -> ChannelLookup {
        let channels = self.read();
        match channels.by_name.get(channel.as_str()) {
            Some(channel) => ChannelLookup::Found(Arc::clone(&channel.master)),
            None => ChannelLookup::Missing { epoch: self.registry.epoch(channel, &channels) },
        }
    }

    /// The channel of this name, made if there is none, for a follower of the network `peer`. Once it has no follower
    /// [`Hub::discard_empty`] is called.
    pub(super) fn to_follow(&self, channel: ChannelName<'_>, peer: Option<IpAddr>) -> Result<Arc<Master>, OpenError> {
        if let ChannelLookup::Found(master) = self.to_read(channel) {
            return Ok(master);
        }
        let mut channels = self.write();
        if let Some(channel) = channels.by_name.get(channel.as_str()) {
            return Ok(Arc::clone(&channel.master));
        }
        self.make(&mut channels, channel, peer, true).ok_or(OpenError::TooManyChannels)
    }

    /// The channel of this name, made if there is none, for a publisher of the network `peer`.
    fn to_publish(&self, channel: ChannelName<'_>, peer: Option<IpAddr>) -> Result<Arc<Master>, PublishError> {
        if let ChannelLookup::Found(master) = self.to_read(channel)
            && master.newest() > 0
        {
            return Ok(master);
        }
        let mut channels = self.write();
        let known = channels.by_name.get(channel.as_str()).map(|known| (known.is_empty, known.maker));
        if let Some((is_empty, maker)) = known {
            // Whoever publishes first has made it, and no longer whoever followed it first.
            if is_empty && !channels.count(peer, false, self.registry.limits.channels_per_address()) {
                return Err(PublishError::TooManyChannels);
            }
            if is_empty {
                channels.discount(maker, true);
            }
        } else if self.make(&mut channels, channel, peer, false).is_none() {
            return Err(PublishError::TooManyChannels);
        }
        let known = channels.by_name.get_mut(channel.as_str()).ok_or(PublishError::TooManyChannels)?;
        if std::mem::replace(&mut known.is_empty, false) {
            known.maker = peer;
        }
        Ok(Arc::clone(&known.master))
    }

    /// Makes a channel, if there is room for one more of this network and of all.
    fn make(
        &self,
        channels: &mut Channels,
        channel: ChannelName<'_>,
        maker: Option<IpAddr>,
        is_empty: bool,
    ) -> Option<Arc<Master>> {
        let limits = &self.registry.limits;
        let most = if is_empty { limits.empty_channels_per_address() } else { limits.channels_per_address() };
        if channels.by_name.len() >= limits.channels || !channels.count(maker, is_empty, most) {
            return None;
        }
        let mut reserved = self.registry.memory.reserve(LOG);
        if reserved.is_none() && self.give_way_at(channels, self.seconds()) {
            reserved = self.registry.memory.reserve(LOG);
        }
        let epoch = self.registry.epoch(channel, channels);
        let id = ChannelId(channels.next_id);
        channels.next_id += 1;
        let now = self.seconds();
        let master = reserved.map(|reserved| Master::new(id, limits.bytes, limits.events, epoch, now, reserved));
        let Some(Ok(master)) = master.map(|master| master.map(Arc::new)) else {
            channels.discount(maker, is_empty);
            return None;
        };
        let made = Channel { master: Arc::clone(&master), maker, is_empty };
        channels.by_name.insert(channel.as_str().into(), made);
        tracing::debug!(channel = channel.as_str(), "channel made");
        Some(master)
    }

    /// Forgets a channel in which nothing was published, unless it is followed. Its epoch stays that of its name.
    pub(super) fn discard_empty(&self, channel: &str, master: &Arc<Master>) {
        if !master.is_unused() {
            return;
        }
        let mut channels = self.write();
        if master.discard()
            && let Some(Channel { maker, is_empty, .. }) = channels.by_name.remove(channel)
        {
            channels.discount(maker, is_empty);
            tracing::debug!(channel, "channel without events left");
        }
    }

    /// Forgets the channels that nobody has used for their time.
    pub(crate) fn reap(&self) {
        self.reap_at(self.seconds());
    }

    /// The same, as if it were `now` in seconds of the registry's clock.
    pub(crate) fn reap_at(&self, now: u64) {
        let Some(before) = now.checked_sub(self.registry.limits.reap_after.as_secs()) else { return };
        let mut channels = self.write();
        let idle =
            channels.by_name.iter().filter(|(_, channel)| channel.master.idle_since().is_some_and(|at| at < before));
        let names: Vec<Box<str>> = idle.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.reap_channel(&mut channels, &name, before);
        }
    }

    /// Where memory is scarce: forgets the channels that nobody has used for longest, of those that nobody has used for a tenth
    /// of their time. Returns whether it did.
    pub(crate) fn give_way(&self) -> bool {
        self.registry.memory.is_scarce() && self.give_way_at(&mut self.write(), self.seconds())
    }

    /// The same, as if it were `now` in seconds of the registry's clock.
    fn give_way_at(&self, channels: &mut Channels, now: u64) -> bool {
        let Some(before) = now.checked_sub(self.registry.limits.reap_after.as_secs() / 10) else {
            return false;
        };
        let mut idle: Vec<(u64, Box<str>)> = Vec::new();
        for (name, channel) in &channels.by_name {
            if let Some(since) = channel.master.idle_since().filter(|since| *since < before) {
                idle.push((since, name.clone()));
            }
        }
        idle.sort_unstable();
        let mut gave_way = false;
        for (_, name) in idle {
            if !self.registry.memory.is_scarce() {
                break;
            }
            gave_way |= self.reap_channel(channels, &name, before);
        }
        gave_way
    }

    /// [`Hub::give_way`] in the future.
    #[cfg(test)]
    pub(super) fn give_way_in_seconds(&self, seconds: u64) -> bool {
        self.give_way_at(&mut self.write(), self.seconds() + seconds)
    }

    /// Forgets a channel if nobody has used it since `before`, and says whether it did.
    fn reap_channel(&self, channels: &mut Channels, name: &str, before: u64) -> bool {
        if !channels.by_name.get(name).is_some_and(|channel| channel.master.reap(before)) {
            return false;
        }
        if let Some(Channel { maker, is_empty, .. }) = channels.by_name.remove(name) {
            channels.discount(maker, is_empty);
        }
        if let Some(generation) = channels.generations.get_mut(self.registry.generation(name)) {
            *generation = generation.wrapping_add(1);
        }
        tracing::debug!(channel = name, "channel reaped");
        true
    }

    fn read(&self) -> RwLockReadGuard<'_, Channels> {
        self.registry.channels.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Channels> {
        self.registry.channels.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seconds(&self) -> u64 {
        self.registry.start.elapsed().as_secs()
    }
}

impl Registry {
    /// Where the generation of a name stands.
    fn generation(&self, channel: &str) -> usize {
        self.hasher.hash_one(channel) as usize % GENERATIONS
    }

    /// The epoch of a channel that is not there, and of the one that will be made: the same until a channel of that name, with
    /// events, is reaped.
    fn epoch(&self, channel: ChannelName<'_>, channels: &Channels) -> u32 {
        let generation = channels.generations.get(self.generation(channel.as_str())).copied().unwrap_or_default();
        let hash = self.hasher.hash_one((channel.as_str(), generation));
        (hash >> 32) as u32 ^ hash as u32
    }
}

impl ChannelLimits {
    fn channels_per_address(&self) -> usize {
        self.channels_per_address.unwrap_or(self.channels - self.channels / 64)
    }

    fn empty_channels_per_address(&self) -> usize {
        self.empty_channels_per_address.unwrap_or((self.channels - self.channels / 4).max(1))
    }
}
