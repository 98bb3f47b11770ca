//! The channels by name.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use goldcrest_core::hub::{
    ChannelName, ChannelNameError, NamePolicy, NewEvent, OpenError, PublishError, PublishOutcome,
};
use goldcrest_core::hub_http::Rights;
use goldcrest_core::log::{Encoding, EventId, EventType, GapPolicy, NewLogError};

use super::event::ChannelId;
use super::identities::{Identities, IdentityGrant};
use super::master::{LOG_OVERHEAD, Master, Name};
use crate::counters::PublishCounters;
use crate::memory::Memory;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The limits of the channels of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// The most channels (503). Default: 1,024.
    pub channels: usize,
    /// The most channels to which clients of one address have published first (503). Default: all but a 64th of them.
    pub channels_per_address: Option<usize>,
    /// The most channels without events that clients of one address have created by following them (503). Default: three
    /// quarters of [`ChannelLimits::channels`].
    pub empty_channels_per_address: Option<usize>,
    /// The most events in each. Default: 1,024.
    pub events: usize,
    /// The most bytes in each, and again on each thread with followers of it. Default: 256 KiB.
    pub bytes: usize,
    /// A channel that has not been used for so long is deleted with its events. Default: 10 minutes.
    pub reap_after: Duration,
    /// How readers continue once their next event has been overwritten. Default: from the oldest event.
    pub gap_policy: GapPolicy,
    /// The names that channels may have (400). Default: [`NamePolicy::UNRESERVED`]. With [`NamePolicy::EXTENDED`] they may have `:`,
    /// `/`, `@` and characters beyond ASCII.
    pub names: NamePolicy,
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
            names: NamePolicy::UNRESERVED,
        }
    }
}

/// The channels of a server. A clone is the same hub; it may be used from any thread.
///
/// Several servers may share a hub. It accepts events until the last of them has begun its shutdown, and again once another one
/// starts.
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
    /// Randomly keyed: clients can neither search for colliding networks nor predict an epoch.
    hasher: RandomState,
    /// The number of servers that run and do not shut down.
    servers: Mutex<usize>,
    shutting_down: AtomicBool,
    identities: Identities,
    publications: PublishCounters,
}

/// The channels. One without events exists while it has a follower; a reader that does not follow creates none.
struct Channels {
    by_name: HashMap<Name, Channel>,
    /// How many of them were created by clients of each network.
    by_creator: HashMap<IpAddr, CreatedCount>,
    /// How often channels with events were reaped, by the hash of their names. A name has another epoch in each generation.
    generations: Box<[u32]>,
    next_id: u64,
}

struct Channel {
    master: Arc<Master>,
    /// The network of the client that published to it first, or else that followed it first.
    creator: Option<IpAddr>,
    /// No client has tried to publish to it.
    is_empty: bool,
}

/// The number of channels that clients of a network created.
#[derive(Default)]
struct CreatedCount {
    published: usize,
    empty: usize,
}

/// The number of generation counters. Two names may share one: reaping one channel then makes the cursors of the other invalid if
/// nothing has been published there.
const GENERATIONS: usize = 4096;

impl Channels {
    fn new() -> Self {
        let generations = vec![0; GENERATIONS].into();
        Self { by_name: HashMap::new(), by_creator: HashMap::new(), generations, next_id: 0 }
    }

    /// Counts another channel of `creator`; `false` where it has `most` of the kind.
    fn count(&mut self, creator: Option<IpAddr>, is_empty: bool, most: usize) -> bool {
        let Some(creator) = creator else { return true };
        let created = self.by_creator.entry(creator).or_default();
        let count = if is_empty { &mut created.empty } else { &mut created.published };
        let counted = *count < most;
        *count += usize::from(counted);
        self.remove_if_zero(creator);
        counted
    }

    /// Counts one channel less.
    fn uncount(&mut self, creator: Option<IpAddr>, is_empty: bool) {
        let Some(creator) = creator else { return };
        if let Some(created) = self.by_creator.get_mut(&creator) {
            *if is_empty { &mut created.empty } else { &mut created.published } -= 1;
        }
        self.remove_if_zero(creator);
    }

    fn remove_if_zero(&mut self, creator: IpAddr) {
        if self.by_creator.get(&creator).is_some_and(|created| created.published == 0 && created.empty == 0) {
            self.by_creator.remove(&creator);
        }
    }
}

/// The result of looking for a channel.
pub(super) enum ChannelLookup {
    Found(Arc<Master>),
    /// There is none. A cursor of this epoch is valid once there is one.
    Missing {
        epoch: u32,
    },
}

impl Hub {
    /// A hub without channels.
    ///
    /// # Errors
    /// [`NewLogError`]: the limits leave no room for one event.
    pub fn new(limits: ChannelLimits) -> Result<Self, NewLogError> {
        // The limits are validated here, so that creating a channel does not fail for them later.
        let memory = Memory::default();
        if let Some(reserved) = memory.reserve(0) {
            Master::new(ChannelId(0), "".into(), limits.bytes, limits.events, 0, 0, reserved)?;
        }
        let registry = Registry {
            channels: RwLock::new(Channels::new()),
            limits,
            memory,
            start: Instant::now(),
            hasher: RandomState::new(),
            servers: Mutex::new(0),
            shutting_down: AtomicBool::new(false),
            identities: Identities::default(),
            publications: PublishCounters::default(),
        };
        Ok(Self { registry: Arc::new(registry) })
    }

    /// Validates the name of a channel by [`ChannelLimits::names`].
    ///
    /// ```
    /// use goldcrest_host::core::hub::PublishError;
    /// use goldcrest_host::{ChannelLimits, EventType, Hub, NamePolicy};
    ///
    /// let hub = Hub::new(ChannelLimits { names: NamePolicy::EXTENDED, ..ChannelLimits::default() })?;
    /// hub.publish("orders/42", EventType::MESSAGE, "paid")?;
    /// let invalid = hub.publish("orders/../42", EventType::MESSAGE, "paid").unwrap_err();
    /// assert_eq!(invalid, PublishError::InvalidName(hub.channel_name("orders/../42").unwrap_err()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ChannelNameError`], whose text states the rules in force.
    pub fn channel_name<'a>(&self, name: &'a str) -> Result<ChannelName<'a>, ChannelNameError> {
        ChannelName::with_policy(name, self.registry.limits.names)
    }

    /// Publishes a text event. It never waits for a reader.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub fn publish(&self, channel: &str, event_type: EventType<'_>, text: &str) -> Result<EventId, PublishError> {
        let data = text.as_bytes();
        let event = NewEvent { event_type, encoding: Encoding::Text, data, idempotency_key: None };
        self.publish_event(self.channel_name(channel)?, &event, None).map(|published| published.id)
    }

    /// Waits until an event of up to half the log can be published without overwriting one that a follower has not read yet, or
    /// until `timeout` is ready. From then on publishers ignore the followers that are behind, until these have caught up.
    /// [`Hub::publish`] itself never waits.
    pub async fn wait_for_followers(&self, channel: &str, timeout: impl Future<Output = ()>) {
        let Ok(channel) = self.channel_name(channel) else { return };
        let ChannelLookup::Found(master) = self.find(channel) else { return };
        let mut timeout = pin!(timeout);
        poll_fn(|cx| {
            if master.is_congested() {
                master.register_publisher(cx.waker());
            }
            if master.is_congested() && timeout.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if master.is_congested() {
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
        let result = self.publish_uncounted(channel, event, peer);
        self.registry.publications.count(result.map(|outcome| outcome.duplicate), event.data.len());
        result
    }

    fn publish_uncounted(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError> {
        // 0: the program itself, or a client without an address.
        let keyed = peer.filter(|_| event.idempotency_key.is_some());
        let client = keyed.map_or(0, |peer| (self.registry.hasher.hash_one(peer) as u16).max(1));
        loop {
            let master = self.find_or_create_for_publisher(channel, peer)?;
            if let Some(result) = master.publish(event, client, self.seconds(), &self.registry.shutting_down) {
                if result == Err(PublishError::OutOfMemory) && self.reap_for_memory() {
                    continue;
                }
                if result.is_err() {
                    self.discard_empty(channel.as_str(), &master);
                }
                return result;
            }
        }
    }

    /// The epoch of a channel, if it exists.
    pub(crate) fn epoch(&self, channel: &str) -> Option<u32> {
        self.read().by_name.get(channel).map(|channel| channel.master.epoch())
    }

    /// The limits of the channels.
    pub fn limits(&self) -> &ChannelLimits {
        &self.registry.limits
    }

    /// The memory from which it reserves: without a limit until a server sets its own.
    pub(crate) fn memory(&self) -> &Memory {
        &self.registry.memory
    }

    /// A grant of `rights` for `identity`, such as the name of a user, without an end. It is for one request, and is dropped with
    /// its response.
    ///
    /// [`Hub::withdraw`] ends the grants that exist. An [`Authorizer`](goldcrest_core::hub_http::Authorizer) that asks a database
    /// creates the grant first: then no withdrawal between both is missed.
    ///
    /// ```
    /// use goldcrest_host::{Authorized, Authorizer, ChannelIntent, Exchange, Hub, IdentityGrant, Rights, Runtime};
    ///
    /// struct Sessions(Hub);
    ///
    /// impl Authorizer for Sessions {
    ///     type Grant = IdentityGrant;
    ///
    ///     async fn authorize<'x, 'l, R: Runtime>(
    ///         &self,
    ///         exchange: Exchange<'x, 'l, R>,
    ///         _intent: &ChannelIntent<'_>,
    ///     ) -> Authorized<'x, 'l, R, IdentityGrant> {
    ///         let user = exchange.request().header("x-user").and_then(|user| std::str::from_utf8(user).ok());
    ///         match user.map(|user| self.0.grant(user, Rights::READ)) {
    ///             Some(grant) => {
    ///                 let end = exchange.now() + std::time::Duration::from_secs(3600);
    ///                 Ok((exchange, grant.until(end)))
    ///             }
    ///             None => Err(exchange.unauthorized("Bearer").await),
    ///         }
    ///     }
    /// }
    ///
    /// # let hub = Hub::new(Default::default()).unwrap();
    /// // From any thread, when the user logs out:
    /// let ended = hub.withdraw("ada");
    /// # assert_eq!(ended, 0);
    /// ```
    pub fn grant(&self, identity: &str, rights: Rights) -> IdentityGrant {
        self.registry.identities.grant(identity, rights)
    }

    /// Withdraws the grants of `identity` that exist now, and returns how many it withdrew. Their live responses end in order. A later
    /// request of the identity is up to the authorizer.
    pub fn withdraw(&self, identity: &str) -> usize {
        self.registry.identities.withdraw(identity)
    }

    pub(super) fn publish_counters(&self) -> &PublishCounters {
        &self.registry.publications
    }

    /// The channels whose names `selects` selects, in any order.
    pub(super) fn masters(&self, selects: impl Fn(&str) -> bool) -> Vec<Arc<Master>> {
        let channels = self.read();
        let selected = channels.by_name.iter().filter(|(name, _)| selects(name));
        selected.map(|(_, channel)| Arc::clone(&channel.master)).collect()
    }

    /// Deletes the events of a channel and begins its next epoch. Returns whether there was one.
    pub(super) fn delete(&self, name: ChannelName<'_>) -> bool {
        let mut channels = self.write();
        let name = name.as_str();
        let Some(channel) = channels.by_name.get(name) else { return false };
        let master = Arc::clone(&channel.master);
        if self.reap_channel(&mut channels, name, u64::MAX) {
            return true;
        }
        if let Some(generation) = channels.generations.get_mut(self.registry.generation(name)) {
            *generation = generation.wrapping_add(1);
        }
        let epoch = self.registry.epoch_of(name, &channels);
        let ChannelLimits { bytes, events, .. } = self.registry.limits;
        // The limits have been validated: a log of this size can be created.
        master.clear(epoch, bytes, events).is_ok()
    }

    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.read().by_name.len()
    }

    /// Counts another server, whose limit on memory is `memory` bytes. The hub accepts events from here on.
    pub(super) fn add_server(&self, memory: usize) {
        let mut servers = self.registry.servers.lock().unwrap_or_else(PoisonError::into_inner);
        // The memory is that of all connections to the hub: two servers share the larger limit.
        let limit = if *servers == 0 { memory } else { self.registry.memory.limit().max(memory) };
        self.registry.memory.set_limit(limit);
        self.registry.shutting_down.store(false, Ordering::SeqCst);
        *servers += 1;
    }

    /// Counts one server less; the last one shuts the hub down.
    pub(super) fn remove_server(&self) {
        let mut servers = self.registry.servers.lock().unwrap_or_else(PoisonError::into_inner);
        *servers = servers.saturating_sub(1);
        if *servers == 0 {
            self.shut_down();
        }
    }

    /// Whether a server of this hub shuts down: no more events are accepted.
    pub fn is_shutting_down(&self) -> bool {
        self.registry.shutting_down.load(Ordering::SeqCst)
    }

    /// Accepts no more events, for a server that shuts down. Once this returns, all accepted events are in the inboxes of the
    /// threads with followers.
    pub(crate) fn shut_down(&self) {
        self.registry.shutting_down.store(true, Ordering::SeqCst);
        for channel in self.read().by_name.values() {
            channel.master.finish_publishing();
        }
    }

    /// The channel of this name.
    pub(super) fn find(&self, channel: ChannelName<'_>) -> ChannelLookup {
        let channels = self.read();
        match channels.by_name.get(channel.as_str()) {
            Some(channel) => ChannelLookup::Found(Arc::clone(&channel.master)),
            None => ChannelLookup::Missing { epoch: self.registry.epoch(channel, &channels) },
        }
    }

    /// The channel of a reader that was opened without it, if it was created since.
    pub(super) fn find_created(&self, name: &str) -> Option<Arc<Master>> {
        match self.find(self.channel_name(name).ok()?) {
            ChannelLookup::Found(master) => Some(master),
            ChannelLookup::Missing { .. } => None,
        }
    }

    /// The channel of this name, created if there is none, for a follower of the network `peer`. The caller calls
    /// [`Hub::discard_empty`] once it has no follower.
    pub(super) fn find_or_create_for_follower(
        &self,
        channel: ChannelName<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Master>, OpenError> {
        if let ChannelLookup::Found(master) = self.find(channel) {
            return Ok(master);
        }
        self.channel_name(channel.as_str())?;
        let mut channels = self.write();
        if let Some(channel) = channels.by_name.get(channel.as_str()) {
            return Ok(Arc::clone(&channel.master));
        }
        self.create(&mut channels, channel, peer, true).ok_or(OpenError::TooManyChannels)
    }

    /// The channel of this name, created if there is none, for a publisher of the network `peer`.
    fn find_or_create_for_publisher(
        &self,
        channel: ChannelName<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Master>, PublishError> {
        if let ChannelLookup::Found(master) = self.find(channel)
            && master.newest() > 0
        {
            return Ok(master);
        }
        self.channel_name(channel.as_str())?;
        let mut channels = self.write();
        let known = channels.by_name.get(channel.as_str()).map(|known| (known.is_empty, known.creator));
        if let Some((is_empty, creator)) = known {
            // The first publisher counts as its creator from now on, in place of the first follower.
            if is_empty && !channels.count(peer, false, self.registry.limits.channels_per_address()) {
                return Err(PublishError::TooManyChannels);
            }
            if is_empty {
                channels.uncount(creator, true);
            }
        } else if self.create(&mut channels, channel, peer, false).is_none() {
            return Err(PublishError::TooManyChannels);
        }
        let known = channels.by_name.get_mut(channel.as_str()).ok_or(PublishError::TooManyChannels)?;
        if std::mem::replace(&mut known.is_empty, false) {
            known.creator = peer;
        }
        Ok(Arc::clone(&known.master))
    }

    /// Creates a channel, if the limits of the network and of the hub permit another.
    fn create(
        &self,
        channels: &mut Channels,
        channel: ChannelName<'_>,
        creator: Option<IpAddr>,
        is_empty: bool,
    ) -> Option<Arc<Master>> {
        let limits = &self.registry.limits;
        let most = if is_empty { limits.empty_channels_per_address() } else { limits.channels_per_address() };
        if channels.by_name.len() >= limits.channels || !channels.count(creator, is_empty, most) {
            return None;
        }
        let mut reserved = self.registry.memory.reserve(LOG_OVERHEAD);
        if reserved.is_none() && self.reap_for_memory_at(channels, self.seconds()) {
            reserved = self.registry.memory.reserve(LOG_OVERHEAD);
        }
        let epoch = self.registry.epoch(channel, channels);
        let id = ChannelId(channels.next_id);
        channels.next_id += 1;
        let now = self.seconds();
        let name = Name::from(channel.as_str());
        let master = reserved
            .map(|reserved| Master::new(id, Name::clone(&name), limits.bytes, limits.events, epoch, now, reserved));
        let Some(Ok(master)) = master.map(|master| master.map(Arc::new)) else {
            channels.uncount(creator, is_empty);
            return None;
        };
        let created = Channel { master: Arc::clone(&master), creator, is_empty };
        channels.by_name.insert(name, created);
        tracing::debug!(channel = channel.as_str(), "channel created");
        Some(master)
    }

    /// Deletes a channel without events and followers. Its name keeps the epoch.
    pub(super) fn discard_empty(&self, channel: &str, master: &Arc<Master>) {
        if !master.is_unused() {
            return;
        }
        let mut channels = self.write();
        if master.discard()
            && let Some(Channel { creator, is_empty, .. }) = channels.by_name.remove(channel)
        {
            channels.uncount(creator, is_empty);
            tracing::debug!(channel, "channel without events deleted");
        }
    }

    /// Deletes the channels that have been unused for [`ChannelLimits::reap_after`]. A `Server` calls it each
    /// second; a server of another project calls it from time to time.
    pub fn reap(&self) {
        self.reap_at(self.seconds());
    }

    /// [`Hub::reap`] at `now`, in seconds of the registry's clock.
    pub(crate) fn reap_at(&self, now: u64) {
        let Some(before) = now.checked_sub(self.registry.limits.reap_after.as_secs()) else { return };
        let mut channels = self.write();
        let idle =
            channels.by_name.iter().filter(|(_, channel)| channel.master.idle_since().is_some_and(|at| at < before));
        let names: Vec<Name> = idle.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.reap_channel(&mut channels, &name, before);
        }
    }

    /// Where memory is scarce: deletes the least recently used channels among those that have been unused for a tenth of
    /// [`ChannelLimits::reap_after`]. Returns whether it did.
    pub(crate) fn reap_for_memory(&self) -> bool {
        self.registry.memory.is_scarce() && self.reap_for_memory_at(&mut self.write(), self.seconds())
    }

    /// [`Hub::reap_for_memory`] at `now`, in seconds of the registry's clock.
    fn reap_for_memory_at(&self, channels: &mut Channels, now: u64) -> bool {
        let Some(before) = now.checked_sub(self.registry.limits.reap_after.as_secs() / 10) else {
            return false;
        };
        let mut idle: Vec<(u64, Name)> = Vec::new();
        for (name, channel) in &channels.by_name {
            if let Some(since) = channel.master.idle_since().filter(|since| *since < before) {
                idle.push((since, name.clone()));
            }
        }
        idle.sort_unstable();
        let mut reaped = false;
        for (_, name) in idle {
            if !self.registry.memory.is_scarce() {
                break;
            }
            reaped |= self.reap_channel(channels, &name, before);
        }
        reaped
    }

    /// [`Hub::reap_for_memory`] in the future.
    #[cfg(test)]
    pub(super) fn reap_for_memory_in_seconds(&self, seconds: u64) -> bool {
        self.reap_for_memory_at(&mut self.write(), self.seconds() + seconds)
    }

    /// Deletes a channel if it has not been used since `before`, and returns whether it did.
    fn reap_channel(&self, channels: &mut Channels, name: &str, before: u64) -> bool {
        if !channels.by_name.get(name).is_some_and(|channel| channel.master.reap(before)) {
            return false;
        }
        if let Some(Channel { creator, is_empty, .. }) = channels.by_name.remove(name) {
            channels.uncount(creator, is_empty);
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
    /// The index of the generation counter of a name.
    fn generation(&self, channel: &str) -> usize {
        self.hasher.hash_one(channel) as usize % GENERATIONS
    }

    /// The epoch of a channel that does not exist yet: the same until a channel of that name is reaped with events.
    fn epoch(&self, channel: ChannelName<'_>, channels: &Channels) -> u32 {
        self.epoch_of(channel.as_str(), channels)
    }

    /// [`Registry::epoch`] of a valid name.
    fn epoch_of(&self, channel: &str, channels: &Channels) -> u32 {
        let generation = channels.generations.get(self.generation(channel)).copied().unwrap_or_default();
        let hash = self.hasher.hash_one((channel, generation));
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
