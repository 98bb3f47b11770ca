//! Publishing to a channel. An event with an idempotency key is stored once, however often it is said, while its key is
//! among the last 64 that the channel was given ([`IDEMPOTENCY_KEYS`](crate::hub::IDEMPOTENCY_KEYS); a chip may remember
//! fewer).
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

/// Publishes by POST, over a connection that is kept between events where the server keeps it.
pub struct Publisher<'e, R: ClientRuntime> {
    client: HttpClient<'e, 'e, R>,
    buffer: &'e mut [u8],
    /// An exchange has begun and did not end: what is on its connection is of an event that was given up.
    in_progress: bool,
    /// Bytes of what the server said of a refusal, at the start of the buffer.
    rejection_len: usize,
}

/// What the server says of a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishResponse<'a> {
    /// Its id in the server's log; empty where the server does not tell.
    pub id: &'a str,
    /// How many were following when it was stored.
    pub followers: Option<u64>,
    /// The key was known: the event had been stored before.
    pub duplicate: bool,
}

impl<'e, R: ClientRuntime> Publisher<'e, R> {
    /// Publishes to the channel at `url`.
    pub fn new(runtime: &'e R, config: &'e ClientConfig<'e>, url: &'e str, memory: Buffers<'e>) -> Self {
        let Buffers { buffer, location } = memory;
        Self { client: HttpClient::new(runtime, config, url, location), buffer, in_progress: false, rejection_len: 0 }
    }

    /// Publishes one event. Dropped midway nobody knows whether it was stored: say it again with the same key, while the
    /// channel remembers that.
    ///
    /// A connection that was kept and that the server has closed since is replaced; where that shows only once the event was
    /// sent, once, and if the event has a key.
    ///
    /// # Errors
    /// Its connection is given up. With [`Error::PublishResponseLost`] the event is stored, with any other nothing is known to be. Where
    /// [`Error::is_transient`], saying it again may help; with an idempotency key it does no harm, within the same bound.
    pub async fn publish(
        &mut self,
        publication: &NewEvent<'_>,
    ) -> Result<PublishResponse<'_>, Error<ConnectorError<R>>> {
        if core::mem::replace(&mut self.in_progress, true) {
            self.client.reset();
        }
        self.rejection_len = 0;
        let length = self.send(publication).await?;
        self.in_progress = false;
        Ok(parse_response(self.buffer.get_mut(..length).unwrap_or_default()))
    }

    /// Asks, and reads the content of a good answer into the buffer: how long it is.
    async fn send(&mut self, publication: &NewEvent<'_>) -> Result<usize, Error<ConnectorError<R>>> {
        let asking = OutgoingRequest { new_event: Some(publication), ..OutgoingRequest::default() };
        // A head that stands there is an earlier answer's.
        if let Some(first) = self.buffer.first_mut() {
            *first = 0;
        }
        let length = match self.client.request(&asking, self.buffer).await {
            Err(_) if is_success(self.buffer) => return Err(Error::PublishResponseLost),
            asked => asked?,
        };
        let answer = ResponseHead::parse(self.buffer.get(..length).unwrap_or_default(), self.client.config.max_fields)?;
        if !matches!(answer.status(), 200..=202 | 204) {
            let (error, said) = (status_error(&answer), is_of_type(answer.fields(), "text/plain"));
            if said {
                // That it is cut short makes it no less a refusal.
                self.rejection_len = self.read_body().await.0;
            }
            return Err(error);
        }
        let (filled, whole) = self.read_body().await;
        if !whole {
            return Err(Error::PublishResponseLost);
        }
        self.client.finish_response();
        Ok(filled)
    }

    /// What the server said of the event that it refused last ([`Error::Status`]), where that was text, as much of it as the
    /// memory holds; else it is empty.
    pub fn rejection_text(&self) -> &str {
        let said = self.buffer.get(..self.rejection_len).unwrap_or_default();
        let text = said.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        text.trim_ascii()
    }

    /// Reads the content into the buffer: how much came that fits, and whether that is all of it.
    async fn read_body(&mut self) -> (usize, bool) {
        let mut filled = 0_usize;
        let due = self.client.runtime.clock().now() + self.client.config.response_timeout;
        loop {
            let Some(exchange) = self.client.exchange() else { return (filled, false) };
            exchange.connection.yield_if_spent().await;
            let buffer = &mut *self.buffer;
            let came = exchange.read_body(&mut |data| {
                let room = buffer.get_mut(filled..).unwrap_or_default();
                let copied = crate::grammar::copy(data, room);
                filled = filled.saturating_add(copied);
                (data.len(), copied < data.len())
            });
            match came {
                Ok(BodyProgress::Data(false)) if exchange.connection.now() < due => {}
                Ok(BodyProgress::Data(false) | BodyProgress::WouldBlock) if exchange.wait_body(due).await.is_ok() => {}
                came => return (filled, came == Ok(BodyProgress::End)),
            }
        }
    }
}

/// Whether the answer that begins so has a status of success, whatever follows its status line (RFC 9112 §4).
fn is_success(answer: &[u8]) -> bool {
    matches!(answer, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2', _, _, b' ' | b'\r' | b'\n', ..])
}

/// Reads what a server of ours says; of another, nothing.
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
    fn a_receipt_is_what_the_server_says_and_else_nothing() {
        let mut said = br#"{"id":"a-1","subscribers":3,"repeated":true}"#.to_vec();
        assert_eq!(parse_response(&mut said), PublishResponse { id: "a-1", followers: Some(3), duplicate: true });
        for other in ["", "ok", "[1]", r#"{"id":7}"#] {
            let mut said = other.as_bytes().to_vec();
            assert_eq!(
                parse_response(&mut said),
                PublishResponse { id: "", followers: None, duplicate: false },
                "{other}"
            );
        }
    }
}
