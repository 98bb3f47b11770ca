//! A thread's logs and its readers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use goldcrest_core::hub::{ChannelName, Channels, OpenError, Publication, PublishError, Published, Reader};
use goldcrest_core::log::{GapPolicy, Look, Placed, Position, Source};
use slab::Slab;

use super::master::{Event, HostLog, Master, News, Posted};
use super::{Hub, Inbox};

/// The hub as one thread sees it: what connections of this thread read from and publish to. A clone is the same.
#[derive(Clone)]
pub struct ThreadHub {
    inner: Rc<Inner>,
}

struct Inner {
    hub: Hub,
    inbox: Arc<Inbox>,
    /// By the channel's name.
    mirrors: RefCell<HashMap<Box<str>, Rc<Mirror>>>,
    /// By the master's address, for what the inbox brings.
    by_master: RefCell<HashMap<*const Master, Rc<Mirror>>>,
    taken: RefCell<Vec<Posted>>,
}

pub(super) struct Mirror {
    master: Arc<Master>,
    log: RefCell<HostLog>,
    /// Those that follow, each with its waker while it waits.
    followers: RefCell<Slab<Option<Waker>>>,
}

impl ThreadHub {
    pub(crate) fn new(hub: Hub, inbox: Arc<Inbox>) -> Self {
        let inner =
            Inner { hub, inbox, mirrors: RefCell::default(), by_master: RefCell::default(), taken: RefCell::default() };
        Self { inner: Rc::new(inner) }
    }

    /// The hub of all threads.
    pub fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    /// Appends what other threads have published to the mirrors of this one, and wakes their readers.
    pub(crate) fn take_in(&self) {
        let mut taken = self.inner.taken.borrow_mut();
        self.inner.inbox.take(&mut taken);
        if taken.is_empty() {
            return;
        }
        let mut by_master = self.inner.by_master.borrow_mut();
        let mut moved: Option<Rc<Mirror>> = None;
        for Posted { master, news } in taken.drain(..) {
            let key = Arc::as_ptr(&master);
            let Some(mirror) = by_master.get(&key) else { continue };
            match news {
                News::Event(seq, event) => mirror.append(seq, &event),
                News::Moved => mirror.catch_up(),
                News::Reaped => {
                    // Whoever still reads it keeps it for as long.
                    self.inner.mirrors.borrow_mut().retain(|_, other| !Rc::ptr_eq(other, mirror));
                    by_master.remove(&key);
                    continue;
                }
            }
            if moved.as_ref().is_none_or(|moved| !Rc::ptr_eq(moved, mirror))
                && let Some(moved) = moved.replace(Rc::clone(mirror))
            {
                moved.wake();
            }
        }
        if let Some(moved) = moved {
            moved.wake();
        }
    }

    fn mirror(&self, channel: ChannelName<'_>) -> Result<Rc<Mirror>, OpenError> {
        // What has been published before this moment is to be seen: a client may come back with an id that another
        // thread gave it.
        self.take_in();
        let alive = |mirror: &&Rc<Mirror>| !mirror.master.is_dead();
        if let Some(mirror) = self.inner.mirrors.borrow().get(channel.as_str()).filter(alive) {
            mirror.master.touch(self.inner.hub.seconds());
            return Ok(Rc::clone(mirror));
        }
        let limits = self.inner.hub.limits();
        loop {
            let master = self.inner.hub.master(channel)?;
            let Some(log) = master.mirror(&self.inner.inbox, limits.bytes, limits.events) else { continue };
            master.touch(self.inner.hub.seconds());
            let mirror = Mirror { master, log: RefCell::new(log), followers: RefCell::default() };
            let mirror = Rc::new(mirror);
            let key = Arc::as_ptr(&mirror.master);
            self.inner.by_master.borrow_mut().insert(key, Rc::clone(&mirror));
            self.inner.mirrors.borrow_mut().insert(channel.as_str().into(), Rc::clone(&mirror));
            return Ok(mirror);
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

    /// Takes the log from the master. Readers whose next event it does not keep any more are told so, as ever.
    fn catch_up(&self) {
        *self.log.borrow_mut() = self.master.copy();
    }

    fn wake(&self) {
        for (_, follower) in self.followers.borrow_mut().iter_mut() {
            if let Some(waker) = follower.take() {
                waker.wake();
            }
        }
    }
}

impl Channels for ThreadHub {
    type Reader<'a> = ThreadReader;

    fn open(&self, channel: ChannelName<'_>, following: bool) -> Result<ThreadReader, OpenError> {
        loop {
            let mirror = self.mirror(channel)?;
            if following && !mirror.master.follow() {
                continue;
            }
            let place = following.then(|| mirror.followers.borrow_mut().insert(None));
            return Ok(ThreadReader { hub: self.clone(), mirror, place });
        }
    }

    fn publish(&self, channel: ChannelName<'_>, publication: &Publication<'_>) -> Result<Published, PublishError> {
        self.inner.hub.publish_event(channel, publication)
    }

    fn publish_from(
        &self,
        channel: ChannelName<'_>,
        publication: &Publication<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Published, PublishError> {
        self.inner.hub.publish_from(channel, publication, peer)
    }

    fn gap_policy(&self, _channel: ChannelName<'_>) -> GapPolicy {
        self.inner.hub.limits().gap_policy
    }
}

/// A reader of a channel, on its thread.
pub struct ThreadReader {
    hub: ThreadHub,
    pub(super) mirror: Rc<Mirror>,
    place: Option<usize>,
}

impl Source for ThreadReader {
    fn epoch(&self) -> u32 {
        self.mirror.log.borrow().epoch()
    }

    fn newest(&self) -> u64 {
        self.mirror.log.borrow().newest()
    }

    fn place(&self, position: Position, policy: GapPolicy) -> Placed {
        self.mirror.log.borrow().place(position, policy)
    }

    fn look(&self, after: u64, offset: usize, into: &mut [u8]) -> Look {
        self.mirror.log.borrow().look(after, offset, into)
    }
}

impl Reader for ThreadReader {
    fn poll_moved(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()> {
        if self.newest() > after {
            return Poll::Ready(());
        }
        let mut followers = self.mirror.followers.borrow_mut();
        if let Some(follower) = self.place.and_then(|place| followers.get_mut(place)) {
            match follower {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *follower = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

impl Drop for ThreadReader {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.mirror.followers.borrow_mut().remove(place);
            self.mirror.master.unfollow(self.hub.hub().seconds());
        }
    }
}
