//! A channel of a hub of ours, published on another.
//!
//! A device behind NAT connects out and publishes on a hub what it publishes at home. Its event ids are the idempotency
//! keys, and what was not acknowledged is said again after a reconnect: nothing is lost that the log at home still holds,
//! and nothing is stored twice that the hub still has the key of. It remembers the last 64 of a channel
//! ([`IDEMPOTENCY_KEYS`](crate::hub::IDEMPOTENCY_KEYS)), of all who publish there: others who publish so many with keys
//! while the bridge is away make it forget.
//!
//! ```
//! use goldcrest_core::client::{Bridge, BridgeOptions, BridgeEvent, ClientConfig, Buffers, ClientRuntime};
//! use goldcrest_core::hub::{ChannelName, HubBackend};
//!
//! async fn carry<R: ClientRuntime, H: HubBackend>(runtime: &R, hub: &H, sensors: ChannelName<'_>) {
//!     let Ok(reader) = hub.open(sensors, true, None) else { return };
//!     let config = ClientConfig::default();
//!     let (mut buffer, mut location) = ([0; 512], [0; 128]);
//!     let memory = Buffers { buffer: &mut buffer, location: &mut location };
//!     let options = BridgeOptions::default();
//!     let mut bridge = Bridge::new(runtime, &config, "ws://hub.example/events/sensors", reader, options, memory);
//!     loop {
//!         match bridge.next().await {
//!             Ok(BridgeEvent::Stored { id }) => println!("{id} is safe"),
//!             Ok(BridgeEvent::Gap(gap)) => println!("{gap:?} events were overwritten before they could leave"),
//!             Ok(BridgeEvent::Rejected { id }) => println!("the hub does not take {id}"),
//!             Ok(BridgeEvent::Opened | BridgeEvent::Disconnected { .. }) => {}
//!             Err(error) => return println!("{error}"),
//!         }
//!     }
//! }
//! ```

use core::task::{Context, Poll};
use core::time::Duration;

use super::http_client::HttpClient;
use super::jitter::Jitter;
use super::runtime::sleep;
use super::web_socket::{nonce, verify};
use super::{Buffers, ClientConfig, ClientMaskingKeys, ClientRuntime, ClientWebSocket, ConnectorError, Error};
use crate::format::{PublishMessage, Subprotocol, publication};
use crate::hub::{ChannelReader, PublishError};
use crate::io::Clock;
use crate::json::{Members, text};
use crate::log::{EventId, Gap, GapPolicy, Position};
use crate::sse::reconnect::{Reconnect, ReconnectDecision, ReconnectPolicy};
use crate::time::Instant;
use crate::websocket::Disconnect;
use crate::ws::Role;
use crate::ws::handshake::{UpgradeError, UpgradeRequest};

/// Follows a log and publishes each event on a channel elsewhere, over a WebSocket that speaks `goldcrest.v1`.
pub struct Bridge<'e, R: ClientRuntime, L> {
    client: HttpClient<'e, 'e, R>,
    reader: L,
    buffer: &'e mut [u8],
    socket: Option<ClientWebSocket<'e, R>>,
    window: u64,
    phase: Phase,
    /// The hub has said what became of this event at home and all before it.
    acknowledged: u64,
    /// This one and all before it have left on the connection that is open.
    sent: u64,
    /// So many bytes of the event after that one have left, of a frame that has begun.
    partial: Option<usize>,
    /// An answer is being read, and a part of it may stand in the buffer.
    reading: bool,
    /// What was missing where it began.
    gap: Option<Gap>,
    reconnect: Reconnect<0>,
    jitter: Jitter,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Waiting(Instant),
    Connecting([u8; 16]),
    Open,
    Closed,
}

/// How a bridge carries.
#[derive(Clone, Copy, Debug)]
pub struct BridgeOptions {
    /// Where it begins. Default: at the oldest event that is kept.
    pub start: Position,
    /// Events that are on their way at a time, unacknowledged: 1 to 64, as many keys as a channel remembers. Default: 16.
    pub window: u8,
    /// When it comes back.
    pub reconnect: ReconnectPolicy,
    /// Spreads the delays: any number, another one for each device.
    pub seed: u32,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self { start: Position::Oldest, window: 16, reconnect: ReconnectPolicy::DEFAULT, seed: 0 }
    }
}

/// What a bridge tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeEvent<E> {
    /// The connection is open.
    Opened,
    /// The hub has stored the event of this id, ours.
    Stored {
        /// The id in the log at home.
        id: EventId,
    },
    /// The hub will not store this event, whatever happens (too large, a type that it reserves). It is passed over.
    Rejected {
        /// The id in the log at home.
        id: EventId,
    },
    /// Events were overwritten at home before they could leave.
    Gap(Gap),
    /// The connection is lost; it is tried again after `delay`.
    Disconnected {
        /// Why.
        error: Error<E>,
        /// How long it waits.
        delay: Duration,
    },
}

impl<'e, R: ClientRuntime, L: ChannelReader> Bridge<'e, R, L> {
    /// Publishes what `reader` reads on the channel at `url`.
    pub fn new(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &'e str,
        reader: L,
        options: BridgeOptions,
        memory: Buffers<'e>,
    ) -> Self {
        let Buffers { buffer, location } = memory;
        let placed = reader.seek(options.start, GapPolicy::Replay);
        Self {
            client: HttpClient::new(runtime, config, url, location),
            reader,
            buffer,
            socket: None,
            window: options.window.clamp(1, 64).into(),
            phase: Phase::Waiting(Instant::from_millis(0)),
            acknowledged: placed.after,
            sent: placed.after,
            partial: None,
            reading: false,
            gap: placed.gap,
            reconnect: Reconnect::new(options.reconnect),
            jitter: Jitter::new(options.seed),
        }
    }

    /// Carries on until there is something to tell. Dropped while it waits it loses nothing: at worst an event is said
    /// again, with its key.
    ///
    /// # Errors
    /// It is over for good: the server does not speak `goldcrest.v1` there, the URL or a header field is wrong, or the
    /// policy's attempts are used up.
    pub async fn next(&mut self) -> Result<BridgeEvent<ConnectorError<R>>, Error<ConnectorError<R>>> {
        let step = self.step().await;
        if step.is_err() {
            self.abort();
        }
        step
    }

    /// Closes it in order: the WebSocket by its closing handshake (RFC 6455 §7.1.2), for as long as the hub may take to
    /// answer a Close. What it acknowledges meanwhile is not counted: it would be sent again, and known by its key.
    pub async fn close(&mut self) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.close().await;
        }
        self.abort();
    }

    /// Closes it at once: it never comes back.
    pub fn abort(&mut self) {
        self.socket = None;
        self.client.reset();
        self.phase = Phase::Closed;
    }

    /// The last event at home that the hub has stored or refused, and all before it: where to begin after a reboot.
    pub fn acknowledged(&self) -> EventId {
        self.id(self.acknowledged)
    }

    fn id(&self, seq: u64) -> EventId {
        EventId { epoch: self.reader.epoch(), seq }
    }

    async fn step(&mut self) -> Result<BridgeEvent<ConnectorError<R>>, Error<ConnectorError<R>>> {
        loop {
            if let Some(gap) = self.gap.take() {
                return Ok(BridgeEvent::Gap(gap));
            }
            let now = self.client.runtime.clock().now();
            match self.phase {
                Phase::Closed => return Err(Error::Closed),
                Phase::Waiting(until) if now < until => sleep(self.client.runtime.clock(), until).await,
                Phase::Waiting(_) => match nonce(self.client.runtime) {
                    Ok(nonce) => self.phase = Phase::Connecting(nonce),
                    Err(ended) => return self.disconnected(Error::Disconnected(ended)),
                },
                Phase::Connecting(nonce) => match self.connect(nonce).await {
                    Ok(()) => {
                        self.phase = Phase::Open;
                        self.sent = self.acknowledged;
                        self.reconnect.on_open();
                        return Ok(BridgeEvent::Opened);
                    }
                    // A proxy that has lost its server answers by a status that may pass.
                    Err(error) if error.is_transient() => return self.disconnected(error),
                    Err(error) => return Err(error),
                },
                Phase::Open => match self.transfer().await {
                    Ok(Some(told)) => return Ok(told),
                    Ok(None) => {}
                    Err(ended) => return self.disconnected(Error::Disconnected(ended)),
                },
            }
        }
    }

    async fn connect(&mut self, nonce: [u8; 16]) -> Result<(), Error<ConnectorError<R>>> {
        let upgrade = UpgradeRequest { nonce, protocols: &[Subprotocol::NAME], origin: None };
        // What is on the channel already is not asked for.
        let length = self.client.upgrade(&upgrade, Some(("after", "newest")), self.buffer).await?;
        let head = self.buffer.get(..length).unwrap_or_default();
        let Some(protocol) = verify(&upgrade, head, self.client.config.max_fields)? else {
            return Err(Error::UpgradeFailed(UpgradeError::Protocol));
        };
        let link = self.client.take_exchange().ok_or(Error::Closed)?.connection;
        let keys = ClientMaskingKeys(self.client.runtime);
        self.socket = Some(ClientWebSocket::new(link, Role::Client, keys, u64::MAX, Some(protocol)));
        Ok(())
    }

    /// Sends what may leave and reads what came; `None` where it is to be looked at again.
    async fn transfer(&mut self) -> Result<Option<BridgeEvent<ConnectorError<R>>>, Disconnect> {
        // A part of an answer may stand in the buffer: what is sent is rendered there once it is whole.
        let sent = if self.reading { SendProgress::WindowFull } else { self.send()? };
        let Some(socket) = &mut self.socket else { return Err(Disconnect::Closed) };
        let (reader, after) = (&mut self.reader, self.sent);
        let (room, follows) = match sent {
            SendProgress::Event(told) => return Ok(Some(told)),
            SendProgress::WindowFull => (0, false),
            SendProgress::SendBufferFull => (1, false),
            SendProgress::CaughtUp => (0, true),
        };
        let mut moved = |cx: &mut Context<'_>| if follows { reader.poll_new_event(cx, after) } else { Poll::Pending };
        if socket.ready_or(room, &mut moved).await?.is_none() {
            return Ok(None);
        }
        // An answer is short. What is longer is an event of the channel, and is passed over.
        self.reading = true;
        let part = socket.read(self.buffer).await?;
        self.reading = false;
        let Some(part) = part else { return Err(Disconnect::Closed) };
        if !(part.first && part.last) {
            return Ok(None);
        }
        let Some((seq, stored)) = parse_reply(self.buffer.get_mut(..part.len).unwrap_or_default()) else {
            return Ok(None);
        };
        if seq <= self.acknowledged || seq > self.sent {
            return Ok(None);
        }
        let id = self.id(seq);
        match stored {
            Reply::Stored => {
                self.acknowledged = seq;
                Ok(Some(BridgeEvent::Stored { id }))
            }
            Reply::Rejected => {
                self.acknowledged = seq;
                Ok(Some(BridgeEvent::Rejected { id }))
            }
            // It is said again once the connection is another.
            Reply::Retry => Err(Disconnect::Closed),
        }
    }

    /// Lets leave what there is room for, within the window.
    fn send(&mut self) -> Result<SendProgress<ConnectorError<R>>, Disconnect> {
        let Some(socket) = &mut self.socket else { return Err(Disconnect::Closed) };
        while self.sent.saturating_sub(self.acknowledged) < self.window {
            let (kind, length) = match publication(&self.reader, self.sent, self.buffer) {
                PublishMessage::Message { kind, length } => (kind, length),
                // Half an event is never passed for a whole one.
                _ if self.partial.is_some() => return Err(Disconnect::Overwritten),
                PublishMessage::Nothing => return Ok(SendProgress::CaughtUp),
                // All before it are told first, so that it is known how far it came.
                PublishMessage::TooLarge if self.sent > self.acknowledged => return Ok(SendProgress::WindowFull),
                PublishMessage::TooLarge => {
                    self.sent = self.sent.saturating_add(1);
                    self.acknowledged = self.sent;
                    return Ok(SendProgress::Event(BridgeEvent::Rejected { id: self.id(self.sent) }));
                }
                PublishMessage::Overwritten => {
                    let here = EventId { epoch: self.reader.epoch(), seq: self.sent };
                    let placed = self.reader.seek(Position::After(here), GapPolicy::Replay);
                    if self.sent == self.acknowledged {
                        self.acknowledged = placed.after;
                    }
                    self.sent = placed.after;
                    match placed.gap {
                        Some(gap) => return Ok(SendProgress::Event(BridgeEvent::Gap(gap))),
                        None => continue,
                    }
                }
            };
            let left = match self.partial {
                Some(left) => left,
                None if socket.start_whole(kind, length)? => 0,
                None => return Ok(SendProgress::SendBufferFull),
            };
            let message = self.buffer.get(left..length).unwrap_or_default();
            let left = left.saturating_add(socket.payload(message)?);
            if left < length {
                self.partial = Some(left);
                return Ok(SendProgress::SendBufferFull);
            }
            self.partial = None;
            self.sent = self.sent.saturating_add(1);
        }
        Ok(SendProgress::WindowFull)
    }

    fn disconnected(
        &mut self,
        error: Error<ConnectorError<R>>,
    ) -> Result<BridgeEvent<ConnectorError<R>>, Error<ConnectorError<R>>> {
        let opened = self.socket.take().is_some();
        (self.partial, self.reading) = (None, false);
        self.client.reset();
        if opened {
            self.reconnect.on_end();
        } else {
            self.reconnect.on_network_error();
        }
        match self.reconnect.next_delay(self.jitter.next()) {
            ReconnectDecision::Stop => Err(error),
            ReconnectDecision::After(delay) => {
                self.phase = Phase::Waiting(self.client.runtime.clock().now() + delay);
                Ok(BridgeEvent::Disconnected { error, delay })
            }
        }
    }
}

/// How far sending came.
enum SendProgress<E> {
    /// Everything that there is.
    CaughtUp,
    /// An answer has to come first.
    WindowFull,
    /// There is no room.
    SendBufferFull,
    /// There is something to tell.
    Event(BridgeEvent<E>),
}

/// What a hub says became of a publication.
enum Reply {
    Stored,
    Retry,
    Rejected,
}

/// Reads `{"ref":N,"id":…}` or `{"ref":N,"error":…}`; anything else is no answer.
fn parse_reply(message: &mut [u8]) -> Option<(u64, Reply)> {
    let mut members = Members::new(message).ok()?;
    let (mut reference, mut stored) = (None, None);
    while let Some((name, value)) = members.next().ok()? {
        match name {
            "ref" => reference = core::str::from_utf8(value).ok()?.parse().ok(),
            "id" => stored = Some(Reply::Stored),
            // A hub that goes down or is full may be another one soon.
            "error" if matches!(text(value), Ok(SHUTTING_DOWN | TOO_MANY_CHANNELS)) => stored = Some(Reply::Retry),
            "error" => stored = Some(Reply::Rejected),
            _ => {}
        }
    }
    Some((reference?, stored?))
}

/// What a hub answers while it shuts down.
const SHUTTING_DOWN: &str = PublishError::ShuttingDown.reason();
/// What it answers while it has no place for the channel.
const TOO_MANY_CHANNELS: &str = PublishError::TooManyChannels.reason();
