//! The ways in which a client receives events, and publishing.

/// A way to receive events, or to publish one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Polling: the events so far.
    Poll,
    /// Long polling: the events so far, or the first ones within the wait.
    LongPoll,
    /// Streaming: one JSON object a line.
    Stream,
    /// Server-Sent Events.
    Sse,
    /// WebSocket.
    WebSocket,
    /// A client publishes by POST.
    Publish,
}

impl Transport {
    /// The value of `?transport=`; `publish` has none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::LongPoll => "longpoll",
            Self::Stream => "stream",
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
            Self::Publish => "publish",
        }
    }
}
