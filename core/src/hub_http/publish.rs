//! Publishing by POST.

use core::net::IpAddr;
use core::task::{Context, Poll, Waker};

use super::PUBLICATION;
use super::hub_error::{HubError, HubRequestError};
use super::metrics::{HubMetrics, RequestMeter};
use super::rights::Grant;
use crate::format::{Transport, media_type};
use crate::http::{BodyLength, Request, Response, Status};
use crate::hub::{ChannelReader, NewEvent, PublishOutcome};
use crate::io::Interest;
use crate::log::{Encoding, EventType, EventTypeError, MAX_EVENT_TYPE, MAX_IDEMPOTENCY_KEY};
use crate::output::{Output, ResumableWriter, written_text};
use crate::server::http_connection::HttpConnection;
use crate::server::{BufferKind, Disconnect, Resource, Runtime};
use crate::server::{Exchange, Responded};

/// The longest response, in bytes: an id, a number and the names of members.
const ANSWER: usize = 128;

/// Stores the content as an event of the reader's channel: 201 with subscribers, 202 without.
pub(super) async fn answer<R: Runtime>(
    mut reader: impl ChannelReader,
    metrics: &impl HubMetrics,
    grant: &impl Grant,
    mut exchange: Exchange<'_, '_, R>,
) -> Result<Responded, HubError> {
    if exchange.request().body_length() == BodyLength::None {
        return Err(HubRequestError::Length.into());
    }
    // Readers get the stored bytes without a content coding.
    if exchange.request().header_all("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        return Err(HubRequestError::ContentCoding.into());
    }
    let mut meter = RequestMeter::new(metrics, &mut exchange, Transport::Publish, grant.identity());
    let (published, encoding, length) = {
        if exchange.runtime().is_shutting_down() {
            return Err(overloaded(Resource::ShuttingDown));
        }
        const BUSY: HubError = overloaded(Resource::EventBuffers);
        let mut buffer = exchange.runtime().buffer(BufferKind::Event).ok_or(BUSY)?;
        let length = exchange.read_growing(&mut buffer).await.map_err(HubError::Body)?.ok_or(BUSY)?;
        wait_for_followers(&mut reader, exchange.connection()).await?;
        // An event that is stored now might be lost: no reader is left.
        if exchange.runtime().is_shutting_down() {
            return Err(overloaded(Resource::ShuttingDown));
        }
        exchange.connection().charge(PUBLICATION);
        let data = buffer.as_ref().get(..length).unwrap_or_default();
        let peer = exchange.peer_network();
        let encoding = encoding(exchange.request().header("content-type"), data);
        (publish(&reader, exchange.request(), encoding, data, peer)?, encoding, length)
    };
    let mut room = [0; ANSWER];
    let text = written_text(&mut room, |out| put_outcome(published, encoding, out));
    let status = if published.followers > 0 { Status::CREATED } else { Status::ACCEPTED };
    let response = Response {
        status,
        content_type: Some(media_type::JSON),
        headers: &[("Cache-Control", "no-store")],
        body: text.as_bytes(),
    };
    let (connection, context) = exchange.into_parts();
    let outcome = context.respond(connection, &response).await;
    meter.report(connection, length as u64);
    Ok(outcome?)
}

/// Waits while the event would overwrite one that a follower has not read.
fn wait_for_followers<R: Runtime>(
    reader: &mut impl ChannelReader,
    connection: &mut HttpConnection<'_, R>,
) -> impl Future<Output = Result<(), Disconnect>> {
    async move {
        let (due, runtime) = (connection.after(connection.config().publish_wait), connection.runtime());
        while !runtime.is_shutting_down()
            && reader.poll_publish_ready(&mut Context::from_waker(Waker::noop())).is_pending()
        {
            if connection.now() >= due {
                reader.ignore_slow_followers();
                break;
            }
            let mut condition = |cx: &mut Context<'_>| {
                if runtime.is_shutting_down() { Poll::Ready(()) } else { reader.poll_publish_ready(cx) }
            };
            connection.wait(Interest::NONE, due, &mut condition).await?;
        }
        Ok(())
    }
}

/// The event cannot be stored now.
const fn overloaded(resource: Resource) -> HubError {
    HubError::Overloaded(Transport::Publish, resource)
}

fn publish<B: AsRef<[u8]>>(
    reader: &impl ChannelReader,
    request: &Request<B>,
    encoding: Encoding,
    data: &[u8],
    peer: Option<IpAddr>,
) -> Result<PublishOutcome, HubRequestError> {
    let mut name = [0; MAX_EVENT_TYPE];
    let event_type = match request.query_param("type") {
        None => EventType::MESSAGE,
        Some(encoded) => {
            let name = encoded.decode(&mut name).ok_or(HubRequestError::EventType(EventTypeError::TooLong))?;
            let name = core::str::from_utf8(name).map_err(|_| HubRequestError::EventTypeUtf8)?;
            EventType::new(name).map_err(HubRequestError::EventType)?
        }
    };
    let idempotency_key = request.header("idempotency-key");
    if idempotency_key.is_some_and(|key| key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY) {
        return Err(HubRequestError::IdempotencyKey);
    }
    let publication = NewEvent { event_type, encoding, data, idempotency_key };
    reader.publish(&publication, peer).map_err(HubRequestError::Publish)
}

/// The encoding by `Content-Type`: text for text types, JSON and forms, and for UTF-8 without a `Content-Type` (Python clients send
/// a string so). Binary otherwise.
fn encoding(content_type: Option<&[u8]>, data: &[u8]) -> Encoding {
    let media_type = content_type.and_then(|value| value.split(|byte| *byte == b';').next()).unwrap_or_default();
    let media_type = media_type.trim_ascii();
    let starts = |with: &[u8]| media_type.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let ends = |with: &[u8]| {
        let start = media_type.len().checked_sub(with.len());
        start.and_then(|start| media_type.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(with))
    };
    let is = |whole: &[u8]| media_type.eq_ignore_ascii_case(whole);
    let text = starts(b"text/")
        || is(media_type::JSON.as_bytes())
        || is(b"application/x-www-form-urlencoded")
        || (starts(b"application/") && ends(b"+json"))
        || (media_type.is_empty() && core::str::from_utf8(data).is_ok());
    if text { Encoding::Text } else { Encoding::Binary }
}

/// `{"id":ID,"subscribers":N,"encoding":"text"}`, `"base64"` for bytes, with `"repeated":true` for a duplicate.
fn put_outcome(published: PublishOutcome, encoding: Encoding, out: &mut ResumableWriter<'_>) {
    out.put(b"{\"id\":\"");
    published.id.put(out);
    out.put(b"\",\"subscribers\":");
    out.put_decimal(published.followers as u64);
    out.put(match encoding {
        Encoding::Text => b",\"encoding\":\"text\"",
        Encoding::Binary => b",\"encoding\":\"base64\"",
    });
    out.put(if published.duplicate { b",\"repeated\":true}\n" } else { b"}\n" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_types_are_text() {
        for text in [
            "text/plain",
            "TEXT/html; charset=utf-8",
            "application/json",
            "application/ld+json;x=y",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(encoding(Some(text.as_bytes()), b"\xff"), Encoding::Text, "{text}");
        }
        for binary in ["application/octet-stream", "image/png", "application/jsonx", "texty/x", "image/svg+json"] {
            assert_eq!(encoding(Some(binary.as_bytes()), b"text"), Encoding::Binary, "{binary}");
        }
    }

    #[test]
    fn without_a_content_type_utf8_is_text() {
        for none in [None, Some(&b""[..]), Some(b" ")] {
            assert_eq!(encoding(none, "gr\u{fc}n".as_bytes()), Encoding::Text);
            assert_eq!(encoding(none, b""), Encoding::Text);
            assert_eq!(encoding(none, b"gr\xfcn"), Encoding::Binary);
        }
    }
}
