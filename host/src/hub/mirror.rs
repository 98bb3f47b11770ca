//! The mirrors of a thread, and its readers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use goldcrest_core::format::{PollLimits, Transport};
use goldcrest_core::hub::{
    ChannelName, ChannelReader, HubBackend, MAX_CHANNEL_NAME, NamePolicy, NewEvent, OpenError, PublishError,
    PublishOutcome,
};
use goldcrest_core::log::{Cursor, GapPolicy, LogReader, Position, ReadEvent};
use slab::Slab;

use super::event::{ChannelId, Event, HostLog, empty_log};
use super::inbox::{Inbox, InboxItem, Update};
use super::master::{Master, Progress, Snapshot};
use super::registry::{ChannelLookup, Hub};
use super::shared_followers::NOT_AWAITED;
use crate::counters::{LAGS, ThreadCounters, transport_index};
use crate::sync::{Arc, Ordering};

/// The hub on one thread, for the connections of this thread. A clone is the same.
#[derive(Clone)]
pub struct LocalHub {
    inner: Rc<Inner>,
}

struct Inner {
    hub: Hub,
    inbox: Arc<Inbox>,
    /// The bounds of one response to a poll.
    poll: PollLimits,
    /// The channels that have a follower on this thread.
    mirrors: RefCell<HashMap<ChannelId, Rc<Mirror>>>,
    /// The memory of the items that were last taken from the inbox.
    items: RefCell<Vec<InboxItem>>,
    counters: std::sync::Arc<ThreadCounters>,
}

pub(super) struct Mirror {
    master: Arc<Master>,
    log: RefCell<HostLog>,
    /// The log is a copy of the master's as it is or as it was: it lacks no older event.
    complete: Cell<bool>,
    followers: RefCell<Slab<Follower>>,
    /// How far they have read, for publishers.
    progress: Arc<Progress>,
    /// Publishers wait until the followers have read up to this sequence number; 0: no publisher waits.
    awaited: Cell<u64>,
    /// The number of awaited followers that have not.
    behind: Cell<usize>,
    /// When the newest events were published, by their sequence numbers modulo [`TIMES`].
    published: RefCell<[(u64, Option<Instant>); TIMES]>,
    /// The sequence number of the last event whose latency was measured.
    measured: Cell<u64>,
}

/// Events whose time of publication a mirror keeps.
const TIMES: usize = 32;

/// The transport of a reader that does not report it.
const NO_TRANSPORT: u8 = u8::MAX;

struct Follower {
    /// The waker of a task that waits for events.
    waker: Option<Waker>,
    /// The sequence number of the last event that it has read. [`NOT_AWAITED`] at its start, and once publishers ignore it, until it
    /// has caught up.
    read_to: u64,
    /// The sequence number of the last event that was written to it or that it missed; [`NOT_AWAITED`] until it has a cursor.
    sent_to: u64,
}

impl LocalHub {
    pub(crate) fn new(hub: Hub, inbox: Arc<Inbox>, poll: PollLimits, counters: std::sync::Arc<ThreadCounters>) -> Self {
        let inner = Inner { hub, inbox, poll, mirrors: RefCell::default(), items: RefCell::default(), counters };
        Self { inner: Rc::new(inner) }
    }

    /// Measures by how many events the followers of this thread lag.
    pub(crate) fn measure_lag(&self) {
        let (mut behind, mut most) = ([0u64; LAGS.len()], 0);
        for mirror in self.inner.mirrors.borrow().values() {
            let newest = mirror.log.borrow().newest();
            for (_, follower) in mirror.followers.borrow().iter() {
                // [`NOT_AWAITED`] is above every sequence number.
                let lag = newest.saturating_sub(follower.sent_to);
                most = most.max(lag);
                behind.iter_mut().zip(LAGS).take_while(|(_, least)| lag >= *least).for_each(|(count, _)| *count += 1);
            }
        }
        let counters = &self.inner.counters;
        counters.behind.iter().zip(behind).for_each(|(counter, count)| counter.set(count));
        counters.max_lag.set(most);
    }

    /// The hub of all threads.
    pub fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    /// Appends the events in the inbox to the mirrors and wakes their followers. Returns how many it woke.
    pub(crate) fn drain_inbox(&self) -> usize {
        let mut items = self.inner.items.borrow_mut();
        self.inner.inbox.take(&mut items);
        if items.is_empty() {
            return 0;
        }
        let mirrors = self.inner.mirrors.borrow();
        let mut woken = 0;
        // The mirror of the last items: its followers are woken once for several events in a row.
        let mut last: Option<&Rc<Mirror>> = None;
        for InboxItem { channel, update } in items.drain(..) {
            // Without a mirror the last follower has left since the item was posted.
            let Some(mirror) = mirrors.get(&channel) else { continue };
            match update {
                Update::Event(seq, event) => mirror.append(seq, &event),
                Update::NewEvents => mirror.catch_up(),
                Update::ProgressRequest => {
                    mirror.report_progress();
                    continue;
                }
            }
            if last.is_none_or(|last| !Rc::ptr_eq(last, mirror))
                && let Some(previous) = last.replace(mirror)
            {
                woken += previous.wake();
            }
        }
        woken + last.map_or(0, |mirror| mirror.wake())
    }

    /// Adds a follower of the channel.
    fn follow(&self, channel: ChannelName<'_>, peer: Option<IpAddr>) -> Result<Rc<Mirror>, OpenError> {
        let Inner { hub, inbox, mirrors, .. } = &*self.inner;
        let limits = hub.limits();
        loop {
            let master = hub.find_or_create_for_follower(channel, peer)?;
            if let Some(mirror) = mirrors.borrow().get(&master.id()) {
                master.follow();
                master.touch(hub.seconds());
                return Ok(Rc::clone(mirror));
            }
            let Some(mirrored) = master.mirror(inbox, limits.bytes, limits.events) else { continue };
            let (log, progress) = match mirrored {
                Err(OpenError::TooManyFollowers) if hub.reap_for_memory() => continue,
                mirrored => mirrored.inspect_err(|_| hub.discard_empty(channel.as_str(), &master))?,
            };
            master.touch(hub.seconds());
            let id = master.id();
            let mirror = Rc::new(Mirror {
                master,
                log: RefCell::new(log),
                complete: Cell::new(false),
                followers: RefCell::default(),
                progress,
                awaited: Cell::new(0),
                behind: Cell::new(0),
                published: RefCell::new([(0, None); TIMES]),
                measured: Cell::new(0),
            });
            mirrors.borrow_mut().insert(id, Rc::clone(&mirror));
            return Ok(mirror);
        }
    }

    /// Removes a follower, and with the last one of this thread the mirror.
    fn unfollow(&self, mirror: &Mirror, follower: usize) {
        let Inner { hub, inbox, mirrors, .. } = &*self.inner;
        let read_to = mirror.followers.borrow_mut().remove(follower).read_to;
        if mirror.followers.borrow().is_empty() {
            mirrors.borrow_mut().remove(&mirror.master.id());
            mirror.master.remove_mirror(inbox, hub.seconds());
            hub.discard_empty(mirror.master.name(), &mirror.master);
        } else {
            mirror.master.unfollow(hub.seconds());
            mirror.advance(read_to, NOT_AWAITED);
        }
    }
}

impl Mirror {
    /// Appends the event with this number, unless the mirror has it already.
    fn append(&self, seq: u64, event: &Event) {
        let mut log = self.log.borrow_mut();
        let newest = log.newest();
        if seq <= newest {
            return;
        }
        if newest.checked_add(1) == Some(seq) {
            match event.append_to(&mut log) {
                Ok(()) => {
                    let mut times = self.published.borrow_mut();
                    times[seq as usize % TIMES] = (seq, Some(event.published));
                    return;
                }
                Err(error) => tracing::error!(%error, "a mirror refused an event that its master accepted"),
            }
        }
        drop(log);
        self.catch_up();
    }

    /// The time since the event with this number was published, if that was one of the last.
    fn age(&self, seq: u64) -> Option<Duration> {
        match self.published.borrow()[seq as usize % TIMES] {
            (of, Some(published)) if of == seq => Some(published.elapsed()),
            _ => None,
        }
    }

    /// Copies the events that are missing from the master. A reader whose next event has been overwritten gets a gap.
    fn catch_up(&self) {
        if self.master.update(&mut self.log.borrow_mut()) {
            self.complete.set(true);
        }
    }

    /// Copies the master's log for a reader whose next event is not in the mirror, if the master has it.
    fn recover(&self, after: u64) -> bool {
        let recovered = self.master.recover(&mut self.log.borrow_mut(), after);
        if recovered {
            self.complete.set(true);
        }
        recovered
    }

    /// Wakes the followers that wait, and returns how many.
    fn wake(&self) -> usize {
        let wakers = |(_, follower): (usize, &mut Follower)| follower.waker.take();
        let woken = self.followers.borrow_mut().iter_mut().filter_map(wakers).map(Waker::wake).count();
        self.report_progress();
        woken
    }

    /// Reports to publishers how far the followers have read, and takes over the requests of publishers.
    fn report_progress(&self) {
        let ignored_to = self.progress.ignored_to.swap(0, Ordering::SeqCst);
        let awaited = self.progress.awaited.load(Ordering::SeqCst);
        let (mut least, mut behind) = (NOT_AWAITED, 0);
        for (_, follower) in self.followers.borrow_mut().iter_mut() {
            if follower.read_to < ignored_to {
                follower.read_to = NOT_AWAITED;
            }
            least = least.min(follower.read_to);
            behind += usize::from(follower.read_to < awaited);
        }
        self.progress.read_to.store(least, Ordering::SeqCst);
        self.awaited.set(awaited);
        self.behind.set(behind);
        if awaited > 0 && behind == 0 {
            self.awaited.set(0);
            // A publisher that stores another value meanwhile also posts a request.
            let _ = self.progress.awaited.compare_exchange(awaited, 0, Ordering::SeqCst, Ordering::SeqCst);
            self.master.progress_reported();
        }
    }

    /// A follower has read up to `after`. Once it has `caught_up` with the log, publishers wait for it.
    fn record_read(&self, follower: usize, after: u64, caught_up: bool) {
        let before = match self.followers.borrow_mut().get_mut(follower) {
            Some(follower) if follower.read_to < after || (caught_up && follower.read_to == NOT_AWAITED) => {
                std::mem::replace(&mut follower.read_to, after)
            }
            _ => return,
        };
        if before == NOT_AWAITED {
            self.progress.read_to.fetch_min(after, Ordering::SeqCst);
            if after < self.awaited.get() {
                self.behind.set(self.behind.get() + 1);
            }
        } else {
            self.advance(before, after);
        }
    }

    /// An awaited follower that had read up to `before` has read up to `after`.
    fn advance(&self, before: u64, after: u64) {
        let awaited = self.awaited.get();
        if before < awaited && after >= awaited {
            self.behind.set(self.behind.get() - 1);
            if self.behind.get() == 0 {
                self.report_progress();
            }
        }
    }
}

impl HubBackend for LocalHub {
    type Reader<'a> = LocalReader;
    type NameBuffer = [u8; MAX_CHANNEL_NAME];

    fn name_policy(&self) -> NamePolicy {
        self.inner.hub.limits().names
    }

    fn name_buffer(&self) -> Self::NameBuffer {
        [0; MAX_CHANNEL_NAME]
    }

    fn open(&self, channel: ChannelName<'_>, following: bool, peer: Option<IpAddr>) -> Result<LocalReader, OpenError> {
        let kind = if following {
            let mirror = self.follow(channel, peer)?;
            let follower = mirror.followers.borrow_mut().insert(Follower {
                waker: None,
                read_to: NOT_AWAITED,
                sent_to: NOT_AWAITED,
            });
            Kind::Following { mirror, follower }
        } else {
            match self.inner.hub.find(channel) {
                ChannelLookup::Found(master) => {
                    master.touch(self.inner.hub.seconds());
                    Kind::Once { master, copy: RefCell::default() }
                }
                ChannelLookup::Missing { epoch } => {
                    self.inner.hub.channel_name(channel.as_str())?;
                    let log = empty_log(epoch)?;
                    Kind::Absent { name: channel.as_str().into(), log }
                }
            }
        };
        Ok(LocalReader { hub: self.clone(), kind, transport: NO_TRANSPORT, sent_to: Cell::new(0) })
    }

    fn publish(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError> {
        self.inner.hub.publish_event(channel, event, peer)
    }

    fn gap_policy(&self, _channel: ChannelName<'_>) -> GapPolicy {
        self.inner.hub.limits().gap_policy
    }
}

/// A reader of a channel, on its thread.
pub struct LocalReader {
    hub: LocalHub,
    kind: Kind,
    /// The index of its transport, or [`NO_TRANSPORT`].
    transport: u8,
    /// The sequence number of the last event that was written or missed.
    sent_to: Cell<u64>,
}

enum Kind {
    /// A follower, by its key among those of the mirror.
    Following { mirror: Rc<Mirror>, follower: usize },
    /// A reader that does not follow. Once it has a cursor it has a copy of the events of one response.
    Once { master: Arc<Master>, copy: RefCell<Option<Box<Snapshot>>> },
    /// A reader of a channel that does not exist: of the empty log that it would have.
    Absent { name: Box<str>, log: HostLog },
}

impl LocalReader {
    /// The master log; `None` where there is no such channel. One that did not exist when it was opened may have been created since.
    fn with_master<T>(&self, f: impl FnOnce(&Arc<Master>) -> T) -> Option<T> {
        match &self.kind {
            Kind::Following { mirror, .. } => Some(f(&mirror.master)),
            Kind::Once { master, .. } => Some(f(master)),
            Kind::Absent { name, .. } => self.hub.hub().find_created(name).as_ref().map(f),
        }
    }

    /// The mirror of a follower.
    #[cfg(test)]
    pub(super) fn mirror(&self) -> Option<&Rc<Mirror>> {
        match &self.kind {
            Kind::Following { mirror, .. } => Some(mirror),
            Kind::Once { .. } | Kind::Absent { .. } => None,
        }
    }
}

impl LogReader for LocalReader {
    fn epoch(&self) -> u32 {
        match &self.kind {
            Kind::Following { mirror, .. } => mirror.master.epoch(),
            Kind::Once { master, .. } => master.epoch(),
            Kind::Absent { log, .. } => log.epoch(),
        }
    }

    fn newest(&self) -> u64 {
        match &self.kind {
            Kind::Following { mirror, .. } => mirror.log.borrow().newest(),
            Kind::Once { master, copy } => {
                copy.borrow().as_ref().map_or_else(|| master.newest(), |copy| copy.log.newest())
            }
            Kind::Absent { log, .. } => log.newest(),
        }
    }

    /// The master decides, which has assigned every id that a client can have: every event that was published before this call is
    /// seen.
    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor {
        let cursor = match &self.kind {
            Kind::Following { mirror, follower } => {
                let (cursor, whole) = mirror.master.seek(&mut mirror.log.borrow_mut(), position, policy);
                if whole {
                    mirror.complete.set(true);
                }
                if let Some(follower) = mirror.followers.borrow_mut().get_mut(*follower) {
                    follower.sent_to = cursor.after;
                }
                cursor
            }
            Kind::Once { master, copy } => {
                let PollLimits { events, bytes } = self.hub.inner.poll;
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                let (cursor, read) = master.read(position, policy, events, bytes, self.hub.hub().memory());
                *copy.borrow_mut() = read.map(Box::new);
                cursor
            }
            Kind::Absent { log, .. } => log.seek(position, policy),
        };
        self.sent_to.set(cursor.after);
        if let Some(gap) = cursor.gap {
            self.hub.inner.counters.gap(self.transport.into(), gap.missed);
        }
        cursor
    }

    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        match &self.kind {
            Kind::Following { mirror, follower } => {
                mirror.record_read(*follower, after, false);
                let event = mirror.log.borrow().read_at(after, offset, into);
                if event == ReadEvent::Overwritten && !mirror.complete.get() && mirror.recover(after) {
                    return mirror.log.borrow().read_at(after, offset, into);
                }
                event
            }
            Kind::Once { copy, .. } => {
                copy.borrow().as_ref().map_or(ReadEvent::Nothing, |copy| copy.log.read_at(after, offset, into))
            }
            Kind::Absent { log, .. } => log.read_at(after, offset, into),
        }
    }
}

impl ChannelReader for LocalReader {
    fn publish(&self, event: &NewEvent<'_>, peer: Option<IpAddr>) -> Result<PublishOutcome, PublishError> {
        // By name: the channel may have been reaped meanwhile.
        let name = match &self.kind {
            Kind::Following { mirror, .. } => mirror.master.name(),
            Kind::Once { master, .. } => master.name(),
            Kind::Absent { name, .. } => name,
        };
        let hub = self.hub.hub();
        hub.publish_event(hub.channel_name(name)?, event, peer)
    }

    fn poll_new_event(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()> {
        if self.newest() > after {
            return Poll::Ready(());
        }
        if let Kind::Following { mirror, follower } = &self.kind {
            mirror.record_read(*follower, after, true);
            if let Some(follower) = mirror.followers.borrow_mut().get_mut(*follower) {
                match &mut follower.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => follower.waker = Some(cx.waker().clone()),
                }
            }
        }
        Poll::Pending
    }

    fn poll_publish_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.with_master(|master| {
            if !master.is_congested() {
                return Poll::Ready(());
            }
            if !cx.waker().will_wake(Waker::noop()) {
                master.register_publisher(cx.waker());
                // The followers of this thread are asked without a message.
                if let Some(mirror) = self.hub.inner.mirrors.borrow().get(&master.id()) {
                    mirror.report_progress();
                }
            }
            if master.is_congested() { Poll::Pending } else { Poll::Ready(()) }
        });
        ready.unwrap_or(Poll::Ready(()))
    }

    fn begin(&mut self, transport: Transport, resumes: bool) {
        let index = transport_index(transport);
        self.transport = index as u8;
        if resumes && let Some(counters) = self.hub.inner.counters.transport(index) {
            counters.resumed.add(1);
        }
        if let Kind::Following { mirror, .. } = &self.kind {
            mirror.master.add_reader(index);
        }
    }

    fn sent(&self, after: u64) {
        let before = self.sent_to.replace(after);
        if after <= before {
            return;
        }
        let counters = &self.hub.inner.counters;
        let measured = counters.delivered(self.transport.into(), after - before);
        if let Kind::Following { mirror, follower } = &self.kind {
            if let Some(follower) = mirror.followers.borrow_mut().get_mut(*follower) {
                follower.sent_to = after;
            }
            if (measured || after > mirror.measured.get())
                && let Some(age) = mirror.age(after)
            {
                mirror.measured.set(after);
                counters.latency(age);
            }
        }
    }

    fn ignore_slow_followers(&mut self) {
        self.with_master(|master| master.ignore_slow_followers());
    }
}

impl Drop for LocalReader {
    fn drop(&mut self) {
        if let Kind::Following { mirror, follower } = &self.kind {
            mirror.master.remove_reader(self.transport.into());
            self.hub.unfollow(mirror, *follower);
        }
    }
}
