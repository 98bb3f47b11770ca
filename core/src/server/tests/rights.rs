//! Rights on channels: reading, publishing, and the end of a grant.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;

use super::client::{Answer, Client, Content, ReaderItem, Ws, get};
use super::json::Json;
use crate::format::Transport;
use crate::http::{Response, Status};
use crate::hub::HubBackend;
use crate::hub_http::{
    Authorized, Authorizer, ChannelIntent, ExpiringRights, GRANT_EXPIRED, GRANT_WITHDRAWN, Grant, HubHandler,
    RIGHTS_FIELD, Rights, WithdrawableGrant, WithdrawableGrants,
};
use crate::log::{EventType, LogReader};
use crate::server::{Disconnect, Exchange, Handler, Runtime, ServerConfig};
use crate::testing::{Simulation, TestHub, hub, leak};
use crate::time::Instant;
use crate::ws::connection::MessageKind;

const SECOND: Duration = Duration::from_secs(1);
const COOKIE: &str = "Cookie: user=ada\r\n";
const BEARER: &str = "Authorization: Bearer secret\r\n";
const FORBIDDEN: &str = "publishing to this channel is not permitted";

/// A cookie reads, and a bearer token publishes. Other requests are redirected.
#[derive(Default)]
struct CookieReads {
    intents: RefCell<Vec<(String, Transport, Rights)>>,
}

impl Authorizer for CookieReads {
    type Grant = Rights;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, Rights> {
        self.intents.borrow_mut().push((intent.channel.as_str().to_string(), intent.transport, intent.wanted));
        let request = exchange.request();
        let rights = Rights {
            read: request.header("cookie").is_some(),
            publish: request.header("authorization") == Some(b"Bearer secret"),
        };
        if rights != Rights::NONE {
            return Ok((exchange, rights));
        }
        let headers = &[("Location", "/login")];
        let response = Response { status: Status::SEE_OTHER, content_type: None, headers, body: b"" };
        Err(exchange.respond(&response).await)
    }
}

fn serve<H: Handler + 'static>(handler: H) -> (&'static Simulation, Client) {
    let sim = Simulation::new();
    (sim, sim.connect(leak(ServerConfig::default()), leak(handler)))
}

fn newest(hub: &'static TestHub) -> u64 {
    hub.open(crate::hub::ChannelName::new("a").unwrap(), false, None).unwrap().newest()
}

fn refused(answer: &Answer) -> bool {
    (answer.status, answer.text().trim_end()) == (403, FORBIDDEN)
}

/// The messages that a WebSocket receives.
fn messages(client: &mut Client, ws: &mut Ws, plain: bool) -> Vec<ReaderItem> {
    client.read();
    let messages = ws.read(&mut client.came, plain);
    let output = ws.output();
    if !client.eof {
        client.try_send(&output);
    }
    messages
}

fn publish_over(client: &mut Client, ws: &mut Ws, message: &str) -> Vec<ReaderItem> {
    let frame = ws.message(MessageKind::Text, message.as_bytes());
    client.send(&frame);
    messages(client, ws, ws.protocol.is_none())
}

fn error_reply(reference: &str) -> ReaderItem {
    ReaderItem::Reply(Json::parse(&format!(r#"{{"ref":"{reference}","error":"{FORBIDDEN}"}}"#)))
}

fn event(seq: u64, data: &str) -> ReaderItem {
    ReaderItem::Event { id: format!("00000abc-{seq}"), event_type: "message".to_string(), data: data.to_string() }
}

#[test]
fn a_read_only_hub_refuses_every_publication() {
    let hub = leak(hub(16, 2048));
    let (sim, mut client) = serve(HubHandler::new(hub).read_only());
    assert!(refused(&client.post("/events/a", "", "forged")));
    assert!(refused(&client.post("/events/unknown", "", "forged")), "never: there is no such channel");
    assert_eq!(client.get("/events/a", "").status, 200);
    let mut ws = Ws::open(&mut client, "/events/a", "", &["goldcrest.v1"]);
    assert_eq!(publish_over(&mut client, &mut ws, r#"{"data":"forged","ref":"r"}"#), [error_reply("r")]);
    hub.publish("a", EventType::MESSAGE, b"real").unwrap();
    assert_eq!(messages(&mut client, &mut ws, false), [event(1, "real")], "the socket still reads");

    let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub).read_only()));
    let mut ws = Ws::open(&mut client, "/events/a", "", &[]);
    assert_eq!(publish_over(&mut client, &mut ws, "forged"), [ReaderItem::Close(Some(1008), String::new())]);
    assert_eq!(newest(hub), 1);
}

#[test]
fn a_forged_publication_in_fragments_is_refused() {
    let hub = leak(hub(16, 2048));
    let (_, mut client) = serve(HubHandler::new(hub).read_only());
    let mut ws = Ws::open(&mut client, "/events/a", "", &[]);
    // "forged" in two frames, masked with zeros.
    client.send(&[0x01, 0x83, 0, 0, 0, 0, b'f', b'o', b'r', 0x80, 0x83, 0, 0, 0, 0, b'g', b'e', b'd']);
    assert_eq!(messages(&mut client, &mut ws, true), [ReaderItem::Close(Some(1008), String::new())]);
    assert_eq!(newest(hub), 0);
}

#[test]
fn a_cookie_that_reads_does_not_publish_over_a_websocket() {
    let hub = leak(hub(16, 2048));
    let handler = || HubHandler::new(hub).authorizer(CookieReads::default());
    let (sim, mut client) = serve(handler());
    assert!(refused(&client.post("/events/a", COOKIE, "forged")));
    let mut ws = Ws::open(&mut client, "/events/a", COOKIE, &["goldcrest.v1"]);
    assert_eq!(publish_over(&mut client, &mut ws, r#"{"data":"forged","ref":"r"}"#), [error_reply("r")]);
    let mut client = sim.connect(leak(ServerConfig::default()), leak(handler()));
    let mut ws = Ws::open(&mut client, "/events/a", COOKIE, &[]);
    assert_eq!(publish_over(&mut client, &mut ws, "forged"), [ReaderItem::Close(Some(1008), String::new())]);
    assert_eq!(newest(hub), 0);

    let mut client = sim.connect(leak(ServerConfig::default()), leak(handler()));
    assert_eq!(client.post("/events/a", BEARER, "real").status, 201, "the first socket follows");
    let mut ws = Ws::open(&mut client, "/events/a?after=newest", &format!("{COOKIE}{BEARER}"), &[]);
    assert_eq!(publish_over(&mut client, &mut ws, "also"), [ReaderItem::Plain("also".to_string())]);
    assert_eq!(newest(hub), 2);
}

#[test]
fn a_websocket_that_may_only_publish_receives_no_event() {
    let hub = leak(hub(16, 2048));
    let (_, mut client) = serve(HubHandler::new(hub).authorizer(CookieReads::default()));
    assert_eq!(client.get("/events/a", BEARER).status, 403);
    assert_eq!(client.get("/events/a", BEARER).text(), "reading this channel is not permitted\n");
    let mut ws = Ws::open(&mut client, "/events/a?after=oldest", BEARER, &["goldcrest.v1"]);
    let told = publish_over(&mut client, &mut ws, r#"{"data":"x","ref":"r"}"#);
    assert_eq!(told, [ReaderItem::Reply(Json::parse(r#"{"ref":"r","id":"00000abc-1"}"#))]);
    let outcome = hub.publish("a", EventType::MESSAGE, b"y").unwrap();
    assert_eq!((outcome.seq, messages(&mut client, &mut ws, false)), (2, vec![]));
}

#[test]
fn an_authorizer_sees_the_parsed_intent_once_a_request() {
    let hub = leak(hub(16, 2048));
    let authorizer = leak(CookieReads::default());
    let (sim, mut client) = serve(HubHandler::new(hub).authorizer(authorizer));
    client.get("/events/a", COOKIE);
    client.ask(&format!("HEAD /events/a HTTP/1.1\r\nHost: localhost\r\n{COOKIE}\r\n"));
    client.post("/events/unknown", BEARER, "x");
    client.send(get("/events/a?transport=longpoll&wait=1", COOKIE).as_bytes());
    sim.pass(SECOND * 2);
    client.answer().unwrap();
    // Neither has an intent: the transport is unknown, and a channel has no DELETE.
    assert_eq!(client.get("/events/a?transport=fax", COOKIE).status, 400);
    assert_eq!(client.ask("DELETE /events/a HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
    Ws::open(&mut client, "/events/b", COOKIE, &[]);
    for accept in ["text/event-stream", "application/x-ndjson"] {
        let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub).authorizer(authorizer)));
        client.send(get("/events/a", &format!("{COOKIE}Accept: {accept}\r\n")).as_bytes());
    }
    let a = |transport, wanted| ("a".to_string(), transport, wanted);
    assert_eq!(
        *authorizer.intents.borrow(),
        [
            a(Transport::Poll, Rights::READ),
            a(Transport::Poll, Rights::READ),
            ("unknown".to_string(), Transport::Publish, Rights::PUBLISH),
            a(Transport::LongPoll, Rights::READ),
            ("b".to_string(), Transport::WebSocket, Rights::ALL),
            a(Transport::Sse, Rights::READ),
            a(Transport::Stream, Rights::READ),
        ]
    );
}

#[test]
fn an_authorizer_answers_in_place_of_the_channel() {
    let hub = leak(hub(16, 2048));
    let (_, mut client) = serve(HubHandler::new(hub).authorizer(CookieReads::default()));
    for fields in ["", "Accept: text/event-stream\r\n", "Prefer: wait=9\r\n"] {
        let answer = client.get("/events/a", fields);
        assert_eq!((answer.status, answer.field("location"), answer.keeps()), (303, Some("/login"), true), "{fields}");
    }
    let answer = client.post("/events/unknown", "", "content that is skipped");
    assert_eq!((answer.status, answer.keeps()), (303, true));
    assert_eq!(client.get("/events/a", COOKIE).status, 200, "the connection goes on");
    assert_eq!(newest(hub), 0);
}

#[test]
fn the_rights_field_reduces_rights_and_adds_none() {
    let hub = leak(hub(16, 2048));
    let field = |rights: &str| format!("{RIGHTS_FIELD}: {rights}\r\n");
    let (sim, mut client) = serve(HubHandler::new(hub));
    for (rights, get, post) in
        [("read", 200, 403), ("publish", 403, 202), ("Read , PUBLISH", 200, 202), ("none", 403, 403), ("", 403, 403)]
    {
        assert_eq!(client.get("/events/a", &field(rights)).status, get, "{rights:?}");
        assert_eq!(client.post("/events/a", &field(rights), "x").status, post, "{rights:?}");
    }
    let published = newest(hub);
    let mut ws = Ws::open(&mut client, "/events/a", &field("read"), &[]);
    assert_eq!(publish_over(&mut client, &mut ws, "forged"), [ReaderItem::Close(Some(1008), String::new())]);
    let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub).read_only()));
    assert!(refused(&client.post("/events/a", &field("read, publish"), "forged")));
    assert_eq!(newest(hub), published);
}

/// A grant that is withdrawn by a flag, and ends after some seconds.
#[derive(Default)]
struct Session {
    withdrawn: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    valid_for: Cell<Option<Duration>>,
}

impl Session {
    fn withdraw(&self) {
        self.withdrawn.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

struct SessionGrant(&'static Session, Instant);

impl Grant for SessionGrant {
    fn rights(&self) -> Rights {
        Rights::ALL
    }

    fn identity(&self) -> &str {
        "ada"
    }

    fn valid_until(&self) -> Instant {
        self.1
    }

    fn is_withdrawn(&self) -> bool {
        self.0.withdrawn.get()
    }

    fn register_waker(&mut self, waker: &Waker) {
        *self.0.waker.borrow_mut() = Some(waker.clone());
    }
}

impl Authorizer for &'static Session {
    type Grant = SessionGrant;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        _intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, SessionGrant> {
        let valid_until = self.valid_for.get().map_or(Instant::MAX, |time| exchange.now() + time);
        Ok((exchange, SessionGrant(self, valid_until)))
    }
}

struct Live {
    sim: &'static Simulation,
    hub: &'static TestHub,
    session: &'static Session,
    client: Client,
}

impl Live {
    fn new(valid_for: Option<Duration>) -> Self {
        let (hub, session) = (leak(hub(16, 4096)), leak(Session::default()));
        session.valid_for.set(valid_for);
        let (sim, client) = serve(HubHandler::new(hub).authorizer(session));
        Self { sim, hub, session, client }
    }

    fn publish(&self, data: &[u8]) {
        self.hub.publish("a", EventType::MESSAGE, data).unwrap();
    }
}

#[test]
fn a_stream_ends_in_order_with_its_grant() {
    for (accept, expired, withdrawn) in [
        (
            "text/event-stream",
            "event: grant-end\ndata: {\"reason\":\"expired\"}\n\n",
            "event: grant-end\ndata: {\"reason\":\"withdrawn\"}\n\n",
        ),
        (
            "application/x-ndjson",
            "{\"grant-end\":{\"reason\":\"expired\"}}\n",
            "{\"grant-end\":{\"reason\":\"withdrawn\"}}\n",
        ),
    ] {
        for (valid_for, notice) in [(Some(SECOND * 20), expired), (None, withdrawn)] {
            let mut live = Live::new(valid_for);
            live.client.send(get("/events/a", &format!("Accept: {accept}\r\n")).as_bytes());
            live.client.read();
            let mut content = Content::of(&live.client.head().unwrap());
            live.publish(b"before");
            live.sim.pass(Duration::from_millis(19_999));
            live.client.read();
            let text = content.decode(&mut live.client.came);
            assert!(String::from_utf8_lossy(&text).contains("before"));
            assert!(!content.done);
            if valid_for.is_none() {
                live.session.withdraw();
            }
            live.sim.pass(Duration::from_millis(1));
            live.publish(b"after");
            live.client.read();
            let text = String::from_utf8(content.decode(&mut live.client.came)).unwrap();
            assert_eq!(text, notice);
            assert!(content.done, "the last chunk came");
            live.client.fin();
            live.sim.pass(SECOND);
            assert_eq!(live.client.ended(), Some(Disconnect::Closed));
        }
    }
}

#[test]
fn an_event_that_has_begun_is_sent_whole_before_the_notice() {
    let mut live = Live::new(Some(SECOND * 2));
    live.client.send(get("/events/a", "Accept: text/event-stream\r\n").as_bytes());
    live.client.read();
    let mut content = Content::of(&live.client.head().unwrap());
    content.decode(&mut live.client.came);
    let long = "x".repeat(2_000);
    live.publish(long.as_bytes());
    live.publish(b"after");
    live.sim.pass(SECOND * 3);
    live.client.read();
    let text = String::from_utf8(content.decode(&mut live.client.came)).unwrap();
    let end = format!("data: {long}\n\nevent: grant-end\ndata: {{\"reason\":\"expired\"}}\n\n");
    assert!(text.ends_with(&end) && !text.contains("after"), "{text}");
    assert!(content.done);
}

#[test]
fn a_websocket_closes_with_a_code_of_its_grants_end() {
    for (valid_for, code, reason) in
        [(Some(SECOND * 5), GRANT_EXPIRED, "grant expired"), (None, GRANT_WITHDRAWN, "grant withdrawn")]
    {
        let mut live = Live::new(valid_for);
        let mut ws = Ws::open(&mut live.client, "/events/a", "", &["goldcrest.v1"]);
        live.publish(b"before");
        assert_eq!(messages(&mut live.client, &mut ws, false), [event(1, "before")]);
        live.sim.pass(Duration::from_millis(4_999));
        assert_eq!(messages(&mut live.client, &mut ws, false), []);
        if valid_for.is_none() {
            live.session.withdraw();
        }
        live.sim.pass(Duration::from_millis(1));
        live.publish(b"after");
        // A publication that crosses the Close is refused.
        let frame = ws.message(MessageKind::Text, br#"{"data":"late"}"#);
        live.client.send(&frame);
        let close = ReaderItem::Close(Some(code.as_u16()), reason.to_string());
        assert_eq!(messages(&mut live.client, &mut ws, false), [close]);
        live.sim.pass(SECOND);
        live.client.read();
        assert!(live.client.eof);
        assert_eq!(newest(live.hub), 2, "before and after");
    }
}

#[test]
fn a_long_poll_is_answered_at_the_end_of_its_grant() {
    for valid_for in [Some(SECOND * 5), None] {
        let mut live = Live::new(valid_for);
        live.client.send(get("/events/a", "Prefer: wait=20\r\n").as_bytes());
        live.sim.pass(Duration::from_millis(4_999));
        assert_eq!(live.client.answer(), None);
        if valid_for.is_none() {
            live.session.withdraw();
        }
        live.sim.pass(Duration::from_millis(1));
        let answer = live.client.answer().unwrap();
        assert_eq!((answer.status, answer.json().list("events").len()), (200, 0));
    }
}

/// Grants of a chip, two at a time.
struct Password(WithdrawableGrants<NoopRawMutex, 2>);

impl Authorizer for &'static Password {
    type Grant = WithdrawableGrant<'static, NoopRawMutex, 2>;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        _intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, Self::Grant> {
        match self.0.grant(Rights::READ) {
            Some(grant) => {
                let end = exchange.now() + SECOND * 60;
                Ok((exchange, grant.until(end)))
            }
            None => Err(exchange.forbidden().await),
        }
    }
}

#[test]
fn grants_of_a_chip_are_withdrawn_together() {
    let hub = leak(hub(16, 2048));
    let password = leak(Password(WithdrawableGrants::new()));
    let sim = Simulation::new();
    let connect = || sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub).authorizer(password)));
    let follow = |accept: &str| {
        let mut client = connect();
        client.send(get("/events/a", &format!("Accept: {accept}\r\n")).as_bytes());
        client.read();
        (client.head().unwrap().status, client)
    };
    let (status, mut first) = follow("text/event-stream");
    assert_eq!(status, 200);
    let (status, second) = follow("application/x-ndjson");
    assert_eq!((status, follow("text/event-stream").0), (200, 403), "a third grant does not fit");
    drop(second);
    sim.pass(SECOND);
    let (status, mut third) = follow("application/x-ndjson");
    assert_eq!(status, 200, "a response that ended has released its grant");
    assert_eq!((password.0.withdraw(), password.0.withdraw()), (2, 0));
    sim.run();
    for client in [&mut first, &mut third] {
        client.read();
        assert!(client.text().ends_with("\r\n0\r\n\r\n") && client.text().contains("withdrawn"), "{}", client.text());
    }
    assert_eq!(follow("text/event-stream").0, 200, "a grant after the withdrawal is valid");
}

/// A session that is found once a database has answered.
#[derive(Default)]
struct Database {
    answer: Cell<Option<Rights>>,
    waker: RefCell<Option<Waker>>,
}

impl Authorizer for &'static Database {
    type Grant = ExpiringRights;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        _intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, ExpiringRights> {
        let rights = poll_fn(|cx| match self.answer.get() {
            Some(rights) => Poll::Ready(rights),
            None => {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
        let valid_until = exchange.now() + SECOND;
        Ok((exchange, ExpiringRights { rights, valid_until }))
    }
}

#[test]
fn an_authorizer_may_wait() {
    let hub = leak(hub(16, 2048));
    let database = leak(Database::default());
    let (sim, mut client) = serve(HubHandler::new(hub).authorizer(database));
    client.send(super::client::post("/events/a", "", "x").as_bytes());
    sim.pass(SECOND * 30);
    assert_eq!((client.answer(), newest(hub)), (None, 0));
    database.answer.set(Some(Rights::PUBLISH));
    database.waker.take().unwrap().wake();
    assert_eq!(client.answer().map(|answer| answer.status), Some(202));
    assert_eq!(newest(hub), 1);
}

#[test]
fn the_cursor_after_a_grants_end_resumes_without_loss() {
    let mut live = Live::new(Some(SECOND));
    live.client.send(get("/events/a", "Accept: text/event-stream\r\n").as_bytes());
    live.publish(b"one");
    live.sim.pass(SECOND);
    live.client.read();
    live.publish(b"two");
    let mut client = live.sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(live.hub)));
    let answer = client.get("/events/a", "Last-Event-ID: 00000abc-1\r\n");
    assert!(answer.text().contains("\"two\"") && !answer.text().contains("\"one\""), "{}", answer.text());
}
