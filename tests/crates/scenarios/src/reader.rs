//! A subscriber that looks the same over all five transports.

use std::collections::VecDeque;
use std::time::Instant;

use crate::sources::{Follower, Poller, WebSocketSource};
use crate::{Channel, Width, patience};

/// The five transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// GET, again and again.
    Poll,
    /// GET with `Prefer: wait`.
    LongPoll,
    /// NDJSON.
    Stream,
    /// Server-Sent Events.
    Sse,
    /// WebSocket with the subprotocol `goldcrest.v1`.
    WebSocket,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Poll, Self::LongPoll, Self::Stream, Self::Sse, Self::WebSocket];

    /// Its name in `?transport=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::LongPoll => "longpoll",
            Self::Stream => "stream",
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }

    /// The field line that chooses it, of those that need one.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::Poll | Self::WebSocket => None,
            Self::LongPoll => Some("Prefer: wait=20"),
            Self::Stream => Some("Accept: application/x-ndjson"),
            Self::Sse => Some("Accept: text/event-stream"),
        }
    }
}

/// An event as a subscriber got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// Its data, with no encoding left.
    pub data: Vec<u8>,
    /// Whether the data was said to be binary.
    pub binary: bool,
}

/// A reported gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many, where that is known.
    pub missed: Option<u64>,
    /// The id after which reading goes on, where the transport says it beside the gap.
    pub after: Option<String>,
}

/// An item of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// Missing events.
    Gap(Gap),
}

/// How a subscriber begins.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub(crate) query: Vec<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) by_query: bool,
    pub(crate) width: Width,
}

impl Start {
    /// With `?after=CURSOR`.
    pub fn after(cursor: &str) -> Self {
        Self::default().query("after", cursor)
    }

    /// With one more parameter in the query.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(format!("{name}={value}"));
        self
    }

    /// With one more field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push(format!("{name}: {value}"));
        self
    }

    /// The system takes little for a reader that does not read.
    pub fn narrow(mut self) -> Self {
        self.width = Width::Narrow;
        self
    }

    /// The transport is chosen by `?transport=`, not by a field.
    pub fn by_query(mut self) -> Self {
        self.by_query = true;
        self
    }
}

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
