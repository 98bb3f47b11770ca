//! A reader on any thread and any executor.

use std::future::poll_fn;
use std::net::IpAddr;
use std::task::{Context, Poll, Waker};

use goldcrest_core::format::PollLimits;
use goldcrest_core::hub::{
    ChannelName, ChannelReader, HubBackend, MAX_CHANNEL_NAME, NamePolicy, NewEvent, OpenError, PublishError,
    PublishOutcome,
};
use goldcrest_core::log::{Cursor, Encoding, EventId, Gap, GapPolicy, LogReader, Position, ReadEvent};

use super::event::{HostLog, empty_log};
use super::master::{Master, Snapshot};
use super::registry::{ChannelLookup, Hub};
use crate::sync::{Arc, Mutex, PoisonError};

/// A reader of one channel, on any thread and any executor.
///
/// [`Hub::reader`] returns one. It starts after the newest event, with the gap policy of the hub; [`HubReader::start`] and
/// [`HubReader::gap_policy`] choose others. Then [`HubReader::next`] returns the events in order, and each gap between them. It is
/// also a `Stream` without end, for combinators.
///
/// A reader counts as a follower of its channel until it is dropped: the channel is not deleted meanwhile, and publishers that
/// wait for followers wait for it too.
///
/// ```
/// use goldcrest_host::core::log::Position;
/// use goldcrest_host::{ChannelLimits, EventType, Hub, ReaderItem};
///
/// let hub = Hub::new(ChannelLimits::default())?;
/// let mut reader = hub.reader("orders")?.start(Position::Oldest);
/// let consumer = std::thread::spawn(move || {
///     smol::block_on(async {
///         let mut orders = Vec::new();
///         while let Some(item) = reader.next().await {
///             match item {
///                 ReaderItem::Event(event) if event.event_type() == "end" => break,
///                 ReaderItem::Event(event) => orders.push(format!("{} {}", event.id.seq, event.text().unwrap_or("binary"))),
///                 ReaderItem::Gap(gap) => orders.push(format!("{:?} events are lost", gap.missed)),
///             }
///         }
///         orders
///     })
/// });
/// hub.publish("orders", EventType::MESSAGE, "2 teas")?;
/// hub.publish("orders", EventType::new("end")?, "")?;
/// assert_eq!(consumer.join().unwrap(), ["1 2 teas"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HubReader {
    hub: Hub,
    kind: Kind,
    /// The position of [`HubReader::next`].
    start: Position,
    policy: GapPolicy,
    cursor: Cursor,
    /// A gap was returned after which [`GapPolicy::Disconnect`] ends the reader.
    has_ended: bool,
}

enum Kind {
    /// A follower, by its key among the shared followers of the master.
    Following { master: Arc<Master>, key: usize },
    /// A reader that does not follow. Once it has a cursor it has a copy of the events of one response.
    Once { master: Arc<Master>, copy: Mutex<Option<Box<Snapshot>>> },
    /// A reader of a channel that does not exist: of the empty log that it would have.
    Absent { name: Box<str>, log: HostLog },
}

/// The next item of a [`HubReader`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderItem {
    /// An event.
    Event(OwnedEvent),
    /// Events before the next one that were overwritten, or that are unknown to this hub.
    Gap(Gap),
}

/// An event that was read from a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEvent {
    /// Its id, from which [`Position::After`] resumes.
    pub id: EventId,
    /// Whether its data is text, which is valid UTF-8.
    pub encoding: Encoding,
    /// The bytes of the type and of the data.
    bytes: Box<[u8]>,
    type_len: usize,
}

impl OwnedEvent {
    /// Its type; `message` where it was published without one.
    pub fn event_type(&self) -> &str {
        let name = self.bytes.get(..self.type_len).and_then(|name| str::from_utf8(name).ok());
        name.filter(|name| !name.is_empty()).unwrap_or("message")
    }

    /// Its data.
    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.type_len..).unwrap_or_default()
    }

    /// Its data as text; `None` for binary data.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(self.data()).ok().filter(|_| self.encoding == Encoding::Text)
    }
}

impl Hub {
    /// A reader of `channel`, which is created if there is none.
    ///
    /// # Errors
    /// [`OpenError::InvalidName`] by [`ChannelLimits::names`](crate::ChannelLimits::names); [`OpenError::TooManyChannels`].
    pub fn reader(&self, channel: &str) -> Result<HubReader, OpenError> {
        self.open(self.channel_name(channel)?, true, None)
    }
}

/// The hub for connections that run on any thread. One response to a poll has at most the events of [`PollLimits::default`].
impl HubBackend for Hub {
    type Reader<'a> = HubReader;
    type NameBuffer = [u8; MAX_CHANNEL_NAME];

    fn name_policy(&self) -> NamePolicy {
        self.limits().names
    }

    fn name_buffer(&self) -> Self::NameBuffer {
        [0; MAX_CHANNEL_NAME]
    }

    fn open(&self, channel: ChannelName<'_>, following: bool, peer: Option<IpAddr>) -> Result<HubReader, OpenError> {
        let kind = if following { self.follow(channel, peer)? } else { self.read_once(channel)? };
        let policy = self.limits().gap_policy;
        let cursor = Cursor { after: kind.newest(), gap: None };
        let start = Position::After(EventId { epoch: kind.epoch(), seq: cursor.after });
        Ok(HubReader { hub: self.clone(), kind, start, policy, cursor, has_ended: false })
    }

    fn publish(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError> {
        self.publish_event(channel, event, peer)
    }

    fn gap_policy(&self, _channel: ChannelName<'_>) -> GapPolicy {
        self.limits().gap_policy
    }
}

impl Hub {
    fn follow(&self, channel: ChannelName<'_>, peer: Option<IpAddr>) -> Result<Kind, OpenError> {
        loop {
            let master = self.find_or_create_for_follower(channel, peer)?;
            // A channel that was reaped meanwhile is looked up again.
            if let Some(key) = master.follow_shared(self.seconds()) {
                return Ok(Kind::Following { master, key });
            }
        }
    }

    fn read_once(&self, channel: ChannelName<'_>) -> Result<Kind, OpenError> {
        match self.find(channel) {
            ChannelLookup::Found(master) => {
                master.touch(self.seconds());
                Ok(Kind::Once { master, copy: Mutex::new(None) })
            }
            ChannelLookup::Missing { epoch } => {
                self.channel_name(channel.as_str())?;
                let log = empty_log(epoch)?;
                Ok(Kind::Absent { name: channel.as_str().into(), log })
            }
        }
    }
}

impl Kind {
    fn epoch(&self) -> u32 {
        match self {
            Self::Following { master, .. } | Self::Once { master, .. } => master.epoch(),
            Self::Absent { log, .. } => log.epoch(),
        }
    }

    fn newest(&self) -> u64 {
        match self {
            Self::Following { master, .. } => master.newest(),
            Self::Once { master, copy } => {
                let copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
                copy.as_ref().map_or_else(|| master.newest(), |copy| copy.log.newest())
            }
            Self::Absent { log, .. } => log.newest(),
        }
    }
}

impl HubReader {
    /// Starts at `position`, in place of the newest event at the time of [`Hub::reader`]. The next item is the gap before it, if
    /// there is one.
    #[must_use]
    pub fn start(mut self, position: Position) -> Self {
        self.start = position;
        self.restart();
        if position == Position::Newest {
            // Events that are published from now on are for this reader, even if its gap policy changes.
            self.start = Position::After(self.position());
        }
        self
    }

    /// Continues by `policy` where events are missing. With [`GapPolicy::Disconnect`] the reader ends after a gap that was not
    /// there at its start.
    #[must_use]
    pub fn gap_policy(mut self, policy: GapPolicy) -> Self {
        self.policy = policy;
        self.restart();
        self
    }

    fn restart(&mut self) {
        self.cursor = self.seek(self.start, self.policy);
    }

    /// The id of the last event that [`HubReader::next`] has returned or skipped: another reader resumes after it.
    pub fn position(&self) -> EventId {
        EventId { epoch: self.epoch(), seq: self.cursor.after }
    }

    /// The next item, once there is one. `None` at the end: the server of this hub shuts down and all events were read, or the
    /// reader has ended by [`GapPolicy::Disconnect`].
    ///
    /// Cancel-safe: a future that is dropped has consumed no item.
    pub async fn next(&mut self) -> Option<ReaderItem> {
        poll_fn(|cx| self.poll_next_item(cx)).await
    }

    /// The next item, if there is one now.
    pub fn try_next(&mut self) -> Option<ReaderItem> {
        match self.poll_next_item(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        }
    }

    /// As [`HubReader::next`], in the form of a future.
    pub(crate) fn poll_next_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<ReaderItem>> {
        loop {
            if let Some(gap) = self.cursor.gap.take() {
                return Poll::Ready(Some(ReaderItem::Gap(gap)));
            }
            if self.has_ended {
                return Poll::Ready(None);
            }
            match self.read_next() {
                NextEvent::Event(event) => {
                    self.cursor.after = event.id.seq;
                    return Poll::Ready(Some(ReaderItem::Event(event)));
                }
                NextEvent::Overwritten => {
                    self.cursor = self.seek(Position::After(self.position()), self.policy);
                    self.has_ended = self.policy == GapPolicy::Disconnect;
                }
                NextEvent::Nothing => {
                    let Kind::Following { master, key, .. } = &self.kind else { return Poll::Ready(None) };
                    let is_over = || self.hub.is_shutting_down();
                    match master.poll_shared(*key, cx, self.cursor.after, is_over) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(()) if master.newest() > self.cursor.after => {}
                        Poll::Ready(()) => return Poll::Ready(None),
                    }
                }
            }
        }
    }

    /// The channel. One that did not exist when it was opened may exist now.
    fn master(&self) -> Option<Arc<Master>> {
        match &self.kind {
            Kind::Following { master, .. } | Kind::Once { master, .. } => Some(Arc::clone(master)),
            Kind::Absent { name, .. } => self.hub.find_created(name),
        }
    }

    fn read_next(&self) -> NextEvent {
        let Kind::Following { master, key, .. } = &self.kind else { return NextEvent::Nothing };
        let after = self.cursor.after;
        if master.newest() <= after {
            return NextEvent::Nothing;
        }
        master.read_shared_by(*key, after, |log| match log.event(after + 1) {
            Some((meta, bytes)) => NextEvent::Event(OwnedEvent {
                id: EventId { epoch: log.epoch(), seq: meta.seq },
                encoding: meta.encoding,
                bytes: bytes.into(),
                type_len: meta.type_len,
            }),
            None => NextEvent::Overwritten,
        })
    }
}

/// The event after a cursor.
enum NextEvent {
    Event(OwnedEvent),
    Nothing,
    Overwritten,
}

impl LogReader for HubReader {
    fn epoch(&self) -> u32 {
        self.kind.epoch()
    }

    fn newest(&self) -> u64 {
        self.kind.newest()
    }

    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor {
        match &self.kind {
            Kind::Following { master, .. } => master.seek_shared(position, policy),
            Kind::Once { master, copy } => {
                let PollLimits { events, bytes } = PollLimits::default();
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                let (cursor, read) = master.read(position, policy, events, bytes, self.hub.memory());
                *copy.lock().unwrap_or_else(PoisonError::into_inner) = read.map(Box::new);
                cursor
            }
            Kind::Absent { log, .. } => log.seek(position, policy),
        }
    }

    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        match &self.kind {
            Kind::Following { master, key, .. } => master.read_shared(*key, after, offset, into),
            Kind::Once { copy, .. } => {
                let copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
                copy.as_ref().map_or(ReadEvent::Nothing, |copy| copy.log.read_at(after, offset, into))
            }
            Kind::Absent { log, .. } => log.read_at(after, offset, into),
        }
    }
}

impl ChannelReader for HubReader {
    fn publish(&self, event: &NewEvent<'_>, peer: Option<IpAddr>) -> Result<PublishOutcome, PublishError> {
        // By name: the channel may have been reaped meanwhile.
        let name = match &self.kind {
            Kind::Following { master, .. } | Kind::Once { master, .. } => master.name(),
            Kind::Absent { name, .. } => name,
        };
        self.hub.publish_event(self.hub.channel_name(name)?, event, peer)
    }

    fn poll_new_event(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()> {
        match &self.kind {
            Kind::Following { master, key, .. } => master.poll_shared(*key, cx, after, || false),
            Kind::Once { .. } | Kind::Absent { .. } if self.newest() > after => Poll::Ready(()),
            Kind::Once { .. } | Kind::Absent { .. } => Poll::Pending,
        }
    }

    fn poll_publish_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(master) = self.master() else { return Poll::Ready(()) };
        // The flag is read once before the waker is stored: it may be set between two reads.
        if !master.is_congested() {
            return Poll::Ready(());
        }
        if !cx.waker().will_wake(Waker::noop()) {
            master.register_publisher(cx.waker());
        }
        if master.is_congested() { Poll::Pending } else { Poll::Ready(()) }
    }

    fn ignore_slow_followers(&mut self) {
        if let Some(master) = self.master() {
            master.ignore_slow_followers();
        }
    }
}

impl Drop for HubReader {
    fn drop(&mut self) {
        if let Kind::Following { master, key } = &self.kind {
            master.unfollow_shared(*key, self.hub.seconds());
            self.hub.discard_empty(master.name(), master);
        }
    }
}

#[cfg(test)]
mod tests;
