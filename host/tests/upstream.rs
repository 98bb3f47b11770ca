//! A hub that follows a channel of another: nothing lost that the other one keeps, nothing twice.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use goldcrest_host::core::hub::{ChannelName, ChannelNameError, NamePolicy, NewEvent};
use goldcrest_host::core::hub_http::HubHandler;
use goldcrest_host::core::log::{Encoding, EventType};
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{ChannelLimits, Hub, LocalHub, Server, ShutdownHandle, UpstreamChannel, UpstreamError};
use serde_json::Value;

struct Channels(LocalHub);

impl Handler for Channels {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.0).handle(exchange).await
    }
}

/// A server of a hub, stopped when it is dropped.
struct Running {
    hub: Hub,
    address: SocketAddr,
    stopper: ShutdownHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    fn start(address: &str, follow: &[String]) -> Self {
        Self::of(ChannelLimits::default(), address, follow)
    }

    fn extended(follow: &[String]) -> Self {
        let limits = ChannelLimits { names: NamePolicy::EXTENDED, ..ChannelLimits::default() };
        Self::of(limits, "127.0.0.1:0", follow)
    }

    fn of(limits: ChannelLimits, address: &str, follow: &[String]) -> Self {
        let hub = Hub::new(limits).unwrap();
        let (tell, told) = mpsc::channel();
        let server = Server::new().hub(hub.clone()).threads(2).listen(address.parse().unwrap());
        let server = follow.iter().fold(server, |server, text| server.upstream(text.parse().unwrap()));
        let server = server.on_listening(move |addresses| tell.send(addresses[0]).unwrap());
        let stopper = server.shutdown_handle();
        let thread = Some(thread::spawn(|| server.run(Channels)));
        Self { hub, address: told.recv().unwrap(), stopper, thread }
    }

    fn new() -> Self {
        Self::start("127.0.0.1:0", &[])
    }

    fn url(&self, channel: &str) -> String {
        format!("http://{}/events/{channel}", self.address)
    }

    fn publish(&self, channel: &str, data: &str) {
        self.hub.publish(channel, EventType::MESSAGE, data).unwrap();
    }

    /// The first events of a channel, once there are so many; `type|data`, or bytes as Base64 `type|data|base64`.
    fn read(&self, channel: &str, count: usize) -> Vec<String> {
        let (mut events, mut after) = (Vec::new(), "oldest".to_owned());
        while events.len() < count {
            let answer = self.ask(&format!("/events/{channel}?transport=longpoll&wait=20&after={after}")).unwrap();
            let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
            let came = answer["events"].as_array().unwrap();
            assert!(!came.is_empty(), "after {events:?} nothing comes");
            events.extend(came.iter().map(|event| {
                let encoding = event["encoding"].as_str().map(|it| format!("|{it}")).unwrap_or_default();
                format!("{}|{}{encoding}", event["type"].as_str().unwrap(), event["data"].as_str().unwrap())
            }));
            after = answer["after"].as_str().unwrap().to_owned();
        }
        events
    }

    fn ask(&self, target: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn stop(&mut self) {
        self.stopper.shut_down();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("message|{number}")).collect()
}

#[test]
fn kept_and_new_upstream_events_arrive_in_order() {
    let there = Running::new();
    there.publish("news", "0");
    let here = Running::start("127.0.0.1:0", &[format!("theirs={}", there.url("news"))]);
    there.publish("news", "a\r\n\"b\"");
    let channel = ChannelName::new("news").unwrap();
    let event_type = EventType::new("picture").unwrap();
    let bytes = NewEvent { event_type, encoding: Encoding::Binary, data: b"\0\xff", idempotency_key: None };
    there.hub.publish_event(channel, &bytes, None).unwrap();
    assert_eq!(here.read("theirs", 3), ["message|0", "message|a\r\n\"b\"", "picture|AP8=|base64"]);
}

#[test]
fn two_paths_to_one_channel_duplicate_no_event() {
    let there = Running::new();
    let here = Running::start("127.0.0.1:0", &[there.url("news"), format!("{}?second", there.url("news"))]);
    for number in 0..50 {
        there.publish("news", &number.to_string());
    }
    assert_eq!(here.read("news", 50), numbers(0..50));
    // The slower of the two would have brought the first ones again by the time that the last of these is here.
    for number in 50..70 {
        there.publish("news", &number.to_string());
        here.read("news", number + 1);
    }
    assert_eq!(here.read("news", 70), numbers(0..70));
}

#[test]
fn a_restarted_upstream_duplicates_no_event() {
    let mut there = Running::new();
    let here = Running::start("127.0.0.1:0", &[there.url("news")]);
    for number in 0..5 {
        there.publish("news", &number.to_string());
    }
    assert_eq!(here.read("news", 5), numbers(0..5));
    there.stop();
    let again = Running::start(&there.address.to_string(), &[]);
    for number in 5..10 {
        again.publish("news", &number.to_string());
    }
    assert_eq!(here.read("news", 10), numbers(0..10));
}

#[test]
fn a_hub_with_upstreams_shuts_down_at_once() {
    let there = Running::new();
    // One upstream that answers, and one address without a listener.
    let mut here = Running::start("127.0.0.1:0", &[there.url("news"), "http://127.0.0.1:1/events/nobody".to_owned()]);
    there.publish("news", "0");
    assert_eq!(here.read("news", 1), numbers(0..1));
    let begin = std::time::Instant::now();
    here.stop();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_channel_upstream_of_itself_is_an_error() {
    let probe = Running::new();
    let (address, url) = (probe.address.to_string(), probe.url("news"));
    drop(probe);
    let here = Running::start(&address, &[url]);
    here.publish("news", "0");
    let begin = std::time::Instant::now();
    // The event would return within this time; its absence has no signal to wait for.
    while here.read("news", 1).len() == 1 && begin.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(20));
    }
    for number in 1..5 {
        here.publish("news", &number.to_string());
    }
    assert_eq!(here.read("news", 5), numbers(0..5));
}

#[test]
fn an_upstream_names_a_channel_and_a_url() {
    let channel = |text: &str| text.parse::<UpstreamChannel>().map(|follow| follow.channel().to_owned());
    assert_eq!(channel("http://h/events/news?a=b"), Ok("news".to_owned()));
    assert_eq!(channel("ours=ws://h:1/x/"), Ok("ours".to_owned()));
    assert_eq!(channel("http://h/events/a%7E%62"), Ok("a~b".to_owned()));
    assert_eq!(channel("http://h/hub/events/orders%2F42/grün:@"), Ok("orders/42/grün:@".to_owned()));
    assert_eq!(channel("a:b/grün=http://h/x"), Ok("a:b/grün".to_owned()));
    let invalid = Err(UpstreamError::Channel(ChannelNameError(NamePolicy::EXTENDED)));
    for url in ["http://h/events/%2e.", "http://h/x/", "http://h/events/a%20b", "http://h/events/%FF"] {
        assert_eq!(channel(url), invalid, "{url}");
    }
    for text in ["", "news", "ours=", "ours=/events/news", "a b=http://h/events/news"] {
        assert!(matches!(text.parse::<UpstreamChannel>(), Err(UpstreamError::Url(_))), "{text:?}");
    }
}

#[test]
fn a_server_rejects_an_upstream_channel_whose_name_its_hub_does_not_permit() {
    let server = Server::new().listen("127.0.0.1:0".parse().unwrap());
    let server = server.upstream("http://127.0.0.1:1/events/orders/42".parse().unwrap());
    let error = server.run(Channels).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.contains(NamePolicy::UNRESERVED.text()) && text.contains("CHANNEL=URL"), "{text}");
}

#[test]
fn an_upstream_channel_keeps_its_extended_name() {
    let there = Running::extended(&[]);
    there.publish("orders/grün", "0");
    let here = Running::extended(&[there.url("orders/grün")]);
    assert_eq!(here.read("orders%2Fgr%C3%BCn", 1), ["message|0"]);
}
