//! A WebSocket with a handler of this crate.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::network::{Log, Network, Then, poll_once, script, seconds};
use crate::client::{ClientConfig, ClientWebSocket, ConnectOptions, Error};
use crate::io::{Interest, Pipe, PipeEnd, Socket, TryIo};
use crate::server::{
    AcceptOptions as Serving, Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve,
};
use crate::testing::{Simulation, leak};
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{MessageKind, PingPayload};

/// Echoes messages; closes after the message `bye`.
struct Echo;

impl Handler for Echo {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let options = Serving { protocols: &["two", "one"], ..Serving::default() };
        let mut socket = exchange.websocket(&options).await?;
        let mut buffer = [0; 2048];
        while let Some(message) = socket.recv(&mut buffer).await? {
            if message.payload == b"bye" {
                let reason = CloseReason::new("as you wish").unwrap();
                return socket.close_with(CloseCode::new(4_000).unwrap(), reason).await;
            }
            socket.send(message.kind, message.payload).await?;
        }
        socket.close().await
    }
}

fn echo(sim: &'static Simulation, ends: fn() -> (PipeEnd<'static>, PipeEnd<'static>)) -> &'static Network {
    let config = leak(ServerConfig::default());
    Network::over(sim, ends, move |mut end, _| {
        sim.spawn(async move { serve(&mut end, &sim.runtime, config, &Echo).await });
    })
}

const PIPES: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 5] = [
    || leak(Pipe::<1>::new()).ends(),
    || leak(Pipe::<5>::new()).ends(),
    || leak(Pipe::<64>::new()).ends(),
    || leak(Pipe::<131>::new()).ends(),
    || leak(Pipe::<1072>::new()).ends(),
];

fn messages() -> [(MessageKind, Vec<u8>); 6] {
    let long: Vec<u8> = (0..1_500).map(|byte| byte as u8).collect();
    [
        (MessageKind::Text, "h\u{e9}llo".into()),
        (MessageKind::Text, Vec::new()),
        (MessageKind::Binary, long[..125].to_vec()),
        (MessageKind::Binary, long[..126].to_vec()),
        (MessageKind::Binary, long),
        (MessageKind::Text, "x".repeat(200).into()),
    ]
}

#[test]
fn messages_of_any_length_are_echoed_over_any_buffer_size() {
    for ends in PIPES {
        for dropping in [false, true] {
            let (sim, log) = (Simulation::new(), Log::default());
            let (net, told) = (echo(sim, ends), log.clone());
            sim.spawn(async move {
                converse(net, dropping, &told).await.unwrap();
                Disconnect::Closed
            });
            sim.pass(seconds(1));
            assert_eq!(log.all(), ["Some(\"two\")", "Some(Some(CloseCode(4000))) as you wish", "done"]);
            assert_eq!(sim.running(), 0);
        }
    }
}

async fn converse(net: &'static Network, dropping: bool, told: &Log) -> Result<(), Disconnect> {
    let mut buffer = [0; 2048];
    let options = ConnectOptions { protocols: &["one", "two"], ..ConnectOptions::default() };
    let config = leak(ClientConfig::default());
    let mut socket = ClientWebSocket::connect(net, config, "ws://localhost/", &options, &mut buffer).await.unwrap();
    told.push(format!("{:?}", socket.protocol()));
    for (kind, payload) in messages() {
        socket.send(kind, &payload).await?;
        let message = loop {
            if !dropping {
                break socket.recv(&mut buffer).await?;
            }
            if let Some(ready) = poll_once(socket.ready()).await {
                assert!(ready?);
                break socket.recv(&mut buffer).await?;
            }
        };
        let message = message.unwrap();
        assert_eq!((message.kind, message.payload), (kind, &payload[..]));
    }
    socket.ping(PingPayload::new(b"x"))?;
    socket.send(MessageKind::Text, b"bye").await?;
    assert_eq!(socket.recv(&mut buffer).await?, None);
    let close = socket.peer_close().unwrap();
    told.push(format!("{:?} {}", Some(close.code), close.reason));
    socket.close().await?;
    told.push("done");
    Ok(())
}

/// The result of connecting to a server that responds by `answer`.
fn refused(answer: impl Fn(&str) -> String + 'static, options: ConnectOptions<'static>) -> String {
    let (sim, log) = (Simulation::new(), Log::default());
    let net = Network::new(sim, script(sim, move |_, request| (answer(request).into_bytes(), Then::Hold)));
    open(net, options, &log);
    sim.pass(seconds(60));
    log.all().pop().unwrap()
}

fn open(net: &'static Network, options: ConnectOptions<'static>, log: &Log) {
    let told = log.clone();
    net.sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let opened = ClientWebSocket::connect(net, config, "ws://localhost/", &options, &mut [0; 512]).await;
        told.push(opened.map_or_else(|error| format!("{error:?}"), |_| "open".to_string()));
        Disconnect::Closed
    });
}

pub(super) fn accepting(request: &str, more: &str) -> String {
    use crate::ws::handshake::key::{WebSocketKey, accept_key};
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = accept_key(WebSocketKey::parse(key.as_bytes()).unwrap());
    let accept = core::str::from_utf8(&accept).unwrap();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
}

#[test]
fn invalid_handshake_responses_are_rejected() {
    let plain = ConnectOptions::default();
    let chat = ConnectOptions { protocols: &["chat"], ..plain };
    assert_eq!(refused(|request| accepting(request, ""), plain), "open");
    assert_eq!(refused(|request| accepting(request, ""), chat), "open");
    assert_eq!(refused(|request| accepting(request, "Sec-WebSocket-Protocol: chat\r\n"), chat), "open");
    for (more, options, expected) in [
        ("Sec-WebSocket-Protocol: chat\r\n", plain, "UpgradeFailed(Protocol)"),
        ("Sec-WebSocket-Protocol: Chat\r\n", chat, "UpgradeFailed(Protocol)"),
        ("Sec-WebSocket-Extensions: permessage-deflate\r\n", plain, "UpgradeFailed(Extension)"),
        ("Sec-WebSocket-Accept: x\r\n", plain, "UpgradeFailed(Accept)"),
        ("A\r\n", plain, "Response(Broken(FieldLine))"),
    ] {
        assert_eq!(refused(move |request| accepting(request, more), options), expected, "{more}");
    }
    let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    for (answer, expected) in [
        (format!("{switching}\r\n"), "UpgradeFailed(Accept)"),
        (format!("{switching}Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"), "UpgradeFailed(Accept)"),
        ("HTTP/1.1 101 x\r\nConnection: Upgrade\r\n\r\n".to_string(), "UpgradeFailed(Upgrade)"),
        ("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n".to_string(), "UpgradeFailed(Connection)"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_string(), "UpgradeFailed(Status(200))"),
        ("HTTP/1.1 301 x\r\nLocation: /x\r\n\r\n".to_string(), "UpgradeFailed(Status(301))"),
        ("HTTP/1.1 426 x\r\n\r\n".to_string(), "UpgradeFailed(Status(426))"),
        (String::new(), "Disconnected(TimedOut)"),
    ] {
        assert_eq!(refused(move |_| answer.clone(), plain), expected);
    }
}

#[test]
fn without_entropy_no_frame_is_sent() {
    let (sim, log) = (Simulation::new(), Log::default());
    let net = Network::new(sim, script(sim, |_, _| panic!("nothing is asked")));
    net.random.set_available(false);
    open(net, ConnectOptions::default(), &log);
    sim.run();
    assert_eq!((log.take(), net.connections.get()), (std::vec!["Disconnected(NoEntropy)".to_string()], 0));

    let (sim, told) = (Simulation::new(), log.clone());
    let net = echo(sim, PIPES[4]);
    sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let options = ConnectOptions::default();
        let mut socket =
            ClientWebSocket::connect(net, config, "ws://localhost/", &options, &mut [0; 512]).await.unwrap();
        net.random.set_available(false);
        told.push(format!("{:?}", socket.send(MessageKind::Text, b"secret").await));
        told.push(format!("{:?}", socket.try_send(MessageKind::Text, b"secret")));
        assert_eq!(socket.start_message(MessageKind::Text), Ok(()));
        told.push(format!("{:?}", socket.write(b"secret").await));
        net.random.set_available(true);
        Disconnect::Closed
    });
    sim.run();
    assert_eq!(log.all(), ["Err(NoEntropy)", "Err(NoEntropy)", "Err(NoEntropy)"]);
}

#[test]
fn invalid_options_and_headers_are_rejected() {
    for options in [
        ConnectOptions { protocols: &["a b"], ..ConnectOptions::default() },
        ConnectOptions { protocols: &["a", "a"], ..ConnectOptions::default() },
        ConnectOptions { origin: Some("http://x\r\nY: z"), ..ConnectOptions::default() },
        ConnectOptions { origin: Some(""), ..ConnectOptions::default() },
    ] {
        assert_eq!(refused(|_| panic!("nothing is asked"), options), "InvalidRequest");
    }
    for headers in [
        &[("Host", "x")][..],
        &[("sec-websocket-key", "x")],
        &[("A b", "x")],
        &[("A", "x\r\nB: y")],
        &[("Connection", "close")],
    ] {
        let sim = Simulation::new();
        let net = Network::new(sim, script(sim, |_, _| panic!("nothing is asked")));
        let log = Log::default();
        let told = log.clone();
        sim.spawn(async move {
            let config = leak(ClientConfig { headers, ..ClientConfig::default() });
            let options = ConnectOptions::default();
            let opened = ClientWebSocket::connect(net, config, "ws://localhost/", &options, &mut [0; 512]).await;
            assert!(matches!(opened, Err(Error::InvalidRequest)), "{headers:?}");
            told.push("told");
            Disconnect::Closed
        });
        sim.run();
        assert_eq!(log.all(), ["told"]);
    }
}

#[test]
fn a_vanished_peer_is_detected_by_the_keep_alive() {
    let (sim, log) = (Simulation::new(), Log::default());
    let net = Network::new(sim, script(sim, |_, request| (accepting(request, "").into_bytes(), Then::Hold)));
    let told = log.clone();
    sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let options = ConnectOptions::default();
        let mut buffer = [0; 512];
        let mut socket = ClientWebSocket::connect(net, config, "ws://localhost/", &options, &mut buffer).await.unwrap();
        told.push(format!("{:?}", socket.recv(&mut buffer).await));
        Disconnect::Closed
    });
    sim.pass(seconds(44));
    assert_eq!(log.all(), [""; 0]);
    sim.pass(seconds(1));
    assert_eq!(log.all(), ["Err(TimedOut)"]);
}

#[test]
fn a_response_before_the_end_of_the_handshake_is_rejected() {
    let (sim, log) = (Simulation::new(), Log::default());
    let net = Network::over(sim, PIPES[0], move |mut end, _| {
        sim.spawn(async move {
            let mut asked = Vec::new();
            // Read up to the key, not to the end of the request.
            while !core::str::from_utf8(&asked)
                .unwrap()
                .lines()
                .any(|line| line.starts_with("Sec-WebSocket-Key: ") && line.ends_with("=="))
            {
                let _ = end.try_read_with(|bytes| (bytes.len(), asked.extend_from_slice(bytes)));
                end.wait(Interest::READ).await.unwrap();
            }
            let answer = accepting(core::str::from_utf8(&asked).unwrap(), "");
            let mut rest = answer.as_bytes();
            while !rest.is_empty() {
                let lent = end.try_write_with(|room| {
                    let now = room.len().min(rest.len());
                    room[..now].copy_from_slice(&rest[..now]);
                    (now, now)
                });
                match lent {
                    Ok(TryIo::Done(now)) => rest = &rest[now..],
                    Ok(_) => end.wait(Interest { writable_bytes: 1, ..Interest::NONE }).await.unwrap(),
                    Err(_) => break,
                }
            }
            core::future::pending::<Disconnect>().await
        });
    });
    open(net, ConnectOptions::default(), &log);
    sim.pass(seconds(60));
    assert_eq!(log.all(), ["Response(Early)"]);
}
