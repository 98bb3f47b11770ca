//! A whole client: any bytes of a server, over sockets of any size, on a clock that may jump.
//!
//! For any input it does not panic or loop, and it ends or reconnects. It returns only items that the bytes hold, sends one
//! request after another within its limits, and fails with documented errors.
//!
//! | file | content |
//! | --- | --- |
//! | `network.rs` | the network and the clock |
//! | `server.rs` | a server, mostly a correct one |
//! | `contents.rs` | the content of the server's bytes, by other parsers |

mod contents;
mod network;
mod server;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use arbitrary::Arbitrary;
use goldcrest_core::client::{
    self, Buffers, ClientConfig, ClientWebSocket, ConnectOptions, Error, EventSource, EventSourceEvent,
    EventSourceOptions, MAX_CURSOR, Position, Publisher, Subscription, SubscriptionEvent, SubscriptionOptions,
    Transport,
};
use goldcrest_core::hub::NewEvent;
use goldcrest_core::log::{Encoding, EventType};
use goldcrest_core::testing::Executor;
use goldcrest_core::time::Instant;
use goldcrest_core::websocket::Disconnect;
use goldcrest_core::ws::connection::MessageKind;

use crate::Steps;
use contents::{Data, ReturnedItem};
pub use network::Reach;
use network::{Net, NoWay};
use server::Server;
pub use server::{Answer, Framing};

/// How often a client may be polled in one step: some turns for each byte.
const SPIN: usize = 10_000;

/// The most items in one step beside the contents of the bytes: a loss on each transport.
const TOLD: usize = 64;

/// Events that are published, and messages that are read.
const PUBLISHED: usize = 8;

/// The least of a subscription's buffer: an id's and a type's places in its parser of event streams.
const PARSER: usize = 3 * MAX_CURSOR + 72;

/// The content of each publish.
const SAID: &[u8] = b"21.5";

/// The last moment that a clock shows: the one after it is that which never comes.
const LAST: Instant = Instant::from_millis(u64::MAX - 1);

const URL: &str = "http://localhost/events/a";

/// A client and its environment.
#[derive(Clone, Debug, Arbitrary)]
pub struct ClientCase<'a> {
    /// Which it is.
    pub client: Client,
    /// Bytes for heads and for input.
    pub buffer: u16,
    /// Bytes for an event of an event source, and for where a redirect leads.
    pub memory: (u16, u8),
    /// The most that a loan lends, and the room of the socket.
    pub socket: (u8, u8),
    /// Bytes that a connection may move in a turn, at least one.
    pub turn: u8,
    /// Each of its futures is dropped when it would be polled again.
    pub drops: bool,
    /// Whether there is randomness.
    pub entropy: bool,
    /// When the clock begins, in milliseconds before its end; `None`: at 0.
    pub before_end: Option<u16>,
    /// The steps, in order.
    pub steps: Steps<ClientStep<'a>>,
}

/// The clients that there are.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Client {
    /// [`EventSource`], and whether it retries after a 503.
    EventSource(bool),
    /// A WebSocket: whether it reads chunks, and whether it sends.
    WebSocket(bool, bool),
    /// [`Subscription`]: the first and the last of its transports, and where it starts.
    Subscription(u8, u8, u8),
    /// [`Publisher`]: whether with keys.
    Publisher(bool),
}

/// A thing that happens.
#[derive(Clone, Debug, Arbitrary)]
pub enum ClientStep<'a> {
    /// The server sends the head of a response, which fits the request or not.
    Answer(Answer, Framing),
    /// It says an event with this data, as the answer before it lets it.
    Event(u8, &'a [u8]),
    /// It says bytes as the content of its answer.
    Content(&'a [u8]),
    /// It ends its content.
    Finish,
    /// It says a WebSocket's frame.
    Frame(u8, &'a [u8]),
    /// It says these bytes.
    Say(&'a [u8]),
    /// It reads at most so many of the client's bytes.
    Take(u16),
    /// Time passes, or jumps back.
    Pass(i32),
    /// Later connections find the server so.
    Reach(Reach),
    /// It ends its direction.
    End,
    /// It resets the connection.
    Reset,
}

/// The items that a client returned.
struct ReturnedItems<'n> {
    net: &'n Net,
    /// By connection.
    handed: RefCell<BTreeMap<usize, Vec<ReturnedItem>>>,
    told: Cell<usize>,
    told_now: Cell<usize>,
}

impl ReturnedItems<'_> {
    fn tell(&self) {
        self.told.set(self.told.get() + 1);
        self.told_now.set(self.told_now.get() + 1);
    }

    /// Something was handed over, of the connection that was opened last.
    fn hand(&self, handed: ReturnedItem) {
        self.tell();
        let line = self.net.lines.borrow().len();
        assert!(line > 0, "{handed:?} came without a connection");
        let mut all = self.handed.borrow_mut();
        let all = all.entry(line - 1).or_default();
        match (all.last_mut(), &handed) {
            (Some(ReturnedItem::Message(_, bytes, whole @ false)), ReturnedItem::Message(_, more, last)) => {
                bytes.extend_from_slice(more);
                *whole = *last;
            }
            _ => all.push(handed),
        }
    }
}

/// Runs the client through all steps, and until it has ended or asked again once its server is gone: how much it has handed
/// over.
pub fn ends_or_reconnects(listening: &ClientCase<'_>) -> usize {
    let start = listening.before_end.map_or(0, |millis| u64::MAX - 1 - u64::from(millis));
    let (piece, room) = listening.socket;
    let net = &Net::new(Instant::from_millis(start), piece.into(), room.into(), listening.entropy);
    let heard = &ReturnedItems { net, handed: RefCell::default(), told: Cell::new(0), told_now: Cell::new(0) };
    let (clock, executor) = (&net.clock, Executor::new(net.clock.clone(), usize::MAX));
    let task = executor.spawn(live(listening, net, heard));
    let run = || {
        let mut polls = 0;
        let said: usize = net.lines.borrow().iter().map(|line| line.borrow().said.len()).sum();
        net.attempts_now.set(0);
        heard.told_now.set(0);
        while executor.round() {
            polls += 1;
            assert!(polls < SPIN, "it wakes itself for ever");
            assert!(heard.told_now.get() <= TOLD + said, "more items than the input holds");
        }
        executor.output(task).is_some()
    };
    run();
    let mut server = Server::new(net);
    let mut latest = clock.time();
    for step in &listening.steps.0 {
        match step {
            ClientStep::Answer(answer, framing) => server.answer(*answer, *framing),
            ClientStep::Event(number, data) => server.event(*number, data),
            ClientStep::Content(bytes) => server.content(bytes),
            ClientStep::Finish => server.finish(),
            ClientStep::Frame(first, payload) => server.frame(*first, payload),
            ClientStep::Say(bytes) => server.say(bytes),
            ClientStep::Take(most) => server.take((*most).into()),
            ClientStep::Pass(millis) => {
                let now = clock.time().as_millis().saturating_add_signed((*millis).into());
                clock.set(Instant::from_millis(now).min(LAST));
                latest = latest.max(clock.time());
                executor.wake_all();
            }
            ClientStep::Reach(reach) => net.reach.set(*reach),
            ClientStep::End => server.end(),
            ClientStep::Reset => server.reset(),
        }
        if run() {
            break;
        }
    }
    net.reach.set(Reach::Refused);
    server.reset();
    let progress = || net.attempts.get() + heard.told.get();
    let before = progress();
    // First all timeouts, from the latest time shown; then the longest `Retry-After`.
    let patience = (0..20).map(|minute| minute * 60).chain([u64::from(u32::MAX) + 600, 1 << 40]);
    for seconds in patience {
        if run() {
            break;
        }
        clock.set((latest + Duration::from_secs(seconds)).min(LAST));
        executor.wake_all();
    }
    // A deadline near the end of time is one that does not come.
    assert!(run() || progress() > before || listening.before_end.is_some(), "it neither ends nor asks again");
    let (lines, handed) = (net.lines.borrow(), heard.handed.borrow());
    for (number, line) in lines.iter().enumerate() {
        let line = line.borrow();
        contents::keeps_its_bounds(&line, SAID.len());
        contents::holds(&line, handed.get(&number).map_or(&[], Vec::as_slice));
    }
    handed.values().map(Vec::len).sum()
}

/// Drops `future` when it would be polled again, if `drops`.
async fn polled<T>(drops: bool, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut again = false;
    poll_fn(|cx| {
        if drops && std::mem::replace(&mut again, true) {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

async fn live(listening: &ClientCase<'_>, net: &Net, heard: &ReturnedItems<'_>) {
    let config = ClientConfig {
        headers: &[("Authorization", "secret")],
        io_budget: usize::from(listening.turn).max(1),
        ..ClientConfig::default()
    };
    let mut buffer = vec![0; (listening.buffer % 1024).into()];
    let (events, location) = listening.memory;
    let (mut events, mut location) = (vec![0; (events % 1024).into()], vec![0; location.into()]);
    let drops = listening.drops;
    match listening.client {
        Client::EventSource(retry_busy) => {
            let memory = Buffers { buffer: &mut buffer, location: &mut location };
            let options = EventSourceOptions { retry_busy, ..EventSourceOptions::default() };
            let source = EventSource::new(net, &config, URL, options, memory, &mut events);
            event_source(source, drops, heard).await;
        }
        Client::Subscription(first, last, start) => {
            buffer.resize(buffer.len().max(PARSER), 0);
            let memory = Buffers { buffer: &mut buffer, location: &mut location };
            let all = SubscriptionOptions::default().transports;
            let start = match start % 3 {
                0 => Position::Oldest,
                1 => Position::Newest,
                _ => Position::After("00000abc-2"),
            };
            let first = usize::from(first) % all.len();
            let last = first + usize::from(last) % (all.len() - first);
            let options =
                SubscriptionOptions { transports: &all[first..=last], start, ..SubscriptionOptions::default() };
            subscription(Subscription::new(net, &config, URL, options, memory), drops, heard).await;
        }
        Client::Publisher(keys) => {
            let memory = Buffers { buffer: &mut buffer, location: &mut location };
            publisher(Publisher::new(net, &config, URL, memory), keys, drops, heard).await;
        }
        Client::WebSocket(parts, talks) => {
            let options = ConnectOptions { protocols: &["chat"], ..ConnectOptions::default() };
            match ClientWebSocket::connect(net, &config, URL, &options, &mut buffer).await {
                Ok(socket) => {
                    let _ = web_socket(socket, &mut buffer, (parts, talks, drops), heard).await.map_err(judge_end);
                }
                Err(error) => match error {
                    Error::Connect(NoWay) | Error::Response(_) | Error::UpgradeFailed(_) => {}
                    Error::Disconnected(ended) => judge_end(ended),
                    other => panic!("undocumented: {other:?}"),
                },
            }
        }
    }
}

async fn event_source(mut source: EventSource<'_, Net>, drops: bool, heard: &ReturnedItems<'_>) {
    loop {
        let Some(next) = polled(drops, source.next()).await else { continue };
        match next {
            Ok(EventSourceEvent::Opened) => heard.tell(),
            Ok(EventSourceEvent::Event(event)) => heard.hand(ReturnedItem::Event(
                event.last_event_id.into(),
                event.event_type.into(),
                Data::Text(event.data.into()),
            )),
            Ok(EventSourceEvent::Disconnected { error, .. }) => {
                heard.tell();
                match error {
                    Error::Disconnected(ended) => judge_end(ended),
                    Error::Connect(NoWay) | Error::Response(_) | Error::Body(_) => {}
                    Error::Status { .. } if error.is_transient() => {}
                    other => panic!("no reason to come back: {other:?}"),
                }
            }
            Err(error) => {
                let known = matches!(
                    error,
                    Error::Status { .. }
                        | Error::ContentType
                        | Error::TooManyRedirects
                        | Error::InvalidRedirect
                        | Error::Url(_)
                        | Error::EventStream(_)
                );
                assert!(known, "undocumented: {error:?}");
                break;
            }
        }
    }
    assert_eq!(source.next().await, Err(Error::Closed));
    assert_eq!(source.state(), client::ReadyState::Closed);
}

async fn subscription(mut subscription: Subscription<'_, Net>, drops: bool, heard: &ReturnedItems<'_>) {
    loop {
        let Some(next) = polled(drops, subscription.next()).await else { continue };
        match next {
            Ok(SubscriptionEvent::Opened { transport }) => {
                assert_ne!(transport, Transport::Publish);
                heard.tell();
            }
            Ok(SubscriptionEvent::Gap(_)) => heard.tell(),
            Ok(SubscriptionEvent::Disconnected { error, .. }) => {
                heard.tell();
                judge_loss(&error);
            }
            Ok(SubscriptionEvent::Event(event)) => {
                let data = match event.data {
                    client::EventData::Text(text) => Data::Text(text.into()),
                    client::EventData::Binary(bytes) => Data::Binary(bytes.into()),
                };
                heard.hand(ReturnedItem::Event(event.id.into(), event.event_type.into(), data));
            }
            Err(error) => {
                if !matches!(error, Error::Url(_) | Error::TooLarge | Error::EventStream(_)) {
                    judge_loss(&error);
                    assert!(!error.is_transient(), "ended by a transient error: {error:?}");
                }
                break;
            }
        }
    }
    assert_eq!(subscription.next().await, Err(Error::Closed));
}

/// The errors that a transport may be lost by.
fn judge_loss(error: &Error<NoWay>) {
    match error {
        Error::Disconnected(ended) => judge_end(*ended),
        Error::Url(_) | Error::InvalidRequest | Error::EventStream(_) | Error::TooLarge | Error::Closed => {
            panic!("no reason to come back: {error:?}")
        }
        _ => {}
    }
}

async fn publisher(mut publisher: Publisher<'_, Net>, keys: bool, drops: bool, heard: &ReturnedItems<'_>) {
    for number in 0..PUBLISHED {
        let key = [b'k', b'0' + number as u8];
        let publication = NewEvent {
            event_type: EventType::MESSAGE,
            encoding: Encoding::Text,
            data: SAID,
            idempotency_key: keys.then_some(&key[..]),
        };
        let Some(published) = polled(drops, publisher.publish(&publication)).await else { continue };
        match published {
            Ok(receipt) if receipt.id.is_empty() => heard.tell(),
            Ok(receipt) => heard.hand(ReturnedItem::Receipt(receipt.id.into())),
            Err(error) => {
                heard.tell();
                match error {
                    Error::Disconnected(ended) => judge_end(ended),
                    Error::Connect(NoWay) | Error::Response(_) | Error::Body(_) | Error::Status { .. } => {}
                    Error::TooManyRedirects | Error::InvalidRedirect | Error::Url(_) | Error::PublishResponseLost => {}
                    other => panic!("undocumented: {other:?}"),
                }
            }
        }
    }
}

async fn web_socket(
    mut socket: ClientWebSocket<'_, Net>,
    buffer: &mut [u8],
    (parts, talks, drops): (bool, bool, bool),
    heard: &ReturnedItems<'_>,
) -> Result<(), Disconnect> {
    assert!(socket.protocol().is_none_or(|protocol| protocol == "chat"), "a subprotocol that was not offered");
    for number in 0.. {
        if talks && number < PUBLISHED {
            socket.send(MessageKind::Text, SAID).await?;
        }
        if parts {
            let Some(part) = polled(drops, socket.read(buffer)).await else { continue };
            let Some(part) = part? else { break };
            heard.hand(ReturnedItem::Message(part.kind, buffer[..part.len].into(), part.last));
        } else {
            let Some(message) = polled(drops, socket.recv(buffer)).await else { continue };
            let Some(message) = message? else { break };
            heard.hand(ReturnedItem::Message(message.kind, message.payload.into(), true));
        }
    }
    assert!(socket.peer_close().is_some(), "it is over without a Close");
    socket.close().await
}

/// How a client's connection ends.
fn judge_end(ended: Disconnect) {
    assert!(
        matches!(
            ended,
            Disconnect::Closed
                | Disconnect::Broken
                | Disconnect::TimedOut
                | Disconnect::Protocol(_)
                | Disconnect::NoEntropy
        ),
        "no end of a client: {ended:?}"
    );
}
