//! A channel's master log.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use goldcrest_core::hub::{IDEMPOTENCY_KEYS, Publication, PublishError, Published};
use goldcrest_core::log::{AppendError, Encoding, EventId, EventLog, EventType, IdempotencyKeys, Lookup, NewLogError};

use super::registry::Inbox;

/// A log that owns its memory.
pub(super) type HostLog = EventLog<Box<[u8]>>;

/// A channel.
pub(super) struct Master {
    state: Mutex<State>,
    /// Readers that follow, on all threads.
    followers: AtomicUsize,
    /// When it was last published to or opened, in seconds of the registry's clock.
    last_used: AtomicU64,
    /// It has been reaped: whoever holds it still looks its name up again.
    dead: AtomicBool,
}

struct State {
    log: HostLog,
    keys: IdempotencyKeys<IDEMPOTENCY_KEYS>,
    /// The threads that mirror the log.
    mirrors: Vec<Arc<Inbox>>,
}

/// News on its way to a mirror.
pub(super) struct Posted {
    pub(super) master: Arc<Master>,
    pub(super) news: News,
}

/// What a mirror is told of its master.
pub(super) enum News {
    /// An event with this sequence number was appended.
    Event(u64, Arc<Event>),
    /// Events were appended that are not on their way: they stand in the master.
    Moved,
    /// The channel has been reaped.
    Reaped,
}

/// An event that several threads append.
pub(super) struct Event {
    event_type: Box<str>,
    encoding: Encoding,
    data: Box<[u8]>,
}

impl Event {
    /// Bytes that it takes on its way.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.event_type.len() + self.data.len()
    }

    /// Appends it to a mirror, where it gets the id that it has in the master.
    pub(super) fn append_to(&self, log: &mut HostLog) -> Result<(), AppendError> {
        let event_type = EventType::new(&self.event_type).unwrap_or_default();
        log.append(event_type, self.encoding, &self.data).map(drop)
    }
}

impl Master {
    pub(super) fn new(bytes: usize, events: usize, epoch: u32, now: u64) -> Result<Self, NewLogError> {
        let state = State {
            log: EventLog::new(vec![0; bytes].into(), events, epoch)?,
            keys: IdempotencyKeys::default(),
            mirrors: Vec::new(),
        };
        Ok(Self {
            state: Mutex::new(state),
            followers: AtomicUsize::new(0),
            last_used: AtomicU64::new(now),
            dead: AtomicBool::new(false),
        })
    }

    /// Appends an event and posts it to the mirrors; `None` where the channel has been reaped meanwhile.
    pub(super) fn publish(
        self: &Arc<Self>,
        publication: &Publication<'_>,
        client: u16,
        now: u64,
        draining: &AtomicBool,
    ) -> Option<Result<Published, PublishError>> {
        let Publication { event_type, encoding, data, .. } = *publication;
        // Outside the lock: it reads all of the data.
        let key = publication.key_digest();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_dead() {
            return None;
        }
        if draining.load(Ordering::SeqCst) {
            return Some(Err(PublishError::Draining));
        }
        self.last_used.store(now, Ordering::Relaxed);
        let State { log, keys, mirrors } = &mut *state;
        let followers = self.followers.load(Ordering::SeqCst);
        match key.map(|key| keys.lookup(key)) {
            Some(Lookup::Known(seq)) => {
                let id = EventId { seq, ..log.newest_id() };
                return Some(Ok(Published { id, followers, repeated: true }));
            }
            Some(Lookup::Conflict) => return Some(Err(PublishError::KeyReused)),
            Some(Lookup::New) | None => {}
        }
        let id = match log.append(event_type, encoding, data) {
            Ok(id) => id,
            Err(error) => return Some(Err(error.into())),
        };
        if let Some(key) = key {
            keys.remember(key, client, id.seq);
        }
        if !mirrors.is_empty() {
            let event = Event { event_type: event_type.as_str().into(), encoding, data: data.into() };
            let event = Arc::new(event);
            // In the lock, so that every mirror sees the events in their order.
            for inbox in mirrors {
                inbox.post(Posted { master: Arc::clone(self), news: News::Event(id.seq, Arc::clone(&event)) });
            }
        }
        Some(Ok(Published { id, followers, repeated: false }))
    }

    /// A mirror as it stands now; events after that come to `inbox`. `None` where the channel has been reaped.
    pub(super) fn mirror(&self, inbox: &Arc<Inbox>, bytes: usize, events: usize) -> Option<HostLog> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_dead() {
            return None;
        }
        state.mirrors.push(Arc::clone(inbox));
        // Memory that nothing was written to costs nothing: of an empty log nothing is copied.
        let fresh = if state.log.kept() == 0 {
            EventLog::after(vec![0; bytes].into(), events, state.log.newest_id()).ok()
        } else {
            None
        };
        Some(fresh.unwrap_or_else(|| state.log.clone()))
    }

    /// The log as it stands now, for a mirror that has missed something.
    pub(super) fn copy(&self) -> HostLog {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).log.clone()
    }

    /// The epoch of its log.
    pub(super) fn epoch(&self) -> u32 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).log.newest_id().epoch
    }

    /// Reaps the channel if nobody has used it since `before`, and says whether it did.
    pub(super) fn reap(self: &Arc<Self>, before: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = self.followers.load(Ordering::SeqCst) == 0 && self.last_used.load(Ordering::Relaxed) < before;
        if idle {
            self.dead.store(true, Ordering::SeqCst);
            for inbox in state.mirrors.drain(..) {
                inbox.post(Posted { master: Arc::clone(self), news: News::Reaped });
            }
        }
        idle
    }

    /// Returns once every publication that has begun is in the inboxes.
    pub(super) fn settle(&self) {
        drop(self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    /// Counts one more follower; not where the channel has been reaped, which says `false`.
    pub(super) fn follow(&self) -> bool {
        // In the lock, so that a channel is either reaped or followed.
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_dead() {
            return false;
        }
        self.followers.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// Counts one follower less, who has used the channel until now.
    pub(super) fn unfollow(&self, now: u64) {
        self.touch(now);
        self.followers.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}
