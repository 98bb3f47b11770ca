//! A thread's logs and its readers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use goldcrest_core::format::PollLimits;
use goldcrest_core::hub::{ChannelName, ChannelReader, HubBackend, NewEvent, OpenError, PublishError, PublishOutcome};
use goldcrest_core::log::{Cursor, EventLog, GapPolicy, LogReader, Position, RECORD_OVERHEAD, ReadEvent, SLOT_SIZE};
use slab::Slab;

use super::event::{ChannelId, Event, HostLog};
use super::inbox::{Inbox, InboxItem, Update};
use super::master::{Master, NOBODY, Progress, Snapshot};
use super::registry::{ChannelLookup, Hub};
use crate::sync::{Arc, Ordering};

/// The hub as one thread sees it: what connections of this thread read from and publish to. A clone is the same.
#[derive(Clone)]
pub struct LocalHub {
    inner: Rc<Inner>,
}

struct Inner {
    hub: Hub,
    inbox: Arc<Inbox>,
    /// How much one answer to a poll carries.
    poll: PollLimits,
    /// The channels that have a follower on this thread.
    mirrors: RefCell<HashMap<ChannelId, Rc<Mirror>>>,
    taken: RefCell<Vec<InboxItem>>,
}

pub(super) struct Mirror {
    channel: Box<str>,
    master: Arc<Master>,
    log: RefCell<HostLog>,
    /// The log is the master's, bit by bit, or a state that the master's has had.
    whole: Cell<bool>,
    /// Those that follow.
    followers: RefCell<Slab<Follower>>,
    /// What they have taken, for publishers.
    progress: Arc<Progress>,
    /// Publishers wait until the followers have taken what is up to this sequence number; 0: nobody waits.
    awaited: Cell<u64>,
    /// Followers that are waited for and have not.
    behind: Cell<usize>,
}

struct Follower {
    /// It waits for events.
    waker: Option<Waker>,
    /// The sequence number that it has taken; [`NOBODY`] from its start, or from when publishers stopped waiting for it, until
    /// it has caught up.
    taken: u64,
}

impl LocalHub {
    pub(crate) fn new(hub: Hub, inbox: Arc<Inbox>, poll: PollLimits) -> Self {
        let inner = Inner { hub, inbox, poll, mirrors: RefCell::default(), taken: RefCell::default() };
        Self { inner: Rc::new(inner) }
    }

    /// The hub of all threads.
    pub fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    /// Appends what other threads have published to the mirrors of this one, and wakes their readers. Returns how many it woke.
    pub(crate) fn drain_inbox(&self) -> usize {
        let mut taken = self.inner.taken.borrow_mut();
        self.inner.inbox.take(&mut taken);
        if taken.is_empty() {
            return 0;
        }
        let mirrors = self.inner.mirrors.borrow();
        let mut woken = 0;
        let mut moved: Option<&Rc<Mirror>> = None;
        for InboxItem { channel, news } in taken.drain(..) {
            // The last follower may have left meanwhile.
            let Some(mirror) = mirrors.get(&channel) else { continue };
            match news {
                Update::Event(seq, event) => mirror.append(seq, &event),
                Update::Moved => mirror.catch_up(),
                Update::Awaited => {
                    mirror.tell_progress();
                    continue;
                }
            }
            if moved.is_none_or(|moved| !Rc::ptr_eq(moved, mirror))
                && let Some(moved) = moved.replace(mirror)
            {
                woken += moved.wake();
            }
        }
        woken + moved.map_or(0, |moved| moved.wake())
    }

    /// Counts one more follower of the channel.
    fn follow(&self, channel: ChannelName<'_>, peer: Option<IpAddr>) -> Result<Rc<Mirror>, OpenError> {
        let Inner { hub, inbox, mirrors, .. } = &*self.inner;
        let limits = hub.limits();
        loop {
            let master = hub.to_follow(channel, peer)?;
            if let Some(mirror) = mirrors.borrow().get(&master.id()) {
                master.follow();
                master.touch(hub.seconds());
                return Ok(Rc::clone(mirror));
            }
            let Some(mirrored) = master.mirror(inbox, limits.bytes, limits.events) else { continue };
            let (log, progress) = match mirrored {
                Err(OpenError::TooManyFollowers) if hub.give_way() => continue,
                mirrored => mirrored.inspect_err(|_| hub.discard_empty(channel.as_str(), &master))?,
            };
            master.touch(hub.seconds());
            let id = master.id();
            let mirror = Rc::new(Mirror {
                channel: channel.as_str().into(),
                master,
                log: RefCell::new(log),
                whole: Cell::new(false),
                followers: RefCell::default(),
                progress,
                awaited: Cell::new(0),
                behind: Cell::new(0),
            });
            mirrors.borrow_mut().insert(id, Rc::clone(&mirror));
            return Ok(mirror);
        }
    }

    /// Counts one follower less; with the last one of this thread its mirror goes.
    fn unfollow(&self, mirror: &Mirror, place: usize) {
        let Inner { hub, inbox, mirrors, .. } = &*self.inner;
        let taken = mirror.followers.borrow_mut().remove(place).taken;
        if mirror.followers.borrow().is_empty() {
            mirrors.borrow_mut().remove(&mirror.master.id());
            mirror.master.leave(inbox, hub.seconds());
            hub.discard_empty(&mirror.channel, &mirror.master);
        } else {
            mirror.master.unfollow(hub.seconds());
            mirror.took(taken, NOBODY);
        }
    }
}

impl Mirror {
    /// Appends the event with this number, unless it is there already.
    fn append(&self, seq: u64, event: &Event) {
        let mut log = self.log.borrow_mut();
        let newest = log.newest();
        if seq <= newest {
            return;
        }
        if newest.checked_add(1) == Some(seq) {
            match event.append_to(&mut log) {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, "a mirror does not take what its master took"),
            }
        }
        drop(log);
        self.catch_up();
    }

    /// Takes from the master what is missing. Readers whose next event it does not keep any more are told so, as ever.
    fn catch_up(&self) {
        if self.master.update(&mut self.log.borrow_mut()) {
            self.whole.set(true);
        }
    }

    /// Copies the master's log for a reader that the mirror does not keep the next event of, if the master does.
    fn recover(&self, after: u64) -> bool {
        let recovered = self.master.recover(&mut self.log.borrow_mut(), after);
        if recovered {
            self.whole.set(true);
        }
        recovered
    }

    /// Wakes the readers that wait; returns how many.
    fn wake(&self) -> usize {
        let wakers = |(_, follower): (usize, &mut Follower)| follower.waker.take();
        let woken = self.followers.borrow_mut().iter_mut().filter_map(wakers).map(Waker::wake).count();
        self.tell_progress();
        woken
    }

    /// Tells publishers what the followers have taken, and what publishers wait for is noted.
    fn tell_progress(&self) {
        let given_up = self.progress.given_up.swap(0, Ordering::SeqCst);
        let awaited = self.progress.awaited.load(Ordering::SeqCst);
        let (mut least, mut behind) = (NOBODY, 0);
        for (_, follower) in self.followers.borrow_mut().iter_mut() {
            if follower.taken < given_up {
                follower.taken = NOBODY;
            }
            least = least.min(follower.taken);
            behind += usize::from(follower.taken < awaited);
        }
        self.progress.taken.store(least, Ordering::SeqCst);
        self.awaited.set(awaited);
        self.behind.set(behind);
        if awaited > 0 && behind == 0 {
            self.awaited.set(0);
            // What has been awaited since is another value, and on its way here.
            let _ = self.progress.awaited.compare_exchange(awaited, 0, Ordering::SeqCst, Ordering::SeqCst);
            self.master.followers_took();
        }
    }

    /// The follower at `place` has taken what is up to `after`, and has `caught_up` with that. Publishers wait for it from the time
    /// it has caught up.
    fn follower_took(&self, place: usize, after: u64, caught_up: bool) {
        let before = match self.followers.borrow_mut().get_mut(place) {
            Some(follower) if follower.taken < after || (caught_up && follower.taken == NOBODY) => {
                std::mem::replace(&mut follower.taken, after)
            }
            _ => return,
        };
        if before == NOBODY {
            self.progress.taken.fetch_min(after, Ordering::SeqCst);
            if after < self.awaited.get() {
                self.behind.set(self.behind.get() + 1);
            }
        } else {
            self.took(before, after);
        }
    }

    /// A follower had taken what is up to `before`, and now up to `after`.
    fn took(&self, before: u64, after: u64) {
        let awaited = self.awaited.get();
        if before < awaited && after >= awaited {
            self.behind.set(self.behind.get() - 1);
            if self.behind.get() == 0 {
                self.tell_progress();
            }
        }
    }
}

impl HubBackend for LocalHub {
    type Reader<'a> = LocalReader;

    fn open(&self, channel: ChannelName<'_>, following: bool, peer: Option<IpAddr>) -> Result<LocalReader, OpenError> {
        let kind = if following {
            let mirror = self.follow(channel, peer)?;
            let place = mirror.followers.borrow_mut().insert(Follower { waker: None, taken: NOBODY });
            Kind::Following { mirror, place }
        } else {
            match self.inner.hub.to_read(channel) {
                ChannelLookup::Found(master) => {
                    master.touch(self.inner.hub.seconds());
                    Kind::Once { master, copy: RefCell::default() }
                }
                ChannelLookup::Missing { epoch } => {
                    let storage = vec![0; RECORD_OVERHEAD + 1 + SLOT_SIZE].into();
                    let log = EventLog::new(storage, 1, epoch).map_err(|_| OpenError::TooManyChannels)?;
                    Kind::Absent { log }
                }
            }
        };
        Ok(LocalReader { hub: self.clone(), kind })
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
}

enum Kind {
    /// A follower, by its place among those of the mirror.
    Following { mirror: Rc<Mirror>, place: usize },
    /// A reader of what there is now: from its place on it has a copy of the events that one answer carries.
    Once { master: Arc<Master>, copy: RefCell<Option<Box<Snapshot>>> },
    /// A reader of a channel that is not there: of the empty log that it would have.
    Absent { log: HostLog },
}

impl LocalReader {
    fn master(&self) -> Option<&Arc<Master>> {
        match &self.kind {
            Kind::Following { mirror, .. } => Some(&mirror.master),
            Kind::Once { master, .. } => Some(master),
            Kind::Absent { .. } => None,
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
            Kind::Absent { log } => log.epoch(),
        }
    }

    fn newest(&self) -> u64 {
        match &self.kind {
            Kind::Following { mirror, .. } => mirror.log.borrow().newest(),
            Kind::Once { master, copy } => {
                copy.borrow().as_ref().map_or_else(|| master.newest(), |copy| copy.log.newest())
            }
            Kind::Absent { log } => log.newest(),
        }
    }

    /// Judged by the master, which has given out every id that a client can have: whatever has been published before this moment
    /// is seen.
    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor {
        match &self.kind {
            Kind::Following { mirror, .. } => {
                let (placed, whole) = mirror.master.place(&mut mirror.log.borrow_mut(), position, policy);
                if whole {
                    mirror.whole.set(true);
                }
                placed
            }
            Kind::Once { master, copy } => {
                let PollLimits { events, bytes } = self.hub.inner.poll;
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                let (placed, read) = master.read(position, policy, events, bytes, self.hub.hub().memory());
                *copy.borrow_mut() = read.map(Box::new);
                placed
            }
            Kind::Absent { log } => log.seek(position, policy),
        }
    }

    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        match &self.kind {
            Kind::Following { mirror, place } => {
                mirror.follower_took(*place, after, false);
                let look = mirror.log.borrow().read_at(after, offset, into);
                if look == ReadEvent::Overwritten && !mirror.whole.get() && mirror.recover(after) {
                    return mirror.log.borrow().read_at(after, offset, into);
                }
                look
            }
            Kind::Once { copy, .. } => {
                copy.borrow().as_ref().map_or(ReadEvent::Nothing, |copy| copy.log.read_at(after, offset, into))
            }
            Kind::Absent { log } => log.read_at(after, offset, into),
        }
    }
}

impl ChannelReader for LocalReader {
    fn poll_new_event(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()> {
        if self.newest() > after {
            return Poll::Ready(());
        }
        if let Kind::Following { mirror, place } = &self.kind {
            mirror.follower_took(*place, after, true);
            if let Some(follower) = mirror.followers.borrow_mut().get_mut(*place) {
                match &mut follower.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => follower.waker = Some(cx.waker().clone()),
                }
            }
        }
        Poll::Pending
    }

    fn poll_publish_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(master) = self.master() else { return Poll::Ready(()) };
        if !master.is_crowded() {
            return Poll::Ready(());
        }
        if !cx.waker().will_wake(Waker::noop()) {
            master.wait_for_room(cx.waker());
            // The followers of this thread need no message.
            if let Some(mirror) = self.hub.inner.mirrors.borrow().get(&master.id()) {
                mirror.tell_progress();
            }
        }
        if master.is_crowded() { Poll::Pending } else { Poll::Ready(()) }
    }

    fn ignore_slow_followers(&mut self) {
        if let Some(master) = self.master() {
            master.ignore_slow_followers();
        }
    }
}

impl Drop for LocalReader {
    fn drop(&mut self) {
        if let Kind::Following { mirror, place } = &self.kind {
            self.hub.unfollow(mirror, *place);
        }
    }
}
