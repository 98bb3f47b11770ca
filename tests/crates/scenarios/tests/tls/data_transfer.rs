//! Events and messages arrive complete.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use goldcrest_core::client::url::Url;
use goldcrest_core::client::{
    ClientWebSocket, Connect, ConnectOptions, EventSource, EventSourceEvent, EventSourceOptions, Position, Publisher,
    Subscription, SubscriptionEvent, SubscriptionOptions, Transport,
};
use goldcrest_core::hub::NewEvent;
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::log::{Encoding, EventType};
use goldcrest_core::sse::parse::ParserLimits;
use goldcrest_core::sse::reconnect::ReconnectPolicy;
use goldcrest_core::ws::connection::MessageKind;
use goldcrest_tests::Server;

use super::authority::Authority;
use super::runtime::{PIPE, Records, WIDTH, World, config, memory, through, through_with};
use super::terminator::{Terminator, Trick};

/// Comes back soon.
pub(crate) const SOON: ReconnectPolicy = ReconnectPolicy {
    reconnection_time: Duration::from_millis(20),
    shortest: Duration::from_millis(10),
    longest: Duration::from_millis(200),
    ..ReconnectPolicy::DEFAULT
};

pub(crate) const WAYS: [Transport; 5] =
    [Transport::WebSocket, Transport::Sse, Transport::Stream, Transport::LongPoll, Transport::Poll];

/// A subscription from the oldest event on.
pub(crate) fn subscribe(world: &'static World, url: String, ways: &[Transport]) -> Subscription<'static, World> {
    let options = SubscriptionOptions {
        transports: ways.to_vec().leak(),
        start: Position::Oldest,
        poll_interval: Duration::from_millis(10),
        reconnect: SOON,
        ..SubscriptionOptions::default()
    };
    Subscription::new(world, config(), url.leak(), options, memory(2048))
}

/// The data of so many events, and how often the connection was lost meanwhile.
pub(crate) async fn hear(subscription: &mut Subscription<'static, World>, count: usize) -> (Vec<String>, usize) {
    let (mut heard, mut lost) = (Vec::new(), 0);
    while heard.len() < count {
        match subscription.next().await.unwrap() {
            SubscriptionEvent::Event(event) => heard.push(String::from_utf8(event.data.as_bytes().to_vec()).unwrap()),
            SubscriptionEvent::Disconnected { .. } => lost += 1,
            SubscriptionEvent::Gap(gap) => panic!("{gap:?}"),
            SubscriptionEvent::Opened { .. } => {}
        }
    }
    (heard, lost)
}

#[test]
fn every_transport_delivers_every_event() {
    let (authority, server) = (Authority::new(), Server::start(&[]));
    let front = Terminator::before(server.address(), &authority.sign(&["localhost"]));
    for way in WAYS {
        let channel = server.channel();
        let texts: Vec<String> = (0..20).map(|number| format!("{number} {}", "x".repeat(number * 40))).collect();
        channel.publish(&texts[0]);
        let url = front.url("https", "localhost", &format!("/events/{}", channel.name()));
        let heard = through(authority.trust(), async |world| {
            let mut subscription = subscribe(world, url, &[way]);
            let mut heard = hear(&mut subscription, 1).await.0;
            for text in &texts[1..] {
                channel.publish(text);
                heard.extend(hear(&mut subscription, 1).await.0);
            }
            heard
        });
        assert_eq!(heard, texts, "{}", way.as_str());
    }
}

#[test]
fn an_event_source_and_a_publisher_work() {
    let (authority, server) = (Authority::new(), Server::start(&[]));
    let front = Terminator::before(server.address(), &authority.sign(&["localhost"]));
    let channel = server.channel();
    let url: &str = front.url("https", "localhost", &format!("/events/{}", channel.name())).leak();
    through(authority.trust(), async |world| {
        let mut publisher = Publisher::new(world, config(), url, memory(1024));
        for data in ["one", "two"] {
            let publication = NewEvent {
                event_type: EventType::MESSAGE,
                encoding: Encoding::Text,
                data: data.as_bytes(),
                idempotency_key: None,
            };
            assert!(publisher.publish(&publication).await.unwrap().id.contains('-'));
        }
        drop(publisher);
        let url: &str = format!("{url}?after=oldest").leak();
        let mut events = vec![0; ParserLimits::DEFAULT.memory(512)];
        let mut source =
            EventSource::new(world, config(), url, EventSourceOptions::default(), memory(1024), &mut events);
        for expected in ["one", "two"] {
            loop {
                if let EventSourceEvent::Event(event) = source.next().await.unwrap() {
                    assert_eq!(event.data, expected);
                    break;
                }
            }
        }
    });
}

#[test]
fn messages_of_any_size_come_back_over_a_web_socket() {
    let (authority, server) = (Authority::new(), Server::start_echo());
    let front = Terminator::before(server.address(), &authority.sign(&["localhost"]));
    let url = front.url("wss", "localhost", "/echo");
    through(authority.trust(), async |world| {
        let (mut buffer, config) = (vec![0; 70_000], config());
        let options = ConnectOptions::default();
        let mut socket = ClientWebSocket::connect(world, config, &url, &options, &mut buffer).await.unwrap();
        for size in [0, 1, 125, 126, PIPE - 8, PIPE, PIPE + 1, 16 * 1024, 65_536] {
            let message: Vec<u8> = (0..size).map(|at| (at * 7) as u8).collect();
            socket.send(MessageKind::Binary, &message).await.unwrap();
            let came = socket.recv(&mut buffer).await.unwrap().unwrap();
            assert_eq!((came.payload.len(), came.payload), (size, &message[..]));
        }
        socket.close().await.unwrap();
    });
}

/// Each message comes back.
pub(crate) fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || {
                let (mut client, mut buffer) = (client.unwrap(), [0; 4096]);
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    client.write_all(&buffer[..count]).unwrap();
                }
            });
        }
    });
    address
}

/// Says so many bytes and hears them again, both at once.
pub(crate) async fn converse(socket: &mut impl Socket, most: usize) {
    let byte = |at: usize| (at % 251) as u8;
    let (mut said, mut heard) = (0, 0);
    while heard < most {
        let want = Interest { read: true, writable_bytes: usize::from(said < most), flushed: false };
        socket.wait(want).await.unwrap();
        let lent = socket.try_write_with(|room| {
            let count = room.len().min(most - said);
            room[..count].iter_mut().enumerate().for_each(|(at, room)| *room = byte(said + at));
            (count, count)
        });
        if let TryIo::Done(count) = lent.unwrap() {
            said += count;
        }
        let lent = socket.try_read_with(|bytes| {
            bytes.iter().enumerate().for_each(|(at, came)| assert_eq!(*came, byte(heard + at), "byte {}", heard + at));
            (bytes.len(), bytes.len())
        });
        match lent.unwrap() {
            TryIo::Done(count) => heard += count,
            TryIo::WouldBlock => {}
            TryIo::Eof => panic!("it ends after {heard} bytes"),
        }
    }
}

#[test]
fn full_duplex_traffic_does_not_block() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let url = front.url("https", "localhost", "/");
    through(authority.trust(), async |world| {
        let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        converse(&mut socket, 2_000_000).await;
    });
}

#[test]
fn records_arrive_at_any_tcp_segmentation() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let url = front.url("https", "localhost", "/");
    for width in [1, 2, 3, 5, 7, 64] {
        WIDTH.set(width);
        through(authority.trust(), async |world| {
            let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
            converse(&mut socket, 20_000).await;
        });
    }
}

#[test]
fn a_server_with_small_records_needs_small_buffers() {
    let authority = Authority::new();
    let shown = authority.sign(&["localhost"]);
    let front = Terminator::with(echo(), &shown, |_| Trick::None, |config| config.max_fragment_size = Some(1024 + 5));
    let url = front.url("https", "localhost", "/");
    through_with(authority.trust(), Records { read: 1100, write: 512 }, async |world| {
        let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        converse(&mut socket, 100_000).await;
    });
}

#[test]
fn connections_are_opened_in_sequence() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let url = front.url("https", "localhost", "/");
    through(authority.trust(), async |world| {
        for most in [1, 10_000, 0, 5] {
            let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
            converse(&mut socket, most).await;
        }
    });
    assert_eq!(front.connections(), 4);
}
