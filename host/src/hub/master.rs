//! A channel's master log.

use std::task::Waker;

use goldcrest_core::hub::{ChannelLog, NewEvent, OpenError, PublishError, PublishOutcome};
use goldcrest_core::log::{
    Cursor, EventId, EventLog, GapPolicy, LogReader, NewLogError, Position, RECORD_OVERHEAD, SLOT_SIZE,
};

use super::event::{ChannelId, Event, HostLog};
use super::inbox::{Inbox, InboxItem, Update};
use crate::memory::{Memory, Reserved, Use};
use crate::sync::{Arc, AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, PoisonError};

/// A channel.
pub(super) struct Master {
    id: ChannelId,
    state: Mutex<State>,
    epoch: u32,
    /// Publishers wait for a follower that has so many events to take. A quarter of the log remains for those that publish at the
    /// same moment: each thread looks for room, and then publishes.
    most_untaken: u64,
    /// The sequence number of the newest event, stored before the event is on its way to any thread: an id that somebody has seen
    /// is never above it.
    newest: AtomicU64,
    /// The next event may overwrite one that a follower has not taken yet: publishers look closer before they publish.
    crowded: AtomicBool,
    /// Readers that follow, on all threads.
    followers: AtomicUsize,
    /// When it was last published to or opened, in seconds of the registry's clock.
    last_used: AtomicU64,
    /// It has been reaped: whoever holds it still looks its name up again.
    dead: AtomicBool,
}

struct State {
    channel: ChannelLog<Box<[u8]>>,
    /// The threads that mirror the log, each because it has a follower.
    mirrors: Vec<MirrorState>,
    /// Tasks that wait to publish.
    publishers: Vec<Waker>,
    usage: Usage,
}

/// The memory that the log and its mirrors use.
struct Usage {
    /// Bytes of the log's memory that have been written to, in steps of [`STEP`]: the rest takes no memory yet.
    written: usize,
    /// Bytes of the records so far, until `written` is all of the log.
    appended: usize,
    /// For the log and its mirrors: each has written to as much at most.
    reserved: Reserved,
}

/// What a log takes beside its records, about.
pub(super) const LOG: usize = 8 * 1024;

/// Memory for records is reserved in such steps.
const STEP: usize = 16 * 1024;

/// A thread that mirrors the log.
struct MirrorState {
    inbox: Arc<Inbox>,
    progress: Arc<Progress>,
}

/// What the followers of one thread have taken, as the thread tells it to publishers.
pub(super) struct Progress {
    /// Every follower that is waited for has taken what is up to this sequence number; [`NOBODY`] where there is no such
    /// follower. The value may be too low: the thread updates it when it has news, and when `awaited` is reached.
    pub(super) taken: AtomicU64,
    /// Publishers wait until the followers have taken what is up to this sequence number; 0: nobody waits.
    pub(super) awaited: AtomicU64,
    /// Followers that have not taken what is up to this sequence number are not waited for any longer; 0: nothing is asked.
    pub(super) given_up: AtomicU64,
}

/// The sequence number of a thread, or a follower, that publishers do not wait for.
pub(super) const NOBODY: u64 = u64::MAX;

impl Progress {
    fn new() -> Self {
        Self { taken: AtomicU64::new(NOBODY), awaited: AtomicU64::new(0), given_up: AtomicU64::new(0) }
    }
}

/// The events that one answer to a poll carries, and their memory.
pub(super) struct Snapshot {
    pub(super) log: HostLog,
    _reserved: Option<Reserved>,
}

impl Master {
    /// A channel without events, for which [`LOG`] bytes are reserved.
    pub(super) fn new(
        id: ChannelId,
        bytes: usize,
        events: usize,
        epoch: u32,
        now: u64,
        reserved: Reserved,
    ) -> Result<Self, NewLogError> {
        let state = State {
            channel: ChannelLog::new(EventLog::new(vec![0; bytes].into(), events, epoch)?),
            mirrors: Vec::new(),
            publishers: Vec::new(),
            usage: Usage { written: 0, appended: 0, reserved },
        };
        Ok(Self {
            id,
            state: Mutex::new(state),
            epoch,
            most_untaken: (events - events / 4) as u64,
            newest: AtomicU64::new(0),
            crowded: AtomicBool::new(false),
            followers: AtomicUsize::new(0),
            last_used: AtomicU64::new(now),
            dead: AtomicBool::new(false),
        })
    }

    /// Appends an event and posts it to the mirrors; `None` where the channel has been reaped meanwhile.
    pub(super) fn publish(
        &self,
        event: &NewEvent<'_>,
        client: u16,
        now: u64,
        draining: &AtomicBool,
    ) -> Option<Result<PublishOutcome, PublishError>> {
        // Outside the lock: it reads all of the data.
        let key = event.key_digest();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_dead() {
            return None;
        }
        if draining.load(Ordering::SeqCst) {
            return Some(Err(PublishError::ShuttingDown));
        }
        self.last_used.store(now, Ordering::Relaxed);
        let followers = self.followers.load(Ordering::SeqCst);
        let State { channel, mirrors, usage, .. } = &mut *state;
        let reserve = |log: &HostLog, size| usage.reserve_for(size, log, mirrors.len());
        let outcome = match channel.publish(event, key, client, reserve) {
            Ok(outcome) => PublishOutcome { followers, ..outcome },
            Err(error) => return Some(Err(error)),
        };
        if outcome.duplicate {
            return Some(Ok(outcome));
        }
        let seq = outcome.id.seq;
        self.newest.store(seq, Ordering::SeqCst);
        if !mirrors.is_empty() {
            let event = Arc::new(Event::new(event));
            // In the lock, so that every mirror sees the events in their order.
            for MirrorState { inbox, .. } in mirrors {
                inbox.post(InboxItem { channel: self.id, news: Update::Event(seq, Arc::clone(&event)) });
            }
            if self.crowds(&state) {
                self.crowded.store(true, Ordering::SeqCst);
            }
        }
        Some(Ok(outcome))
    }

    /// Counts one more follower, of a thread that has no mirror yet: events from now on come to `inbox`. Returns a mirror that
    /// is empty behind the newest event: what is older is copied once somebody asks for it. `None` where the channel has been
    /// reaped; an error where there is no memory for the mirror.
    pub(super) fn mirror(
        &self,
        inbox: &Arc<Inbox>,
        bytes: usize,
        events: usize,
    ) -> Option<Result<(HostLog, Arc<Progress>), OpenError>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_dead() {
            return None;
        }
        // Memory that nothing was written to costs nothing.
        let log = match EventLog::after(vec![0; bytes].into(), events, state.log().newest_id()) {
            Ok(log) => log,
            Err(_) => return Some(Err(OpenError::TooManyChannels)),
        };
        let size = LOG + state.usage.written;
        if !state.usage.reserved.try_grow(size) {
            return Some(Err(OpenError::TooManyFollowers));
        }
        let progress = Arc::new(Progress::new());
        state.mirrors.push(MirrorState { inbox: Arc::clone(inbox), progress: Arc::clone(&progress) });
        self.followers.fetch_add(1, Ordering::SeqCst);
        Some(Ok((log, progress)))
    }

    /// Brings a mirror up to date: what it misses is copied, or the whole log where that is not kept any more. Returns whether
    /// the mirror is a copy of the whole log now, bit by bit.
    pub(super) fn update(&self, mirror: &mut HostLog) -> bool {
        if mirror.newest() >= self.newest.load(Ordering::SeqCst) {
            return false;
        }
        update(self.state.lock().unwrap_or_else(PoisonError::into_inner).log(), mirror)
    }

    /// The place of a reader that follows, and its mirror brought up to date for it. The second value is as in
    /// [`Master::update`].
    pub(super) fn place(&self, mirror: &mut HostLog, position: Position, policy: GapPolicy) -> (Cursor, bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = update(state.log(), mirror);
        let placed = state.log().seek(position, policy);
        if placed.after < mirror.before_oldest() {
            mirror.clone_from(state.log());
            whole = true;
        }
        (placed, whole)
    }

    /// Copies the whole log to a mirror that does not keep the event after `after`, if this log does. Returns whether it did.
    pub(super) fn recover(&self, mirror: &mut HostLog, after: u64) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let keeps = after >= state.log().before_oldest();
        if keeps {
            mirror.clone_from(state.log());
        }
        keeps
    }

    /// The place of a reader that does not follow, and a copy of the events from there on: at least one if there is one, else
    /// as many as `events` and `bytes` permit. Where `memory` is short the copy has one event, then none: the reader's cursor stays
    /// before what it was not given.
    pub(super) fn read(
        &self,
        position: Position,
        policy: GapPolicy,
        events: usize,
        bytes: usize,
        memory: &Memory,
    ) -> (Cursor, Option<Snapshot>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let placed = state.log().seek(position, policy);
        let measure = |events: usize| {
            let (mut count, mut size) = (0usize, 0usize);
            while count < events
                && let Some((_, event)) = state.log().event(placed.after + 1 + count as u64)
                && (count == 0 || size + event.len() <= bytes)
            {
                count += 1;
                size += RECORD_OVERHEAD + event.len();
            }
            (count, size)
        };
        // An empty log has one slot, and room for a record without data.
        let storage = |(count, size): (usize, usize)| size.max(RECORD_OVERHEAD + 1) + count.max(1) * SLOT_SIZE;
        let mut wanted = measure(events.max(1));
        let mut reserved = memory.reserve(storage(wanted));
        if reserved.is_none() {
            wanted = measure(1);
            reserved = memory.reserve_for(storage(wanted), Use::First);
        }
        if reserved.is_none() {
            wanted = (0, 0);
        }
        let (count, storage) = (wanted.0, vec![0; storage(wanted)]);
        let copy = EventLog::after(storage.into(), count.max(1), EventId { epoch: self.epoch, seq: placed.after });
        let copy = copy.ok().map(|mut log| {
            while log.newest() < placed.after + count as u64 && log.append_next_of(state.log()) {}
            Snapshot { log, _reserved: reserved }
        });
        (placed, copy)
    }

    /// The sequence number of its newest event.
    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// The number by which threads know it.
    pub(super) fn id(&self) -> ChannelId {
        self.id
    }

    /// The epoch of its log.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Reaps the channel if nobody has used it since `before`, and says whether it did.
    pub(super) fn reap(&self, before: u64) -> bool {
        // In the lock, so that a channel is either reaped or followed.
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = self.followers.load(Ordering::SeqCst) == 0 && self.last_used.load(Ordering::Relaxed) < before;
        if idle {
            self.dead.store(true, Ordering::SeqCst);
        }
        idle
    }

    /// Returns once every publication that has begun is in the inboxes.
    pub(super) fn settle(&self) {
        drop(self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// When it was last used, in seconds of the registry's clock; `None` while it is followed.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let unfollowed = self.followers.load(Ordering::SeqCst) == 0;
        unfollowed.then(|| self.last_used.load(Ordering::Relaxed))
    }

    pub(super) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    /// Counts one more follower, of a thread that mirrors it: so the channel has one already and is not reaped.
    pub(super) fn follow(&self) {
        self.followers.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts one follower less, who has used the channel until now.
    pub(super) fn unfollow(&self, now: u64) {
        self.touch(now);
        self.followers.fetch_sub(1, Ordering::SeqCst);
    }

    /// The same for the last follower of a thread: nothing comes to `inbox` any more.
    pub(super) fn leave(&self, inbox: &Arc<Inbox>, now: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.mirrors.len();
        state.mirrors.retain(|mirrored| !Arc::ptr_eq(&mirrored.inbox, inbox));
        let left = (before - state.mirrors.len()) * (LOG + state.usage.written);
        state.usage.reserved.shrink(left);
        self.unfollow(now);
        self.look_again(&mut state);
    }

    /// Whether nothing has been published in it and nobody follows it.
    pub(super) fn is_unused(&self) -> bool {
        self.newest() == 0 && self.followers.load(Ordering::SeqCst) == 0
    }

    /// Reaps the channel if it is unused, and says whether it did.
    pub(super) fn discard(&self) -> bool {
        // In the lock, so that a channel is either discarded or followed or published in.
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_unused() && !self.dead.swap(true, Ordering::SeqCst)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

/// Publishing waits for followers.
impl Master {
    /// Whether the next event may overwrite one that a follower has not taken yet.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::SeqCst)
    }

    /// Looks again whether there is room for an event; if there is none, wakes `publisher` once that has changed.
    pub(super) fn wait_for_room(&self, publisher: &Waker) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.publishers.iter().any(|waiting| waiting.will_wake(publisher)) {
            state.publishers.push(publisher.clone());
        }
        self.look_again(&mut state);
    }

    /// The followers of a thread have taken what was awaited.
    pub(super) fn followers_took(&self) {
        self.look_again(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Stops waiting for the followers that are behind now.
    pub(super) fn ignore_slow_followers(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = state.log().newest();
        for MirrorState { inbox, progress } in &state.mirrors {
            let taken = progress.taken.load(Ordering::SeqCst);
            if taken < newest {
                // Until the thread reports again, its other followers count as having taken what there is, so that it has a log's
                // worth of events to report in. One that has not reported since the last time is not waited for.
                let has_reported = progress.given_up.fetch_max(newest, Ordering::SeqCst) == 0;
                let assumed = if has_reported { newest } else { NOBODY };
                // What it reports meanwhile is newer.
                let _ = progress.taken.compare_exchange(taken, assumed, Ordering::SeqCst, Ordering::SeqCst);
                inbox.post(InboxItem { channel: self.id, news: Update::Awaited });
            }
        }
        self.look_again(&mut state);
    }

    /// Whether the next event may overwrite one that a follower has not taken yet.
    fn crowds(&self, state: &State) -> bool {
        let taken = state.mirrors.iter().map(|mirrored| mirrored.progress.taken.load(Ordering::SeqCst)).min();
        taken.is_some_and(|taken| !self.has_room(state.log(), taken))
    }

    /// Whether an event of up to half the log overwrites none that follows `taken`. [`NOBODY`] is after every event.
    fn has_room(&self, log: &HostLog, taken: u64) -> bool {
        log.newest().saturating_sub(taken) < self.most_untaken && log.has_space(taken, log.largest_event() / 2)
    }

    /// Wakes the publishers if there is room now, else asks the threads that are behind to say when they are not.
    fn look_again(&self, state: &mut State) {
        // A thread may tell its progress meanwhile: then no thread is behind, and there is another look.
        let mut asked = false;
        while !asked {
            if !self.crowds(state) {
                self.crowded.store(false, Ordering::SeqCst);
                state.publishers.drain(..).for_each(Waker::wake);
                return;
            }
            if state.publishers.is_empty() {
                return;
            }
            // Half of the log at once, so that publishers and readers do not take turns event by event.
            let mut awaited = state.log().newest() - state.log().kept() as u64 / 2;
            while !self.has_room(state.log(), awaited) {
                awaited += 1;
            }
            for MirrorState { inbox, progress } in &state.mirrors {
                if progress.taken.load(Ordering::SeqCst) >= awaited {
                    continue;
                }
                asked = true;
                if progress.awaited.load(Ordering::SeqCst) < awaited {
                    progress.awaited.store(awaited, Ordering::SeqCst);
                    inbox.post(InboxItem { channel: self.id, news: Update::Awaited });
                }
            }
        }
    }
}

impl State {
    fn log(&self) -> &HostLog {
        self.channel.log()
    }
}

impl Usage {
    /// Reserves the memory that one more record of `size` bytes writes to first, here and in each mirror; `false` where that is
    /// past the bound.
    fn reserve_for(&mut self, size: usize, log: &HostLog, mirrors: usize) -> bool {
        let most = log.largest_event() + RECORD_OVERHEAD;
        if self.written >= most || size > most {
            return true;
        }
        self.appended = self.appended.saturating_add(size);
        while self.written < self.appended.min(most) {
            if !self.reserved.try_grow(STEP * (1 + mirrors)) {
                self.appended -= size;
                return false;
            }
            self.written += STEP;
        }
        true
    }
}

/// Brings a mirror up to date, and says whether it is a copy of the whole log for that.
fn update(log: &HostLog, mirror: &mut HostLog) -> bool {
    while mirror.newest() < log.newest() {
        if !mirror.append_next_of(log) {
            mirror.clone_from(log);
            return true;
        }
    }
    false
}
