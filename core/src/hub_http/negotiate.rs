//! Transport and cursor negotiation.

use core::time::Duration;

use crate::format::{Transport, media_type};
use crate::http::{PercentEncoded, Request, seconds_of};
use crate::log::{EventId, MAX_EVENT_ID, Position};
use crate::server::ServerConfig;
use crate::ws::handshake::server::is_upgrade;

/// The transport, the cursor and the wait of a GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    pub(super) transport: Transport,
    pub(super) position: Position,
    /// The position is the last event ID of this client. An `?after=` may be of another.
    pub(super) resumed: bool,
    /// The wait of a long poll.
    pub(super) wait: Duration,
    /// The client has the response up to its cursor; without new events the response is 304.
    pub(super) conditional: bool,
}

/// The reason why no transport matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NegotiationError {
    /// `?transport=` is not the name of a transport.
    Transport,
}

impl Negotiated {
    pub(super) fn read<B: AsRef<[u8]>>(
        request: &Request<B>,
        config: &ServerConfig<'_>,
    ) -> Result<Self, NegotiationError> {
        let preferred = request.prefer_wait();
        let queried = request.query_param("wait");
        let transport = transport(request, preferred.is_some() || queried.is_some())?;
        let seconds = preferred.or_else(|| queried.and_then(seconds));
        let wait = seconds.map_or(config.default_wait, |seconds| Duration::from_secs(seconds.into()));
        let conditional = request.header("if-none-match").is_some();
        let (position, resumed) = position(request);
        let start = if transport == Transport::Poll { Position::Oldest } else { Position::Newest };
        let position = position.unwrap_or(start);
        Ok(Self { transport, position, resumed, wait: wait.min(config.max_wait), conditional })
    }
}

fn transport<B: AsRef<[u8]>>(request: &Request<B>, waits: bool) -> Result<Transport, NegotiationError> {
    if is_upgrade(request.headers()) {
        return Ok(Transport::WebSocket);
    }
    if let Some(name) = request.query_param("transport") {
        return named(name).ok_or(NegotiationError::Transport);
    }
    let [sse, stream] = request.accept_names_each([media_type::EVENT_STREAM, media_type::NDJSON]);
    Ok(if sse {
        Transport::Sse
    } else if stream {
        Transport::Stream
    } else if waits {
        Transport::LongPoll
    } else {
        Transport::Poll
    })
}

/// The transport that `?transport=` names.
fn named(name: PercentEncoded<'_>) -> Option<Transport> {
    [Transport::Poll, Transport::LongPoll, Transport::Stream, Transport::Sse, Transport::WebSocket]
        .into_iter()
        .find(|transport| name.is(transport.as_str()))
}

/// The cursor of a request, and whether it is a last event ID. The field that a browser sets on reconnection takes precedence: its
/// URL still has the first cursor (WHATWG HTML §9.2.3).
fn position<B: AsRef<[u8]>>(request: &Request<B>) -> (Option<Position>, bool) {
    let mut held = request
        .header("last-event-id")
        .and_then(cursor)
        .or_else(|| request.header_list("if-none-match").next().and_then(entity_tag));
    let (mut named, mut after) = (None, None);
    for (name, value) in request.query_params() {
        if name.is("after") {
            after = after.or(Some(value));
        } else if is_last_event_id(name.raw()) && !value.raw().is_empty() {
            // A client that reconnects appends its parameter to its URL, so the last one is the newest.
            named = Some(value);
        }
    }
    held = held.or_else(|| named.and_then(query_cursor));
    let resumed = matches!(held, Some(Position::After(_)));
    (held.or_else(|| after.and_then(query_cursor)), resumed)
}

/// Whether a client sends its last event ID by this name in the query. The names differ in case, `-`, `_` and a prefix:
///
/// | name | client |
/// | --- | --- |
/// | `lastEventId` | event-source-polyfill, reconnecting-eventsource |
/// | `lastEventID`, `Last-Event-ID` | clients of Mercure hubs |
/// | `last-event-id`, `last_event_id` | own code |
/// | `evs_last_event_id` | eventsource-polyfill |
fn is_last_event_id(name: &str) -> bool {
    let mut rest = &b"lasteventid"[..];
    for byte in name.strip_prefix("evs_").unwrap_or(name).bytes() {
        match rest {
            _ if matches!(byte, b'-' | b'_') => {}
            [first, behind @ ..] if byte.eq_ignore_ascii_case(first) => rest = behind,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// `"ID"`, weak or strong. `*` is no event.
fn entity_tag(tag: &[u8]) -> Option<Position> {
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    match opaque.strip_prefix(b"\"").and_then(|opaque| opaque.strip_suffix(b"\"")) {
        Some(id) => cursor(id),
        None if tag == b"*" => None,
        None => Some(Position::Unknown),
    }
}

fn query_cursor(value: PercentEncoded<'_>) -> Option<Position> {
    if value.is("oldest") {
        return Some(Position::Oldest);
    }
    if value.is("newest") {
        return Some(Position::Newest);
    }
    let mut text = [0; MAX_EVENT_ID];
    value.decode(&mut text).map_or(Some(Position::Unknown), cursor)
}

/// An empty cursor is `None`. An invalid one is a gap, not an error.
fn cursor(text: &[u8]) -> Option<Position> {
    match text {
        [] => None,
        text => Some(EventId::parse(text).map_or(Position::Unknown, Position::After)),
    }
}

fn seconds(value: PercentEncoded<'_>) -> Option<u32> {
    let mut digits = [0; 10];
    seconds_of(value.decode(&mut digits)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MAX_FIELDS;
    use std::format;

    fn negotiate(target: &str, fields: &str) -> Result<Negotiated, NegotiationError> {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let request = Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).unwrap();
        Negotiated::read(&request, &ServerConfig::default())
    }

    #[test]
    fn the_first_match_chooses_the_transport() {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nAccept: text/event-stream\r\n";
        for (target, fields, transport) in [
            ("/events/a", "", Transport::Poll),
            ("/events/a", "Accept: */*\r\n", Transport::Poll),
            ("/events/a", upgrade, Transport::WebSocket),
            ("/events/a", "Accept: application/x-ndjson, text/event-stream\r\n", Transport::Sse),
            ("/events/a", "Accept: text/event-stream;q=0, application/x-ndjson\r\n", Transport::Stream),
            ("/events/a", "Accept: text/*\r\nPrefer: wait=5\r\n", Transport::LongPoll),
            ("/events/a?wait=1", "", Transport::LongPoll),
            ("/events/a?transport=poll", "Accept: text/event-stream\r\n", Transport::Poll),
            ("/events/a?transport=ss%65", "", Transport::Sse),
        ] {
            assert_eq!(
                negotiate(target, fields).map(|negotiated| negotiated.transport),
                Ok(transport),
                "{target} {fields}"
            );
        }
        assert_eq!(negotiate("/events/a?transport=fax", ""), Err(NegotiationError::Transport));
    }

    #[test]
    fn the_cursor_of_a_reconnection_takes_precedence() {
        let at = |seq| Position::After(EventId { epoch: 0xa, seq });
        let all = "Last-Event-ID: 0000000a-1\r\nIf-None-Match: \"0000000a-2\"\r\n";
        let query = "/events/a?after=0000000a-4&last_event_id=0000000a-3";
        for (target, fields, position) in [
            (query, all, at(1)),
            (query, "If-None-Match: W/\"0000000a-2\", \"x\"\r\n", at(2)),
            (query, "Last-Event-ID:\r\n", at(3)),
            ("/events/a?after=0000000a-4", "If-None-Match: *\r\n", at(4)),
            ("/events/a?after=oldest&transport=sse", "", Position::Oldest),
            ("/events/a?after=newest", "", Position::Newest),
            ("/events/a?after=nonsense", "", Position::Unknown),
            ("/events/a?after=0000000a-1111111111111111111111111111111", "", Position::Unknown),
            ("/events/a?after=%zz", "", Position::Unknown),
            ("/events/a", "If-None-Match: x\r\n", Position::Unknown),
            ("/events/a", "", Position::Oldest),
            ("/events/a?transport=longpoll", "", Position::Newest),
            ("/events/a?lastEventId=0000000a-5&last_event_id=0000000a-6&lastEventID=", "", at(6)),
        ] {
            assert_eq!(negotiate(target, fields).unwrap().position, position, "{target} {fields}");
        }
    }

    #[test]
    fn a_last_event_id_in_the_query_resumes_by_every_known_name() {
        let resumed = |target: &str| {
            let negotiated = negotiate(target, "").unwrap();
            (negotiated.position, negotiated.resumed)
        };
        let at = Position::After(EventId { epoch: 0xa, seq: 7 });
        for name in [
            "lastEventId",
            "lastEventID",
            "Last-Event-ID",
            "Last-Event-Id",
            "last-event-id",
            "last_event_id",
            "lasteventid",
            "LAST_EVENT_ID",
            "evs_last_event_id",
        ] {
            assert_eq!(
                resumed(&format!("/events/a?transport=sse&after=newest&{name}=0000000a-7")),
                (at, true),
                "{name}"
            );
        }
        for name in ["last_event", "event_id", "xlasteventid", "lasteventids", "evs_", "last.event.id", "_"] {
            assert_eq!(resumed(&format!("/events/a?{name}=0000000a-7")), (Position::Oldest, false), "{name}");
        }
        assert_eq!(resumed("/events/a?after=0000000a-7"), (at, false));
        assert_eq!(resumed("/events/a?lastEventId=newest"), (Position::Newest, false));
        assert_eq!(resumed("/events/a?lastEventId=x"), (Position::Unknown, false));
        assert_eq!(resumed("/events/a?lastEventId=&after=0000000a-7"), (at, false));
    }

    #[test]
    fn a_wait_is_clamped() {
        for (target, fields, seconds) in [
            ("/events/a", "Prefer: wait=7\r\n", 7),
            ("/events/a?wait=9", "", 9),
            ("/events/a", "Prefer: wait=4000000000\r\n", 60),
            ("/events/a?wait=soon", "", 25),
            ("/events/a?transport=longpoll", "", 25),
        ] {
            let negotiated = negotiate(target, fields).unwrap();
            assert_eq!((negotiated.wait.as_secs(), negotiated.transport), (seconds, Transport::LongPoll), "{target}");
        }
    }
}
