//! Publishing to a channel over HTTP.
//!
//! An event with an idempotency key is stored once, however often it is sent, as long as the channel remembers the
//! key. A channel remembers the last 64 keys ([`IDEMPOTENCY_KEYS`](crate::hub::IDEMPOTENCY_KEYS)), a chip perhaps
//! fewer.
//!
//! ```
//! use goldcrest_core::client::{ClientConfig, Buffers, Publisher, ClientRuntime};
//! use goldcrest_core::hub::NewEvent;
//! use goldcrest_core::log::{Encoding, EventType};
//!
//! async fn tell<R: ClientRuntime>(runtime: &R) {
//!     let config = ClientConfig::default();
//!     let (mut buffer, mut location) = ([0; 512], [0; 128]);
//!     let memory = Buffers { buffer: &mut buffer, location: &mut location };
//!     let mut publisher = Publisher::new(runtime, &config, "http://10.0.0.2/events/sensor", memory);
//!     let publication = NewEvent {
//!         event_type: EventType::MESSAGE,
//!         encoding: Encoding::Text,
//!         data: b"21.5",
//!         idempotency_key: Some(b"boot-7-reading-3"), // may be said again soon, and is stored once
//!     };
//!     match publisher.publish(&publication).await {
//!         Ok(response) => println!("stored as {}", response.id),
//!         Err(error) if error.is_transient() => println!("{error}: say it again"),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! ```

use super::http_client::{HttpClient, OutgoingRequest, is_of_type, status_error};
use super::http_exchange::BodyProgress;
use super::{Buffers, ClientConfig, ClientRuntime, ConnectorError, Error};
use crate::http::ResponseHead;
use crate::hub::NewEvent;
use crate::io::Clock;
use crate::json::{Members, text};
use crate::websocket::ConnectionIo;

/// Publishes by POST, over a connection that is reused while the server keeps it open.
pub struct Publisher<'e, R: ClientRuntime> {
    client: HttpClient<'e, 'e, R>,
    buffer: &'e mut [u8],
    /// An exchange has begun and not ended: the response to a cancelled event is on its connection.
    in_progress: bool,
    /// The length of the text of the last rejection, at the start of the buffer.
    rejection_len: usize,
}

/// The server's response to a published event. Unlike [`PublishOutcome`](crate::hub::PublishOutcome), it comes from a
/// server of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishResponse<'a> {
    /// The id in the server's log; empty if the response has none.
    pub id: &'a str,
    /// The number of followers when the event was stored.
    pub followers: Option<u64>,
    /// The idempotency key was known: the event had been stored before.
    pub duplicate: bool,
}

impl<'e, R: ClientRuntime> Publisher<'e, R> {
    /// Publishes to the channel at `url`.
    pub fn new(runtime: &'e R, config: &'e ClientConfig<'e>, url: &'e str, memory: Buffers<'e>) -> Self {
        let Buffers { buffer, location } = memory;
        Self { client: HttpClient::new(runtime, config, url, location), buffer, in_progress: false, rejection_len: 0 }
    }

    /// Publishes one event.
    ///
    /// After a dropped future it is unknown whether the event was stored: publish it again with the same key, while
    /// the channel remembers that.
    ///
    /// A kept connection that the server has closed is replaced. If that shows only after the event was sent, an
    /// event with a key is sent once more.
    ///
    /// # Errors
    /// The connection is closed. With [`Error::PublishResponseLost`] the event is stored; with any other error it may
    /// be. Where [`Error::is_transient`], another attempt may succeed. An event with a key can be repeated safely,
    /// within the same bound.
    pub async fn publish(&mut self, new_event: &NewEvent<'_>) -> Result<PublishResponse<'_>, Error<ConnectorError<R>>> {
        if core::mem::replace(&mut self.in_progress, true) {
            self.client.reset();
        }
        self.rejection_len = 0;
        let length = self.send(new_event).await?;
        self.in_progress = false;
        Ok(parse_response(self.buffer.get_mut(..length).unwrap_or_default()))
    }

    /// Sends the event, reads the body of a success into the buffer and returns its length.
    async fn send(&mut self, new_event: &NewEvent<'_>) -> Result<usize, Error<ConnectorError<R>>> {
        let asking = OutgoingRequest { new_event: Some(new_event), ..OutgoingRequest::default() };
        // The head of an earlier response must not be read as this one's.
        if let Some(first) = self.buffer.first_mut() {
            *first = 0;
        }
        let length = match self.client.request(&asking, self.buffer).await {
            Err(_) if is_success(self.buffer) => return Err(Error::PublishResponseLost),
            asked => asked?,
        };
        let head = ResponseHead::parse(self.buffer.get(..length).unwrap_or_default(), self.client.config.max_fields)?;
        if !matches!(head.status(), 200..=202 | 204) {
            let (error, text) = (status_error(&head), is_of_type(head.fields(), "text/plain"));
            if text {
                // A truncated text describes a rejection as well.
                self.rejection_len = self.read_body().await.0;
            }
            return Err(error);
        }
        let (filled, complete) = self.read_body().await;
        if !complete {
            return Err(Error::PublishResponseLost);
        }
        self.client.finish_response();
        Ok(filled)
    }

    /// The text of the last rejection ([`Error::Status`]), truncated to the buffer; empty if its media type was not
    /// `text/plain`.
    pub fn rejection_text(&self) -> &str {
        let text = self.buffer.get(..self.rejection_len).unwrap_or_default();
        let text = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        text.trim_ascii()
    }

    /// Reads the body into the buffer: the length that fits, and whether that is all of it.
    async fn read_body(&mut self) -> (usize, bool) {
        let mut filled = 0_usize;
        let due = self.client.runtime.clock().now() + self.client.config.response_timeout;
        loop {
            let Some(exchange) = self.client.exchange() else { return (filled, false) };
            exchange.connection.yield_if_spent().await;
            let buffer = &mut *self.buffer;
            let progress = exchange.read_body(&mut |data| {
                let room = buffer.get_mut(filled..).unwrap_or_default();
                let copied = crate::grammar::copy(data, room);
                filled = filled.saturating_add(copied);
                (data.len(), copied < data.len())
            });
            match progress {
                Ok(BodyProgress::Data(false)) if exchange.connection.now() < due => {}
                Ok(BodyProgress::Data(false) | BodyProgress::WouldBlock) if exchange.wait_body(due).await.is_ok() => {}
                progress => return (filled, progress == Ok(BodyProgress::End)),
            }
        }
    }
}

/// Whether the response begins with a status of success (RFC 9112 §4).
fn is_success(head: &[u8]) -> bool {
    matches!(head, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2', _, _, b' ' | b'\r' | b'\n', ..])
}

/// Parses the JSON of goldcrest's response; another server's gives an empty one.
fn parse_response(content: &mut [u8]) -> PublishResponse<'_> {
    let mut response = PublishResponse { id: "", followers: None, duplicate: false };
    let Ok(mut members) = Members::new(content) else { return response };
    while let Ok(Some((name, value))) = members.next() {
        match name {
            "id" => response.id = text(value).unwrap_or_default(),
            "subscribers" => {
                response.followers = core::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok())
            }
            "repeated" => response.duplicate = &*value == b"true",
            _ => {}
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_is_parsed_or_empty() {
        let mut text = br#"{"id":"a-1","subscribers":3,"repeated":true}"#.to_vec();
        assert_eq!(parse_response(&mut text), PublishResponse { id: "a-1", followers: Some(3), duplicate: true });
        for other in ["", "ok", "[1]", r#"{"id":7}"#] {
            let mut text = other.as_bytes().to_vec();
            assert_eq!(
                parse_response(&mut text),
                PublishResponse { id: "", followers: None, duplicate: false },
                "{other}"
            );
        }
    }
}
