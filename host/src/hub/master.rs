//! A channel and its master log.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use goldcrest_core::hub::{ChannelLog, NewEvent, OpenError, PublishError, PublishOutcome};
use goldcrest_core::log::{
    Cursor, EventId, EventLog, GapPolicy, LogReader, NewLogError, Position, RECORD_OVERHEAD, ReadEvent, SLOT_SIZE,
};

use super::channel_stats::ChannelStats;
use super::event::{ChannelId, Event, HostLog};
use super::inbox::{Inbox, InboxItem, Update};
use super::shared_followers::{NOT_AWAITED, SharedFollowers};
use crate::counters::TRANSPORTS;
use crate::memory::{Memory, Reserved, Use};
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering, PoisonError};

/// The name of a channel, in memory that the registry and all readers share.
pub(super) type Name = std::sync::Arc<str>;

/// A channel of all threads.
pub(super) struct Master {
    id: ChannelId,
    name: Name,
    state: Mutex<State>,
    epoch: AtomicU32,
    /// Publishers wait while a follower has so many unread events. A quarter of the log remains free for concurrent publishers,
    /// since a thread checks first and publishes later.
    max_unread: u64,
    /// The sequence number of the newest event. It is stored before the event is posted to any thread, so that no client has an id
    /// above it.
    newest: AtomicU64,
    /// The next event may overwrite one that a follower has not read yet. It is read without the lock.
    congested: AtomicBool,
    /// The number of followers, on all threads.
    followers: AtomicUsize,
    /// How many of them serve each transport, in the order of [`TRANSPORTS`].
    readers: [AtomicUsize; TRANSPORTS.len()],
    /// The time of the last publish or open, in seconds of the registry's clock.
    last_used: AtomicU64,
    /// It has been reaped: a thread that has a reference looks its name up again.
    reaped: AtomicBool,
}

struct State {
    channel: ChannelLog<Box<[u8]>>,
    /// The threads with a follower: each has a mirror of the log.
    mirrors: Vec<MirrorState>,
    /// The followers that read this log.
    shared: SharedFollowers,
    /// Tasks that wait to publish.
    publishers: Vec<Waker>,
    usage: Usage,
}

/// The memory that the log and its mirrors use.
struct Usage {
    /// Bytes of the log's memory that have been written to, in steps of [`STEP`]. The system has not yet backed the rest.
    written: usize,
    /// Bytes of the records so far, until `written` is all of the log.
    appended: usize,
    /// The reservation of the log and its mirrors. No mirror has written to more than the log.
    reserved: Reserved,
}

/// Bytes of a log beside its records, about.
pub(super) const LOG_OVERHEAD: usize = 8 * 1024;

/// Bytes by which the reservation for records grows.
const STEP: usize = 16 * 1024;

/// The mirror of a thread, as the master knows it.
struct MirrorState {
    inbox: Arc<Inbox>,
    progress: Arc<Progress>,
}

/// How far the followers of one thread have read, as the thread reports it to publishers.
pub(super) struct Progress {
    /// Every awaited follower has read up to this sequence number; [`NOT_AWAITED`] where there is no such follower. The value may
    /// lag: the thread updates it after new events, and when `awaited` is reached.
    pub(super) read_to: AtomicU64,
    /// Publishers wait until the followers have read up to this sequence number; 0: no publisher waits.
    pub(super) awaited: AtomicU64,
    /// Publishers no longer wait for followers that have not read up to this sequence number; 0: no request.
    pub(super) ignored_to: AtomicU64,
}

impl Progress {
    fn new() -> Self {
        Self { read_to: AtomicU64::new(NOT_AWAITED), awaited: AtomicU64::new(0), ignored_to: AtomicU64::new(0) }
    }
}

/// The events of one response to a poll, and their memory.
pub(super) struct Snapshot {
    pub(super) log: HostLog,
    _reserved: Option<Reserved>,
}

impl Master {
    /// A channel without events, for which [`LOG_OVERHEAD`] bytes are reserved.
    pub(super) fn new(
        id: ChannelId,
        name: Name,
        bytes: usize,
        events: usize,
        epoch: u32,
        now: u64,
        reserved: Reserved,
    ) -> Result<Self, NewLogError> {
        let state = State {
            channel: ChannelLog::new(EventLog::new(vec![0; bytes].into(), events, epoch)?),
            mirrors: Vec::new(),
            shared: SharedFollowers::default(),
            publishers: Vec::new(),
            usage: Usage { written: 0, appended: 0, reserved },
        };
        Ok(Self {
            id,
            name,
            state: Mutex::new(state),
            epoch: AtomicU32::new(epoch),
            max_unread: (events - events / 4) as u64,
            newest: AtomicU64::new(0),
            congested: AtomicBool::new(false),
            followers: AtomicUsize::new(0),
            readers: Default::default(),
            last_used: AtomicU64::new(now),
            reaped: AtomicBool::new(false),
        })
    }

    /// Appends an event, posts it to the mirrors and wakes the shared followers; `None` where the channel has been reaped.
    pub(super) fn publish(
        &self,
        event: &NewEvent<'_>,
        client: u16,
        now: u64,
        shutting_down: &AtomicBool,
    ) -> Option<Result<PublishOutcome, PublishError>> {
        // Before the lock is taken, since it reads all of the data.
        let key = event.key_digest();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_reaped() {
            return None;
        }
        if shutting_down.load(Ordering::SeqCst) {
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
        let has_followers = !mirrors.is_empty() || !state.shared.is_empty();
        if !state.mirrors.is_empty() {
            let event = Arc::new(Event::new(event, Instant::now()));
            // Within the lock, so that every mirror gets the events in order.
            for MirrorState { inbox, .. } in &state.mirrors {
                inbox.post(InboxItem { channel: self.id, update: Update::Event(seq, Arc::clone(&event)) });
            }
        }
        if has_followers && self.would_overwrite_unread(&state) {
            self.congested.store(true, Ordering::SeqCst);
        }
        let wakers = state.shared.take_wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Some(Ok(outcome))
    }

    /// Adds a follower of a thread that has no mirror yet. Later events are posted to `inbox`. Returns an empty mirror that starts
    /// after the newest event: older events are copied once a reader needs them. `None` where the channel has been reaped; an
    /// error where there is no memory for the mirror.
    pub(super) fn mirror(
        &self,
        inbox: &Arc<Inbox>,
        bytes: usize,
        events: usize,
    ) -> Option<Result<(HostLog, Arc<Progress>), OpenError>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_reaped() {
            return None;
        }
        // Zeroed memory takes no pages until it is written to.
        let log = match EventLog::after(vec![0; bytes].into(), events, state.log().newest_id()) {
            Ok(log) => log,
            Err(_) => return Some(Err(OpenError::TooManyChannels)),
        };
        let size = LOG_OVERHEAD + state.usage.written;
        if !state.usage.reserved.try_grow(size) {
            return Some(Err(OpenError::TooManyFollowers));
        }
        let progress = Arc::new(Progress::new());
        state.mirrors.push(MirrorState { inbox: Arc::clone(inbox), progress: Arc::clone(&progress) });
        self.followers.fetch_add(1, Ordering::SeqCst);
        Some(Ok((log, progress)))
    }

    /// Copies the events that a mirror lacks, or the whole log where they have been overwritten. Returns whether it copied the whole
    /// log.
    pub(super) fn update(&self, mirror: &mut HostLog) -> bool {
        if mirror.newest() >= self.newest.load(Ordering::SeqCst) && mirror.epoch() == self.epoch() {
            return false;
        }
        update(self.state.lock().unwrap_or_else(PoisonError::into_inner).log(), mirror)
    }

    /// The cursor of a follower, for which the mirror is brought up to date. The second value is that of [`Master::update`].
    pub(super) fn seek(&self, mirror: &mut HostLog, position: Position, policy: GapPolicy) -> (Cursor, bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = update(state.log(), mirror);
        let cursor = state.log().seek(position, policy);
        if cursor.after < mirror.before_oldest() {
            mirror.clone_from(state.log());
            whole = true;
        }
        (cursor, whole)
    }

    /// Copies the whole log to a mirror that does not have the event after `after`, if this log has it. Returns whether it has.
    pub(super) fn recover(&self, mirror: &mut HostLog, after: u64) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let has_event = after >= state.log().before_oldest();
        if has_event {
            mirror.clone_from(state.log());
        }
        has_event
    }

    /// The cursor of a reader that does not follow, and a copy of the events after it: as many as `events` and `bytes` permit, and
    /// at least one if there is one. Where `memory` is scarce the copy has one event or none; the reader polls again for the rest.
    pub(super) fn read(
        &self,
        position: Position,
        policy: GapPolicy,
        events: usize,
        bytes: usize,
        memory: &Memory,
    ) -> (Cursor, Option<Snapshot>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = state.log().seek(position, policy);
        let measure = |events: usize| {
            let (mut count, mut size) = (0usize, 0usize);
            while count < events
                && let Some((_, event)) = state.log().event(cursor.after + 1 + count as u64)
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
        let copy =
            EventLog::after(storage.into(), count.max(1), EventId { epoch: state.log().epoch(), seq: cursor.after });
        let copy = copy.ok().map(|mut log| {
            while log.newest() < cursor.after + count as u64 && log.append_next_of(state.log()) {}
            Snapshot { log, _reserved: reserved }
        });
        (cursor, copy)
    }

    /// Adds a follower that reads this log, and returns its key. `None` where the channel has been reaped.
    pub(super) fn follow_shared(&self, now: u64) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_reaped() {
            return None;
        }
        self.touch(now);
        self.followers.fetch_add(1, Ordering::SeqCst);
        Some(state.shared.insert())
    }

    /// Removes a follower that reads this log.
    pub(super) fn unfollow_shared(&self, key: usize, now: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.shared.remove(key);
        self.unfollow(now);
        self.update_congestion(&mut state);
    }

    /// The cursor of a follower that reads this log.
    pub(super) fn seek_shared(&self, position: Position, policy: GapPolicy) -> Cursor {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).log().seek(position, policy)
    }

    /// Reads the event after `after` for a shared follower.
    pub(super) fn read_shared(&self, key: usize, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        // Without the lock: a follower reads until there is nothing more.
        if self.newest() <= after {
            return ReadEvent::Nothing;
        }
        self.read_shared_by(key, after, |log| log.read_at(after, offset, into))
    }

    /// Calls `read` with the log for a shared follower that has read up to `after`.
    pub(super) fn read_shared_by<T>(&self, key: usize, after: u64, read: impl FnOnce(&HostLog) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.shared.record_read(key, after) {
            self.update_congestion(&mut state);
        }
        read(state.log())
    }

    /// Ready once there is an event after `after`, or once `is_over`; else the shared follower is woken when that may have changed.
    pub(super) fn poll_shared(
        &self,
        key: usize,
        cx: &mut Context<'_>,
        after: u64,
        is_over: impl FnOnce() -> bool,
    ) -> Poll<()> {
        if self.newest() > after {
            return Poll::Ready(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Within the lock, so that a change after the check finds the waker.
        if self.newest() > after || is_over() {
            return Poll::Ready(());
        }
        let reported = state.shared.record_read(key, after);
        state.shared.wait(key, cx.waker(), after);
        if reported {
            self.update_congestion(&mut state);
        }
        Poll::Pending
    }

    /// The sequence number of its newest event.
    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// The number that identifies it on all threads.
    pub(super) fn id(&self) -> ChannelId {
        self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Counts a follower that serves a transport, by the index of [`TRANSPORTS`].
    pub(super) fn add_reader(&self, transport: usize) {
        if let Some(readers) = self.readers.get(transport) {
            readers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a follower of a transport less.
    pub(super) fn remove_reader(&self, transport: usize) {
        if let Some(readers) = self.readers.get(transport) {
            readers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Deletes the events of a channel with followers, and begins `epoch`. Sequence numbers continue, so that a follower that has read
    /// all events misses nothing, and any other is told how many it missed.
    pub(super) fn clear(&self, epoch: u32, bytes: usize, events: usize) -> Result<(), NewLogError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = EventId { epoch, seq: state.log().newest() };
        state.channel = ChannelLog::new(EventLog::after(vec![0; bytes].into(), events, last)?);
        self.epoch.store(epoch, Ordering::SeqCst);
        let mirrors = state.mirrors.len();
        state.usage.clear(mirrors);
        for MirrorState { inbox, .. } in &state.mirrors {
            inbox.post(InboxItem { channel: self.id, update: Update::NewEvents });
        }
        let wakers = state.shared.take_wakers();
        self.update_congestion(&mut state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Its statistics at `now`, in seconds of the registry's clock.
    pub(super) fn stats(&self, now: u64) -> ChannelStats {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let log = state.log();
        let newest = log.newest_id();
        let (events, bytes) = (log.kept(), log.used_bytes());
        drop(state);
        let readers: Vec<_> =
            TRANSPORTS.iter().zip(&self.readers).map(|(name, it)| (*name, it.load(Ordering::Relaxed))).collect();
        let followers = self.followers.load(Ordering::SeqCst);
        let idle = self.idle_since().map(|since| Duration::from_secs(now.saturating_sub(since)));
        ChannelStats { name: self.name.to_string(), newest, events, bytes, followers, readers, idle }
    }

    /// The number of events that its log keeps, and their bytes.
    pub(super) fn log_size(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.log().kept(), state.log().used_bytes())
    }

    /// Marks the channel as reaped if it has not been used since `before`, and returns whether it did.
    pub(super) fn reap(&self, before: u64) -> bool {
        // Within the lock, so that a channel is never both reaped and followed.
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = self.followers.load(Ordering::SeqCst) == 0 && self.last_used.load(Ordering::Relaxed) < before;
        if idle {
            self.reaped.store(true, Ordering::SeqCst);
        }
        idle
    }

    /// Returns once every event that is being published is in the inboxes. Wakes the shared followers.
    pub(super) fn finish_publishing(&self) {
        let wakers = self.state.lock().unwrap_or_else(PoisonError::into_inner).shared.take_wakers();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The time of its last use, in seconds of the registry's clock; `None` while it is followed.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let unfollowed = self.followers.load(Ordering::SeqCst) == 0;
        unfollowed.then(|| self.last_used.load(Ordering::Relaxed))
    }

    pub(super) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    /// Adds a follower of a thread that has a mirror: the channel has a follower already and is not reaped.
    pub(super) fn follow(&self) {
        self.followers.fetch_add(1, Ordering::SeqCst);
    }

    /// Removes a follower, which has used the channel until now.
    pub(super) fn unfollow(&self, now: u64) {
        self.touch(now);
        self.followers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Removes the last follower of a thread: no more events are posted to `inbox`.
    pub(super) fn remove_mirror(&self, inbox: &Arc<Inbox>, now: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.mirrors.len();
        state.mirrors.retain(|mirrored| !Arc::ptr_eq(&mirrored.inbox, inbox));
        let left = (before - state.mirrors.len()) * (LOG_OVERHEAD + state.usage.written);
        state.usage.reserved.shrink(left);
        self.unfollow(now);
        self.update_congestion(&mut state);
    }

    /// Whether it has neither events nor followers.
    pub(super) fn is_unused(&self) -> bool {
        self.newest() == 0 && self.followers.load(Ordering::SeqCst) == 0
    }

    /// Marks the channel as reaped if it is unused, and returns whether it did.
    pub(super) fn discard(&self) -> bool {
        // Within the lock, so that a discarded channel is neither followed nor published to.
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_unused() && !self.reaped.swap(true, Ordering::SeqCst)
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.reaped.load(Ordering::SeqCst)
    }
}

/// Flow control between publishers and followers.
impl Master {
    /// Whether the next event may overwrite one that a follower has not read yet.
    pub(super) fn is_congested(&self) -> bool {
        self.congested.load(Ordering::SeqCst)
    }

    /// Checks again whether the channel is congested. While it is, `publisher` is registered to be woken at its end.
    pub(super) fn register_publisher(&self, publisher: &Waker) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.publishers.iter().any(|waiting| waiting.will_wake(publisher)) {
            state.publishers.push(publisher.clone());
        }
        self.update_congestion(&mut state);
    }

    /// The followers of a thread have read the awaited events.
    pub(super) fn progress_reported(&self) {
        self.update_congestion(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Publishers no longer wait for the followers that are behind now.
    pub(super) fn ignore_slow_followers(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = state.log().newest();
        for MirrorState { inbox, progress } in &state.mirrors {
            let read_to = progress.read_to.load(Ordering::SeqCst);
            if read_to < newest {
                // Until the thread reports again, its other followers count as up to date: the thread has the time of a whole log
                // to report. A thread that has not reported since the previous request is not awaited.
                let has_reported = progress.ignored_to.fetch_max(newest, Ordering::SeqCst) == 0;
                let assumed = if has_reported { newest } else { NOT_AWAITED };
                // A concurrent report of the thread is newer, and stays.
                let _ = progress.read_to.compare_exchange(read_to, assumed, Ordering::SeqCst, Ordering::SeqCst);
                inbox.post(InboxItem { channel: self.id, update: Update::ProgressRequest });
            }
        }
        state.shared.ignore_slow(newest);
        self.update_congestion(&mut state);
    }

    /// Whether the next event may overwrite one that a follower has not read yet.
    fn would_overwrite_unread(&self, state: &State) -> bool {
        let mirrors = state.mirrors.iter().map(|mirrored| mirrored.progress.read_to.load(Ordering::SeqCst));
        let read_to = mirrors.chain(state.shared.read_to()).min();
        read_to.is_some_and(|read_to| !self.has_space(state.log(), read_to))
    }

    /// Whether an event of up to half the log overwrites none after `read_to`. [`NOT_AWAITED`] is after every event.
    fn has_space(&self, log: &HostLog, read_to: u64) -> bool {
        log.newest().saturating_sub(read_to) < self.max_unread && log.has_space(read_to, log.largest_event() / 2)
    }

    /// Wakes the publishers if there is space, else requests a report from the threads that are behind.
    fn update_congestion(&self, state: &mut State) {
        // If the threads report concurrently and none is behind any more, the check is repeated.
        let mut requested = false;
        while !requested {
            if !self.would_overwrite_unread(state) {
                self.congested.store(false, Ordering::SeqCst);
                state.shared.clear_request();
                state.publishers.drain(..).for_each(Waker::wake);
                return;
            }
            if state.publishers.is_empty() {
                return;
            }
            // Half of the log at once, so that publishers and followers do not alternate after each event.
            let mut awaited = state.log().newest() - state.log().kept() as u64 / 2;
            while !self.has_space(state.log(), awaited) {
                awaited += 1;
            }
            requested |= state.shared.request(awaited);
            for MirrorState { inbox, progress } in &state.mirrors {
                if progress.read_to.load(Ordering::SeqCst) >= awaited {
                    continue;
                }
                requested = true;
                if progress.awaited.load(Ordering::SeqCst) < awaited {
                    progress.awaited.store(awaited, Ordering::SeqCst);
                    inbox.post(InboxItem { channel: self.id, update: Update::ProgressRequest });
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
    /// The log is replaced by an empty one, and so is each of `mirrors` mirrors.
    fn clear(&mut self, mirrors: usize) {
        self.reserved.shrink(self.written * (1 + mirrors));
        (self.written, self.appended) = (0, 0);
    }

    /// Reserves the memory that another record of `size` bytes is the first to write to, in the log and in each mirror; `false`
    /// past the limit.
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

/// Copies the events that a mirror lacks. Returns whether it copied the whole log.
fn update(log: &HostLog, mirror: &mut HostLog) -> bool {
    if mirror.epoch() != log.epoch() {
        mirror.clone_from(log);
        return true;
    }
    while mirror.newest() < log.newest() {
        if !mirror.append_next_of(log) {
            mirror.clone_from(log);
            return true;
        }
    }
    false
}
