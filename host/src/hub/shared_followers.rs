//! The followers of a channel that read the master log itself, on any thread.

use std::task::Waker;

use slab::Slab;

/// The `read_to` of a thread or a follower that publishers do not wait for.
pub(super) const NOT_AWAITED: u64 = u64::MAX;

/// The followers that have no thread of the server. The lock of the master guards them.
#[derive(Default)]
pub(super) struct SharedFollowers {
    followers: Slab<SharedFollower>,
    /// Publishers wait until these followers have read up to this sequence number; 0: no publisher waits.
    awaited: u64,
}

struct SharedFollower {
    /// The waker of a task that waits for events.
    waker: Option<Waker>,
    /// The sequence number of the last event that it has read, or [`NOT_AWAITED`].
    read_to: u64,
}

impl SharedFollowers {
    /// Adds a follower, and returns its key. Publishers wait for it once it has caught up.
    pub(super) fn insert(&mut self) -> usize {
        self.followers.insert(SharedFollower { waker: None, read_to: NOT_AWAITED })
    }

    pub(super) fn remove(&mut self, key: usize) {
        self.followers.remove(key);
    }

    /// Stores the waker of a follower that has read all events up to `after`.
    pub(super) fn wait(&mut self, key: usize, waker: &Waker, after: u64) {
        let Some(follower) = self.followers.get_mut(key) else { return };
        match &mut follower.waker {
            Some(stored) => stored.clone_from(waker),
            None => follower.waker = Some(waker.clone()),
        }
        if follower.read_to == NOT_AWAITED {
            follower.read_to = after;
        }
    }

    /// A follower has read up to `after`. Returns whether publishers have waited for that.
    pub(super) fn record_read(&mut self, key: usize, after: u64) -> bool {
        let Some(follower) = self.followers.get_mut(key) else { return false };
        let before = follower.read_to;
        // [`NOT_AWAITED`] is above every sequence number.
        if before >= after {
            return false;
        }
        follower.read_to = after;
        before < self.awaited && after >= self.awaited
    }

    /// Requests a call of [`SharedFollowers::record_read`] that returns `true` once a follower has read up to `awaited`. Returns
    /// whether there is a follower that has not.
    pub(super) fn request(&mut self, awaited: u64) -> bool {
        self.awaited = awaited;
        self.followers.iter().any(|(_, follower)| follower.read_to < awaited)
    }

    /// No publisher waits any more.
    pub(super) fn clear_request(&mut self) {
        self.awaited = 0;
    }

    /// Publishers no longer wait for the followers that have not read up to `newest`, until these have caught up.
    pub(super) fn ignore_slow(&mut self, newest: u64) {
        for (_, follower) in &mut self.followers {
            if follower.read_to < newest {
                follower.read_to = NOT_AWAITED;
            }
        }
    }

    /// The sequence number up to which every awaited follower has read; `None` without a follower.
    pub(super) fn read_to(&self) -> Option<u64> {
        self.followers.iter().map(|(_, follower)| follower.read_to).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.followers.is_empty()
    }

    /// Takes the wakers of the followers that wait. The caller wakes them without the lock.
    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        self.followers.iter_mut().filter_map(|(_, follower)| follower.waker.take()).collect()
    }
}
