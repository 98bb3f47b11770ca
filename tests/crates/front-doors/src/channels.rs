//! Channels with a history, ids, gaps and withdrawal: what a hub of one's own needs at least.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

/// Events that a channel keeps.
const KEPT: usize = 1024;

/// Channels at most.
const CHANNELS: usize = 1024;

pub(crate) struct Channels {
    epoch: u32,
    by_name: Mutex<HashMap<String, Channel>>,
    /// Identities whose streams end. An empty one: all.
    withdrawn: broadcast::Sender<String>,
}

struct Channel {
    events: VecDeque<Arc<str>>,
    /// The sequence number of the newest event.
    newest: watch::Sender<u64>,
}

/// A reader with its position and the end of its session.
pub(crate) struct Reader {
    epoch: u32,
    after: u64,
    newest: watch::Receiver<u64>,
    withdrawn: broadcast::Receiver<String>,
    identity: String,
    end: Instant,
    ended: bool,
}

pub(crate) enum Item {
    Event { id: String, data: Arc<str> },
    Gap { id: String },
    End(&'static str),
}

/// Where a reader begins.
pub(crate) enum Start<'s> {
    Oldest,
    Newest,
    After(&'s str),
}

impl Channels {
    pub(crate) fn new() -> io::Result<Self> {
        let epoch = getrandom::u32().map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { epoch, by_name: Mutex::default(), withdrawn: broadcast::channel(64).0 })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel of this name, created if there is none. A channel without history and readers makes room for another.
    fn with<T>(&self, name: &str, f: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        let mut channels = self.lock();
        if !channels.contains_key(name) {
            if channels.len() >= CHANNELS {
                channels.retain(|_, channel| !channel.events.is_empty() || channel.newest.receiver_count() > 0);
            }
            if channels.len() >= CHANNELS {
                return None;
            }
            let channel = Channel { events: VecDeque::new(), newest: watch::channel(0).0 };
            channels.insert(name.into(), channel);
        }
        channels.get_mut(name).map(f)
    }

    /// Publishes an event; `None` where there are too many channels.
    pub(crate) fn publish(&self, name: &str, data: &str) -> Option<String> {
        self.with(name, |channel| {
            if channel.events.len() == KEPT {
                channel.events.pop_front();
            }
            channel.events.push_back(data.into());
            channel.newest.send_modify(|newest| *newest += 1);
            self.id(*channel.newest.borrow())
        })
    }

    pub(crate) fn reader(&self, name: &str, start: Start<'_>, identity: String, left: Duration) -> Option<Reader> {
        self.with(name, |channel| {
            let newest = channel.newest.subscribe();
            let after = match start {
                Start::Oldest => *newest.borrow() - channel.events.len() as u64,
                Start::Newest => *newest.borrow(),
                // An id of another run of the program is before all events.
                Start::After(id) => self.seq(id).filter(|seq| *seq <= *newest.borrow()).unwrap_or(0),
            };
            let withdrawn = self.withdrawn.subscribe();
            Reader { epoch: self.epoch, after, newest, withdrawn, identity, end: Instant::now() + left, ended: false }
        })
    }

    /// The next item of the reader; `None` at its end.
    pub(crate) async fn next(&self, name: &str, reader: &mut Reader) -> Option<Item> {
        while !reader.ended {
            if let Some(item) = self.with(name, |channel| reader.read(channel)).flatten() {
                return Some(item);
            }
            tokio::select! {
                changed = reader.newest.changed() => reader.ended = changed.is_err(),
                identity = reader.withdrawn.recv() => match identity {
                    Ok(identity) if identity == reader.identity => {
                        reader.ended = true;
                        return Some(Item::End("withdrawn"));
                    }
                    Ok(identity) => reader.ended = identity.is_empty(),
                    // A message was missed, which may have been this one: the client reconnects, and is asked for its session.
                    Err(_) => reader.ended = true,
                },
                () = sleep_until(reader.end) => {
                    reader.ended = true;
                    return Some(Item::End("expired"));
                }
            }
        }
        None
    }

    pub(crate) fn withdraw(&self, identity: String) {
        let _ = self.withdrawn.send(identity);
    }

    /// Ends all readers.
    pub(crate) fn shut_down(&self) {
        self.withdraw(String::new());
    }

    fn id(&self, seq: u64) -> String {
        format!("{:08x}-{seq}", self.epoch)
    }

    fn seq(&self, id: &str) -> Option<u64> {
        let (epoch, seq) = id.split_once('-')?;
        (u32::from_str_radix(epoch, 16) == Ok(self.epoch)).then(|| seq.parse().ok())?
    }
}

impl Reader {
    fn read(&mut self, channel: &Channel) -> Option<Item> {
        let newest = *self.newest.borrow_and_update();
        let oldest = newest - channel.events.len() as u64;
        let id = |seq| format!("{:08x}-{seq}", self.epoch);
        if self.after < oldest {
            self.after = oldest;
            return Some(Item::Gap { id: id(oldest) });
        }
        let data = channel.events.get(usize::try_from(self.after - oldest).ok()?)?;
        self.after += 1;
        Some(Item::Event { id: id(self.after), data: Arc::clone(data) })
    }
}
