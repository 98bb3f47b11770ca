//! A subscription: its transport, its start, and its items.

use crate::Width;

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
