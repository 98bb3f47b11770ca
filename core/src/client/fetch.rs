//! One request whose whole response is read: a document, or the answer of another server.

use super::http_client::{HttpClient, OutgoingRequest};
use super::http_exchange::BodyProgress;
use super::{Buffers, ClientConfig, ClientRuntime, ConnectorError, Error};
use crate::grammar::copy;
use crate::http::ResponseHead;
use crate::hub::NewEvent;
use crate::io::Clock;
use crate::log::{Encoding, EventType};
use crate::websocket::ConnectionIo;

/// A response that was read to its end.
#[derive(Debug)]
pub struct FetchedResponse<'m> {
    /// Its head. The status may be any but a redirect that was followed.
    pub head: ResponseHead<'m>,
    /// Its content.
    pub content: &'m [u8],
}

/// Sends GET, or POST with `content`, and reads the response to its end into [`Buffers::buffer`], which holds head and content.
///
/// [`ClientConfig::response_timeout`] bounds the head, and once more the content. The type of the content is `text/plain` unless
/// [`ClientConfig::headers`] has a `Content-Type`. A POST is not repeated.
///
/// # Errors
/// There is no whole response. [`Error::TooLarge`]: the buffer is too small for it.
pub async fn fetch<'m, R: ClientRuntime>(
    runtime: &R,
    config: &ClientConfig<'_>,
    url: &str,
    content: Option<&[u8]>,
    memory: Buffers<'m>,
) -> Result<FetchedResponse<'m>, Error<ConnectorError<R>>> {
    let Buffers { buffer, location } = memory;
    let mut client = HttpClient::new(runtime, config, url, location);
    let posted = content.map(|data| NewEvent {
        event_type: EventType::MESSAGE,
        encoding: Encoding::Text,
        data,
        idempotency_key: None,
    });
    let request = OutgoingRequest { new_event: posted.as_ref(), ..OutgoingRequest::default() };
    let length = client.request(&request, buffer).await?;
    let (head, room) = buffer.split_at_mut_checked(length).ok_or(Error::TooLarge)?;
    let due = runtime.clock().now() + config.response_timeout;
    let mut filled = 0_usize;
    loop {
        let Some(exchange) = client.exchange() else { return Err(Error::Closed) };
        exchange.connection.yield_if_spent().await;
        let progress = exchange.read_body(&mut |data| {
            let copied = copy(data, room.get_mut(filled..).unwrap_or_default());
            filled = filled.saturating_add(copied);
            (copied, copied < data.len())
        })?;
        match progress {
            BodyProgress::End => break,
            BodyProgress::Data(true) => return Err(Error::TooLarge),
            BodyProgress::Data(false) | BodyProgress::WouldBlock => exchange.wait_body(due).await?,
        }
    }
    let content = room.get(..filled).unwrap_or_default();
    Ok(FetchedResponse { head: ResponseHead::parse(head, config.max_fields)?, content })
}
