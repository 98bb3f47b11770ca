//! The core's machines, its log and its delivery, called with input that no compiler knows, and a panic handler that does not
//! link: where a panic is reachable from any of them, neither does this (`tests/scripts/no-panic`).
//! With overflow checks on, where a sum may overflow, neither.
#![no_std]
#![no_main]
#![allow(unused_must_use, reason = "each program calls a part of it")]

mod unknown;

use core::hint::black_box;
use core::time::Duration;

use goldcrest_core::client::url::{Url, UrlBuf};
use goldcrest_core::format::{
    EventMessages, PollBody, PollLimits, StreamBody, StreamFormat, StreamTimers, Subprotocol, publication,
};
use goldcrest_core::http::chunked::{ChunkDecoder, ChunkEncoder};
use goldcrest_core::http::{BodyDecoder, HeadReader, Request, Response, ResponseHead, Status, constant_time_eq};
use goldcrest_core::hub::{ChannelLog, ChannelName, NamePolicy, NewEvent};
use goldcrest_core::hub_http::decode_channel_name;
use goldcrest_core::json::{self, Members};
use goldcrest_core::log::{
    Encoding, EventId, EventLog, EventType, GapPolicy, IdempotencyKeys, KeyDigest, LogReader, Lookup, Position,
};
use goldcrest_core::output::{ByteCounter, ResumableWriter};
use goldcrest_core::sse::encode;
use goldcrest_core::sse::parse::{Parser, ParserLimits};
use goldcrest_core::sse::reconnect::{LastEventId, Reconnect, ReconnectPolicy};
use goldcrest_core::time::Instant;
use goldcrest_core::ws::Role;
use goldcrest_core::ws::close::{CloseCode, CloseReason};
use goldcrest_core::ws::connection::{Connection, ConnectionConfig, MessageKind, PingPayload, Unmasked};
use goldcrest_core::ws::handshake::{RequestLine, UpgradeRequest, accept};
use goldcrest_core::ws::keep_alive::{KeepAlive, KeepAliveConfig};
use unknown::{input, number, room, text};

fn now() -> Instant {
    Instant::from_millis(number())
}

fn http_requests() {
    let mut accumulator = HeadReader::new();
    let _ = black_box(accumulator.take(room(), input()));
    let _ = black_box(accumulator.take(room(), input()));
    let Ok(request) = Request::parse(room(), number() as usize, number() as usize) else { return };
    black_box((request.method(), request.path(), request.query(), request.host(), request.body_length()));
    black_box((request.header(text()), request.header_has_token(text(), text()), request.accept_names(text())));
    black_box((request.keep_alive(), request.expects_continue(), request.prefer_wait()));
    black_box((request.cookie(text()), request.bearer(), constant_time_eq(input(), input())));
    if let Some(basic) = request.basic() {
        black_box((basic.user(), basic.password(), basic.matches(text(), text())));
    }
    if let Some(encoded) = request.query_param(text()) {
        black_box(encoded.decode(room()));
    }
    if let Ok(mut body) = BodyDecoder::new(request.body_length(), number()) {
        let _ = black_box(body.decode(input()));
    }
    let line = RequestLine { method: text(), version: (1, number() as u8) };
    if let Ok(acceptance) = accept(line, request.headers(), &[text()]) {
        acceptance.put(&mut ResumableWriter::new(room(), number() as usize));
    }
}

fn http_bodies() {
    let mut decoder = ChunkDecoder::new();
    let _ = black_box(decoder.decode(input()));
    let mut encoder = ChunkEncoder::new();
    black_box(encoder.transmit(room(), |room| black_box(room.len())));
    black_box(encoder.finish(room()));
    let response = Response { headers: &[(text(), text())], ..Response::text(Status::OK, text()) };
    response.render(
        &mut ResumableWriter::new(room(), number() as usize),
        black_box(goldcrest_core::http::Version::Http11),
        black_box(true),
        black_box(false),
    );
}

fn sse() {
    let mut parser = Parser::new(room(), ParserLimits::default());
    while let Ok(fed) = parser.feed(input()) {
        black_box(&fed);
    }
    black_box((parser.last_event_id(), parser.reconnection_time()));
    parser.restart();
    encode::EventBlock::new(input()).encode(&mut ResumableWriter::new(room(), number() as usize));
    encode::EventBlock::new(input()).encode(&mut ByteCounter::default());
    encode::retry(Duration::from_millis(number()), &mut ResumableWriter::new(room(), 0));
    let mut reconnect = Reconnect::<64>::new(ReconnectPolicy::default());
    let _ = reconnect.on_response(number() as u16, Some(input()));
    reconnect.on_network_error();
    reconnect.on_retry_field(Duration::from_millis(number()));
    black_box(reconnect.next_delay(number() as u32));
    let _ = black_box(LastEventId::<32>::new().set(text()));
}

fn websocket(role: Role) {
    let mut connection = Connection::new(role, ConnectionConfig::default());
    let mut keys = || Ok([number() as u8; 4]);
    let mut pulse = KeepAlive::new(KeepAliveConfig::default(), now());
    while !connection.is_closed() {
        black_box(connection.receive(input()));
        black_box((
            connection.is_control_next(number() as u8),
            connection.wants_input(),
            connection.should_close_tcp(),
        ));
        black_box((connection.buffered(), connection.has_output(), connection.payload_remaining()));
        black_box(pulse.pong(PingPayload::new(input()), now()));
        let _ = connection.ping(PingPayload::new(input()));
        let _ = connection.start_frame(MessageKind::Text, black_box(true), number(), &mut keys);
        black_box(connection.payload(room(), |room| black_box(room.len())));
        let _ = black_box(connection.frame(room(), MessageKind::Binary, input(), &mut keys));
        let _ = black_box(connection.transmit(room(), &mut keys));
        let _ = black_box(connection.transmit(room(), &mut Unmasked));
        let _ = connection.close(CloseCode::NORMAL, CloseReason::NONE);
        black_box((pulse.tick(now()), pulse.deadline(), connection.peer_close()));
        pulse.heard(now());
    }
}

fn json() {
    let Ok(mut members) = Members::new(input()) else { return };
    while let Ok(Some((name, value))) = members.next() {
        let _ = black_box((name, json::text(value)));
    }
}

fn hub() {
    let Ok(log) = EventLog::new(room(), number() as usize, number() as u32) else { return };
    let mut channel = ChannelLog::<_, 8>::new(log);
    let event_type = EventType::MESSAGE;
    let idempotency_key = Some(&*input());
    let publication = NewEvent { event_type, encoding: Encoding::Binary, data: input(), idempotency_key };
    let reserve = |_: &_, size| size < number() as usize;
    let _ = black_box(channel.publish(&publication, publication.key_digest(), number() as u16, reserve));
    for policy in [NamePolicy::SHORT, NamePolicy::UNRESERVED, NamePolicy::EXTENDED] {
        let _ = black_box(ChannelName::with_policy(decode_channel_name(text(), room()), policy));
    }
}

fn log_and_delivery() {
    let Ok(mut log) = EventLog::new(room(), number() as usize, number() as u32) else { return };
    let event_type = EventType::new(text()).unwrap_or_default();
    while number() < 3 {
        let _ = black_box(log.append(event_type, black_box(Encoding::Text), input()));
    }
    let mut keys = IdempotencyKeys::<4>::default();
    let digest = KeyDigest::new(input(), event_type, black_box(Encoding::Text), input());
    if let Lookup::New = black_box(keys.lookup(digest)) {
        keys.remember(digest, number() as u16, log.newest_id().seq);
    }
    let position = EventId::parse(input()).map_or(Position::Unknown, Position::After);
    let policy = black_box(GapPolicy::Replay);
    black_box(log.read_at(number(), number() as usize, input()));
    let mut stream = StreamBody::new(StreamFormat::Ndjson, &log, position, policy, StreamTimers::default(), now());
    let mut events = StreamBody::new(StreamFormat::EventStream, &log, position, policy, StreamTimers::default(), now());
    while number() < 3 {
        black_box((stream.fill(&log, input(), now()), events.fill(&log, input(), now())));
        stream.end(Duration::from_millis(number()));
        events.end(Duration::from_millis(number()));
    }
    let mut poll = PollBody::new(&log, log.seek(position, policy), &PollLimits::default());
    black_box((poll.length(), poll.last(), poll.fill(&log, input())));
    let mut messages = EventMessages::new(black_box(Subprotocol::Envelope), &log, position, policy);
    while number() < 3 {
        black_box(messages.next(&log));
        let _ = black_box(messages.fill(&log, input()));
    }
}

fn answers_and_urls() {
    if let Ok(answer) = ResponseHead::parse(input(), number() as usize) {
        black_box((answer.status(), answer.header(text()), answer.body_length(black_box(true)), answer.retry_after()));
        let offer = UpgradeRequest { origin: None, protocols: &[text()], nonce: [7; 16] };
        let _ = black_box(offer.verify(answer.status(), answer.fields()));
    }
    if let Ok(url) = Url::parse(text()) {
        black_box((url.endpoint(), url.authority(), url.target()));
    }
    let mut url = UrlBuf::new(room());
    let _ = black_box(url.set(text()));
    let _ = black_box(url.follow(input()));
    black_box(url.as_str());
    let Ok(log) = EventLog::new(input(), number() as usize, number() as u32) else { return };
    black_box(publication(&log, number(), room()));
}

#[unsafe(no_mangle)]
extern "C" fn _start() {
    answers_and_urls();
    http_requests();
    http_bodies();
    sse();
    websocket(black_box(Role::Server));
    log_and_delivery();
    json();
    hub();
    let protocols = &[text()];
    let client = UpgradeRequest { origin: Some(text()), protocols, nonce: [number() as u8; 16] };
    let _ = black_box(client.validate());
    client.put(&mut ResumableWriter::new(room(), number() as usize));
}
