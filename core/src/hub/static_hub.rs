//! A fixed list of channels and wakers.

use core::cell::RefCell;
use core::net::IpAddr;
use core::task::{Context, Poll, Waker};

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;

use super::{
    Channel, ChannelName, ChannelReader, HubBackend, IDEMPOTENCY_KEYS, MAX_SHORT_CHANNEL_NAME, NamePolicy, NewEvent,
    OpenError, PublishError, PublishOutcome,
};
use crate::log::{Cursor, Encoding, EventId, EventType, GapPolicy, LogReader, Position, ReadEvent};

/// A hub of `CHANNELS` channels whose names are fixed, which `FOLLOWERS` readers may follow at once.
///
/// With `M` = `NoopRawMutex` it is for the tasks of one executor, with `CriticalSectionRawMutex` for interrupts too. The lock is
/// held for an append or for a copy of at most 256 bytes, never while encoding.
///
/// Besides the storage of the logs it takes 24 bytes for each idempotency key of a channel, and four words for each follower.
#[derive(Debug)]
pub struct StaticHub<
    M: RawMutex,
    S,
    const CHANNELS: usize,
    const FOLLOWERS: usize,
    const KEYS: usize = IDEMPOTENCY_KEYS,
> {
    state: Mutex<M, RefCell<State<S, CHANNELS, FOLLOWERS, KEYS>>>,
    policy: GapPolicy,
}

#[derive(Debug)]
struct State<S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize> {
    channels: [Channel<S, KEYS>; CHANNELS],
    followers: [Option<Follower>; FOLLOWERS],
    /// A task that waits to publish. A task that is replaced here is woken, and waits again.
    publisher: Option<Waker>,
}

/// A reader that follows a channel. It has a waker while it waits.
#[derive(Debug)]
struct Follower {
    channel: u16,
    /// Publishers wait for it: from the time that it has caught up, until they ignore it ([`ChannelReader::ignore_slow_followers`]).
    awaited: bool,
    /// The low bits of the sequence number of the last event that it has read.
    read_to: u32,
    waker: Option<Waker>,
}

impl<M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize> StaticHub<M, S, CHANNELS, FOLLOWERS, KEYS>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    /// A hub of these channels, with the gap policy [`GapPolicy::Replay`].
    ///
    /// `epoch` is a random number, drawn once at boot, or the number of boots: readers recognise by it that the events of the previous
    /// boot are gone. A log with an epoch of its own, or with events, keeps it.
    pub fn new(epoch: u32, mut channels: [Channel<S, KEYS>; CHANNELS]) -> Self {
        for channel in &mut channels {
            channel.log.begin_epoch(epoch);
        }
        let state = State { channels, followers: [const { None }; FOLLOWERS], publisher: None };
        Self { state: Mutex::new(RefCell::new(state)), policy: GapPolicy::default() }
    }

    /// The same hub with another gap policy.
    pub fn with_gap_policy(mut self, policy: GapPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Appends a text event to `channel` and wakes its followers; never waits.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub fn publish(&self, channel: &str, event_type: EventType<'_>, data: &[u8]) -> Result<EventId, PublishError> {
        let channel = ChannelName::new(channel)?;
        let event = NewEvent { event_type, encoding: Encoding::Text, data, idempotency_key: None };
        HubBackend::publish(self, channel, &event, None).map(|published| published.id)
    }

    /// Appends to the channel at `index`, if there is one.
    fn publish_at(&self, index: usize, event: &NewEvent<'_>) -> Result<PublishOutcome, PublishError> {
        let key = event.key_digest();
        self.with_state(
            |state| {
                let channel = state.channels.get_mut(index).ok_or(PublishError::NoSuchChannel)?;
                let outcome = channel.log.publish(event, key, 0, |_, _| true)?;
                let followers = channel.followers;
                if !outcome.duplicate {
                    state.wake_followers(index);
                }
                Ok(PublishOutcome { followers, ..outcome })
            },
            Err(PublishError::NoSuchChannel),
        )
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State<S, CHANNELS, FOLLOWERS, KEYS>) -> R, otherwise: R) -> R {
        self.state.lock(|state| match state.try_borrow_mut() {
            Ok(mut state) => f(&mut state),
            // Only a waker that calls the hub from `wake` would come here.
            Err(_) => otherwise,
        })
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize>
    State<S, CHANNELS, FOLLOWERS, KEYS>
{
    fn find(&self, name: ChannelName<'_>) -> Option<usize> {
        self.channels.iter().position(|channel| channel.name == name.as_str())
    }

    /// A follower has read up to `after`. Once it has `caught_up` with the log, publishers wait for it.
    fn record_read(&mut self, follower: Option<usize>, after: u64, caught_up: bool) {
        let Some(Some(follower)) = follower.and_then(|follower| self.followers.get_mut(follower)) else { return };
        follower.awaited |= caught_up;
        if follower.read_to != after as u32 {
            follower.read_to = after as u32;
            self.wake_publisher();
        }
    }

    fn wake_publisher(&mut self) {
        if let Some(publisher) = self.publisher.take() {
            publisher.wake();
        }
    }

    fn wake_followers(&mut self, channel: usize) {
        for follower in self.followers.iter_mut().flatten().filter(|follower| usize::from(follower.channel) == channel)
        {
            if let Some(waker) = follower.waker.take() {
                waker.wake();
            }
        }
    }
}

impl<M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize> HubBackend
    for StaticHub<M, S, CHANNELS, FOLLOWERS, KEYS>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    type Reader<'a>
        = StaticReader<'a, M, S, CHANNELS, FOLLOWERS, KEYS>
    where
        Self: 'a;
    type NameBuffer = [u8; MAX_SHORT_CHANNEL_NAME];

    fn name_policy(&self) -> NamePolicy {
        NamePolicy::SHORT
    }

    fn name_buffer(&self) -> Self::NameBuffer {
        [0; MAX_SHORT_CHANNEL_NAME]
    }

    fn open(
        &self,
        channel: ChannelName<'_>,
        following: bool,
        _peer: Option<IpAddr>,
    ) -> Result<Self::Reader<'_>, OpenError> {
        self.with_state(
            |state| {
                let channel = state.find(channel).ok_or(OpenError::NoSuchChannel)?;
                let mut slot = None;
                if following {
                    let row = u16::try_from(channel).map_err(|_| OpenError::TooManyChannels)?;
                    let free = state.followers.iter_mut().enumerate().find(|(_, follower)| follower.is_none());
                    let (at, follower) = free.ok_or(OpenError::TooManyFollowers)?;
                    *follower = Some(Follower { channel: row, awaited: false, read_to: 0, waker: None });
                    slot = Some(at);
                    if let Some(channel) = state.channels.get_mut(channel) {
                        channel.followers = channel.followers.saturating_add(1);
                    }
                }
                Ok(StaticReader { hub: self, channel, follower: slot })
            },
            Err(OpenError::NoSuchChannel),
        )
    }

    fn publish(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        _peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError> {
        // No channel has the index CHANNELS.
        let index = self.with_state(|state| state.find(channel).unwrap_or(CHANNELS), CHANNELS);
        self.publish_at(index, event)
    }

    fn gap_policy(&self, _channel: ChannelName<'_>) -> GapPolicy {
        self.policy
    }
}

/// A reader of a [`StaticHub`]'s channel.
#[derive(Debug)]
pub struct StaticReader<'h, M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    hub: &'h StaticHub<M, S, CHANNELS, FOLLOWERS, KEYS>,
    channel: usize,
    /// Its index among the followers, if it follows.
    follower: Option<usize>,
}

impl<M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize>
    StaticReader<'_, M, S, CHANNELS, FOLLOWERS, KEYS>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    fn with_log<R>(&self, f: impl FnOnce(&crate::log::EventLog<S>) -> R, otherwise: R) -> R {
        self.hub.state.lock(|state| match state.try_borrow() {
            Ok(state) => match state.channels.get(self.channel) {
                Some(channel) => f(channel.log()),
                None => otherwise,
            },
            Err(_) => otherwise,
        })
    }
}

impl<M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize> LogReader
    for StaticReader<'_, M, S, CHANNELS, FOLLOWERS, KEYS>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    fn epoch(&self) -> u32 {
        self.with_log(|log| log.epoch(), 0)
    }

    fn newest(&self) -> u64 {
        self.with_log(|log| log.newest(), 0)
    }

    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor {
        self.with_log(|log| log.seek(position, policy), Cursor { after: 0, gap: None })
    }

    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        self.hub.with_state(
            |state| {
                state.record_read(self.follower, after, false);
                state
                    .channels
                    .get(self.channel)
                    .map_or(ReadEvent::Nothing, |channel| channel.log().read_at(after, offset, into))
            },
            ReadEvent::Nothing,
        )
    }
}

impl<M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize> ChannelReader
    for StaticReader<'_, M, S, CHANNELS, FOLLOWERS, KEYS>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    fn publish(&self, event: &NewEvent<'_>, _peer: Option<IpAddr>) -> Result<PublishOutcome, PublishError> {
        self.hub.publish_at(self.channel, event)
    }

    fn poll_new_event(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()> {
        self.hub.with_state(
            |state| {
                if state.channels.get(self.channel).is_some_and(|channel| channel.log().newest() > after) {
                    return Poll::Ready(());
                }
                state.record_read(self.follower, after, true);
                if let Some(Some(follower)) = self.follower.and_then(|follower| state.followers.get_mut(follower)) {
                    match &mut follower.waker {
                        Some(waker) => waker.clone_from(cx.waker()),
                        None => follower.waker = Some(cx.waker().clone()),
                    }
                }
                Poll::Pending
            },
            Poll::Pending,
        )
    }

    fn poll_publish_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.hub.with_state(
            |state| {
                let Some(log) = state.channels.get(self.channel).map(Channel::log) else { return Poll::Ready(()) };
                let (newest, size) = (log.newest(), log.largest_event() / 2);
                let holds_back = |follower: &Follower| {
                    let unread = (newest as u32).wrapping_sub(follower.read_to);
                    usize::from(follower.channel) == self.channel
                        && follower.awaited
                        && !log.has_space(newest.saturating_sub(unread.into()), size)
                };
                if !state.followers.iter().flatten().any(holds_back) {
                    return Poll::Ready(());
                }
                let waker = cx.waker();
                if !waker.will_wake(Waker::noop()) && !state.publisher.as_ref().is_some_and(|it| it.will_wake(waker)) {
                    state.wake_publisher();
                    state.publisher = Some(waker.clone());
                }
                Poll::Pending
            },
            Poll::Ready(()),
        )
    }

    fn ignore_slow_followers(&mut self) {
        self.hub.with_state(
            |state| {
                let newest = state.channels.get(self.channel).map_or(0, |channel| channel.log().newest());
                for follower in state.followers.iter_mut().flatten() {
                    if usize::from(follower.channel) == self.channel {
                        follower.awaited &= follower.read_to == newest as u32;
                    }
                }
                state.wake_publisher();
            },
            (),
        );
    }
}

impl<M, S, const CHANNELS: usize, const FOLLOWERS: usize, const KEYS: usize> Drop
    for StaticReader<'_, M, S, CHANNELS, FOLLOWERS, KEYS>
where
    M: RawMutex,
    S: AsRef<[u8]> + AsMut<[u8]>,
{
    fn drop(&mut self) {
        let Some(follower) = self.follower else { return };
        self.hub.with_state(
            |state| {
                if let Some(slot) = state.followers.get_mut(follower) {
                    *slot = None;
                }
                if let Some(channel) = state.channels.get_mut(self.channel) {
                    channel.followers = channel.followers.saturating_sub(1);
                }
                state.wake_publisher();
            },
            (),
        );
    }
}

#[cfg(test)]
mod tests;
