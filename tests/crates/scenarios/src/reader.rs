//! A subscriber that looks the same over all five transports.

use std::collections::VecDeque;
use std::time::Instant;

use crate::sources::{Follower, Poller, WebSocketSource};
use crate::{Channel, Event, Gap, Item, Start, Transport, patience};

/// A subscriber.
#[derive(Debug)]
pub struct Reader<'c> {
    source: Source<'c>,
    items: VecDeque<Item>,
    cursor: Option<String>,
}

#[derive(Debug)]
enum Source<'c> {
    Poll(Poller<'c>),
    Follow(Box<Follower>),
    WebSocket(Box<WebSocketSource>),
}

impl<'c> Reader<'c> {
    /// Begins to read `channel`. Of the transports that follow, it does follow once this returns; a long poll has been
    /// sent; its arrival at the server cannot be observed from here.
    pub fn open(channel: &'c Channel<'_>, transport: Transport, start: Start) -> Self {
        Self::try_open(channel, transport, start).unwrap_or_else(|end| panic!("{transport:?} does not begin: {end}"))
    }

    /// The same, where the connection may break.
    ///
    /// # Errors
    /// How it ended, in words.
    pub fn try_open(channel: &'c Channel<'_>, transport: Transport, start: Start) -> Result<Self, String> {
        let source = match transport {
            Transport::Poll | Transport::LongPoll => Source::Poll(Poller::open(channel, transport, start)?),
            Transport::Stream | Transport::Sse => Source::Follow(Box::new(Follower::open(channel, transport, start)?)),
            Transport::WebSocket => Source::WebSocket(Box::new(WebSocketSource::open(channel, start)?)),
        };
        Ok(Self { source, items: VecDeque::new(), cursor: None })
    }

    /// The next item.
    ///
    /// # Panics
    /// Where nothing does.
    pub fn item(&mut self) -> Item {
        self.try_item().unwrap_or_else(|end| panic!("{end} where something should come"))
    }

    /// The next item, or how the transport ended.
    ///
    /// # Errors
    /// The end, in words.
    pub fn try_item(&mut self) -> Result<Item, String> {
        let deadline = Instant::now() + patience();
        loop {
            if let Some(item) = self.items.pop_front() {
                if let Source::Follow(_) | Source::WebSocket(_) = &self.source {
                    self.cursor = match &item {
                        Item::Event(event) => Some(event.id.clone()),
                        Item::Gap(gap) => gap.after.clone(),
                    };
                }
                return Ok(item);
            }
            if Instant::now() >= deadline {
                return Err("nothing".to_owned());
            }
            match &mut self.source {
                Source::Poll(source) => {
                    let (items, after) = source.fetch(self.cursor.as_deref())?;
                    self.items.extend(items);
                    self.cursor = Some(after);
                }
                Source::Follow(source) => self.items.extend(source.more()?),
                Source::WebSocket(source) => self.items.push_back(source.next()?),
            }
        }
    }

    /// The next item, which is an event.
    pub fn event(&mut self) -> Event {
        match self.item() {
            Item::Event(event) => event,
            Item::Gap(gap) => panic!("{gap:?} where an event should be"),
        }
    }

    /// The next item, which is a gap.
    pub fn gap(&mut self) -> Gap {
        match self.item() {
            Item::Gap(gap) => gap,
            Item::Event(event) => panic!("{event:?} where a gap should be"),
        }
    }

    /// The ids of so many events that come next.
    pub fn ids(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.event().id).collect()
    }

    /// The cursor to resume after, as this transport reported it.
    pub fn cursor(&mut self) -> String {
        assert!(self.items.is_empty(), "there is more: {:?}", self.items);
        match (&self.cursor, &mut self.source) {
            (Some(cursor), _) => cursor.clone(),
            (None, Source::Follow(source)) => source.opened_after().expect("a cursor").to_owned(),
            (None, Source::Poll(_) | Source::WebSocket(_)) => panic!("this transport has said no cursor yet"),
        }
    }
}
