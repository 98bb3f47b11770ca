//! A whole connection: any bytes, over rings and buffers of any size, on a clock that may jump.
//!
//! For any input it does not panic or loop, and it ends after its client is gone. Then it has released its buffers and its
//! reader.

use std::time::Duration;

use arbitrary::Arbitrary;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use goldcrest_core::http::{Response, Status};
use goldcrest_core::hub::{Channel, ChannelName, HubBackend, NewEvent, StaticHub};
use goldcrest_core::hub_http::HubHandler;
use goldcrest_core::io::{Pipe, PipeEnd, Socket, TryIo};
use goldcrest_core::log::{Encoding, EventLog, EventType};
use goldcrest_core::server::{AcceptOptions, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve};
use goldcrest_core::testing::{BufferPool, Executor, Random, TestRuntime, VirtualClock};
use goldcrest_core::time::Instant;

use crate::Steps;
use crate::ring::Policy;

/// How often a connection may look at the clock in one poll, and be polled in one step.
const SPIN: usize = 100_000;

/// A connection and its environment.
#[derive(Clone, Debug, Arbitrary)]
pub struct ServerCase<'a> {
    /// How large its rings are.
    pub ring: Size,
    /// Bytes of a buffer for a head or an event.
    pub buffer: u16,
    /// How many of them there are.
    pub buffers: u8,
    /// Bytes of the log's storage, and events that it keeps.
    pub log: (u16, u8),
    /// The gap policy.
    pub policy: Policy,
    /// When the clock begins, in milliseconds before its end; `None`: at 0.
    pub before_end: Option<u16>,
    /// The steps, in order.
    pub steps: Steps<ServerStep<'a>>,
}

/// The size of both rings.
#[derive(Clone, Copy, Debug, Arbitrary)]
#[expect(missing_docs, reason = "each is its size in bytes")]
pub enum Size {
    B1,
    B2,
    B7,
    B30,
    B64,
    B200,
    B1072,
}

/// A thing that happens.
#[derive(Clone, Debug, Arbitrary)]
pub enum ServerStep<'a> {
    /// The client sends these bytes.
    Send(&'a [u8]),
    /// It asks for the channel's events.
    Ask {
        /// By which transport.
        transport: u8,
        /// From where on.
        after: u8,
    },
    /// It publishes these bytes.
    Publish(&'a [u8], bool),
    /// It sends a WebSocket's frame.
    Frame(u8, &'a [u8]),
    /// It takes so many bytes at most.
    Take(u16),
    /// Another publisher's event of so many bytes.
    Append(u8),
    /// Time passes, or jumps back.
    Pass(i32),
    /// The server is to shut down.
    Drain,
    /// The client ends its direction.
    Close,
    /// It resets the connection.
    Abort,
}

type TestHub = StaticHub<NoopRawMutex, Vec<u8>, 1, 2>;

/// The hub's channels, and handlers of other kinds beside them.
struct Site<'h>(HubHandler<'h, TestHub>);

impl Handler for Site<'_> {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/echo" => {
                let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
                let mut room = [0; 64];
                while let Some(part) = socket.read(&mut room).await? {
                    if part.first {
                        socket.start_message(part.kind)?;
                    }
                    socket.write(&room[..part.len]).await?;
                    if part.last {
                        socket.end_message().await?;
                    }
                }
                socket.close().await
            }
            "/upload" => {
                let mut room = [0; 64];
                match exchange.read_whole(&mut room).await {
                    Ok(length) => {
                        exchange.respond(&Response { body: &room[..length], ..Response::text(Status::OK, "") }).await
                    }
                    Err(error) => exchange.respond_body_error(error).await,
                }
            }
            "/stream" => {
                let mut body = exchange.stream("text/plain").await?;
                for _ in 0..3 {
                    body.write(b"tick\n").await?;
                    if !body.sleep(Duration::from_secs(1)).await? {
                        break;
                    }
                }
                body.finish().await
            }
            _ => self.0.handle(exchange).await,
        }
    }
}

/// Serves the connection through all its steps, and until its client is gone.
pub fn ends_and_releases_all(serving: &ServerCase<'_>) {
    match serving.ring {
        Size::B1 => over::<1>(serving),
        Size::B2 => over::<2>(serving),
        Size::B7 => over::<7>(serving),
        Size::B30 => over::<30>(serving),
        Size::B64 => over::<64>(serving),
        Size::B200 => over::<200>(serving),
        Size::B1072 => over::<1072>(serving),
    }
}

fn over<const RING: usize>(serving: &ServerCase<'_>) {
    let (size, events) = serving.log;
    let Ok(log) = EventLog::new(vec![0; usize::from(size % 2048)], usize::from(events % 17), 0xabc) else { return };
    let hub = &TestHub::new(0xabc, [Channel::with_log("a", log)]).with_gap_policy(serving.policy.into());
    let buffers = usize::from(serving.buffers % 4);
    let start = serving.before_end.map_or(0, |millis| u64::MAX - u64::from(millis));
    let clock = VirtualClock::starting_at(Instant::from_millis(start), SPIN);
    let pool = BufferPool::new(buffers, usize::from(serving.buffer % 2048));
    let runtime = &TestRuntime::new(clock.clone(), pool.clone(), pool.clone(), Random::seeded(1));
    let pipe = Pipe::<RING>::new();
    let (mut device, client) = pipe.ends();
    let (config, site) = (ServerConfig::default(), Site(HubHandler::new(hub)));
    let executor = Executor::new(clock.clone(), SPIN);
    let task = executor.spawn(async {
        let ended = serve(&mut device, runtime, &config, &site).await;
        drop(device);
        ended
    });
    let mut run = || {
        executor.run();
        executor.output(task).is_some()
    };
    let mut client = Some(client);
    let mut latest = clock.time();
    for step in &serving.steps.0 {
        let Some(end) = &mut client else { break };
        match step {
            ServerStep::Send(bytes) => send(end, bytes, &mut run),
            ServerStep::Ask { transport, after } => send(end, &ask(*transport, *after), &mut run),
            ServerStep::Publish(bytes, chunked) => send(end, &publish(bytes, *chunked), &mut run),
            ServerStep::Frame(first, payload) => send(end, &frame(*first, payload), &mut run),
            ServerStep::Take(count) => _ = take(end, (*count).into(), &mut run),
            ServerStep::Append(length) => {
                let data = vec![b'x'; (*length).into()];
                let _ = hub.publish("a", EventType::MESSAGE, &data);
            }
            ServerStep::Pass(millis) => {
                clock.set(Instant::from_millis(clock.time().as_millis().saturating_add_signed((*millis).into())));
                latest = latest.max(clock.time());
                executor.wake_all();
            }
            ServerStep::Drain => {
                runtime.is_shutting_down.set(true);
                executor.wake_all();
            }
            ServerStep::Close => end.close(),
            ServerStep::Abort => {
                end.abort();
                client = None;
            }
        }
        run();
    }
    drop(client);
    // All its patience passes, counted from the latest time that there was: a deadline stands where it was set.
    for minute in 0..20 {
        if run() {
            break;
        }
        clock.set(latest + Duration::from_secs(minute * 60));
        executor.wake_all();
    }
    // A deadline near the end of time never comes: there only the client's disconnect ends the connection.
    assert!(run() || serving.before_end.is_some(), "it outlives its client");
    if !run() {
        return;
    }
    assert_eq!(pool.free(), buffers, "a buffer is kept");
    let channel = ChannelName::new("a").unwrap();
    let publication =
        NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"", idempotency_key: None };
    if let Ok(published) = HubBackend::publish(hub, channel, &publication, None) {
        assert_eq!(published.followers, 0, "a follower is kept");
    }
}

/// Sends as much as the server takes, which reads on as long as it can say something.
fn send(end: &mut PipeEnd<'_>, bytes: &[u8], run: &mut impl FnMut() -> bool) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let lent = end.try_write_with(|room| {
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            (count, count)
        });
        let put = match lent {
            Ok(TryIo::Done(count)) => count,
            Ok(TryIo::WouldBlock | TryIo::Eof) => 0,
            Err(_) => return,
        };
        rest = &rest[put..];
        if run() || put == 0 && take(end, 50, run) == 0 {
            return;
        }
    }
}

fn take(end: &mut PipeEnd<'_>, most: usize, run: &mut impl FnMut() -> bool) -> usize {
    let mut taken = 0;
    while taken < most {
        let lent = end.try_read_with(|bytes| {
            let count = bytes.len().min(most - taken);
            (count, count)
        });
        match lent {
            Ok(TryIo::Done(count)) => taken += count,
            Ok(TryIo::WouldBlock | TryIo::Eof) | Err(_) => break,
        }
        if run() {
            break;
        }
    }
    taken
}

fn ask(transport: u8, after: u8) -> Vec<u8> {
    let after = match after {
        0 => "?after=oldest".to_owned(),
        1 => String::new(),
        2 => "?after=garbage".to_owned(),
        seq => format!("?after=00000abc-{}", seq - 3),
    };
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let (path, fields) = match transport % 9 {
        0 => ("/events/a", ""),
        1 => ("/events/a", "Prefer: wait=5\r\n"),
        2 => ("/events/a", "Accept: application/x-ndjson\r\n"),
        3 => ("/events/a", "Accept: text/event-stream\r\n"),
        4 => ("/events/a", upgrade),
        5 => ("/events/a", &*format!("{upgrade}Sec-WebSocket-Protocol: goldcrest.v1\r\n")),
        6 => ("/echo", upgrade),
        7 => ("/stream", ""),
        _ => ("/events/b", "If-None-Match: \"00000abc-1\"\r\n"),
    };
    format!("GET {path}{after} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
}

fn publish(bytes: &[u8], chunked: bool) -> Vec<u8> {
    let path = if bytes.len().is_multiple_of(2) { "/events/a" } else { "/upload" };
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
    if chunked {
        request.extend(b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
        for chunk in bytes.chunks(5) {
            request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
    } else {
        request.extend(format!("Content-Length: {}\r\n\r\n", bytes.len()).into_bytes());
        request.extend(bytes);
    }
    request
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len => {
            bytes.push(0x80 | 126);
            bytes.extend((len.min(0xffff) as u16).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
