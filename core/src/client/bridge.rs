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
//!             Ok(BridgeEvent::Missed(gap)) => println!("{gap:?} events were overwritten before they could leave"),
//!             Ok(BridgeEvent::Refused { id }) => println!("the hub does not take {id}"),
//!             Ok(BridgeEvent::Opened | BridgeEvent::Lost { .. }) => {}
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
use super::{Buffers, ClientConfig, ClientMaskingKeys, ClientRuntime, ClientWebSocket, ConnectError, Error};
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
    asker: HttpClient<'e, 'e, R>,
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
    leaving: Option<usize>,
    /// An answer is being read, and a part of it may stand in the buffer.
    reading: bool,
    /// What was missing where it began.
    missed: Option<Gap>,
    reconnect: Reconnect<0>,
    spread: Jitter,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Waiting(Instant),
    Asking([u8; 16]),
    Carrying,
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
    Refused {
        /// The id in the log at home.
        id: EventId,
    },
    /// Events were overwritten at home before they could leave.
    Missed(Gap),
    /// The connection is lost; it is tried again after `delay`.
    Lost {
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
            asker: HttpClient::new(runtime, config, url, location),
            reader,
            buffer,
            socket: None,
            window: options.window.clamp(1, 64).into(),
            phase: Phase::Waiting(Instant::from_millis(0)),
            acknowledged: placed.after,
            sent: placed.after,
            leaving: None,
            reading: false,
            missed: placed.gap,
            reconnect: Reconnect::new(options.reconnect),
            spread: Jitter::new(options.seed),
        }
    }

    /// Carries on until there is something to tell. Dropped while it waits it loses nothing: at worst an event is said
    /// again, with its key.
    ///
    /// # Errors
    /// It is over for good: the server does not speak `goldcrest.v1` there, the URL or a header field is wrong, or the
    /// policy's attempts are used up.
    pub async fn next(&mut self) -> Result<BridgeEvent<ConnectError<R>>, Error<ConnectError<R>>> {
        let step = self.step().await;
        if step.is_err() {
            self.close();
        }
        step
    }

    /// Closes it in order: the WebSocket by its closing handshake (RFC 6455 §7.1.2), for as long as the hub may take to
    /// answer a Close. What it acknowledges meanwhile is not counted: it would be sent again, and known by its key.
    pub async fn finish(&mut self) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.close().await;
        }
        self.close();
    }

    /// Closes it at once: it never comes back.
    pub fn close(&mut self) {
        self.socket = None;
        self.asker.forget();
        self.phase = Phase::Closed;
    }

    /// The last event at home that the hub has stored or refused, and all before it: where to begin after a reboot.
    pub fn acknowledged(&self) -> EventId {
        self.id(self.acknowledged)
    }

    fn id(&self, seq: u64) -> EventId {
        EventId { epoch: self.reader.epoch(), seq }
    }

    async fn step(&mut self) -> Result<BridgeEvent<ConnectError<R>>, Error<ConnectError<R>>> {
        loop {
            if let Some(gap) = self.missed.take() {
                return Ok(BridgeEvent::Missed(gap));
            }
            let now = self.asker.runtime.clock().now();
            match self.phase {
                Phase::Closed => return Err(Error::Closed),
                Phase::Waiting(until) if now < until => sleep(self.asker.runtime.clock(), until).await,
                Phase::Waiting(_) => match nonce(self.asker.runtime) {
                    Ok(nonce) => self.phase = Phase::Asking(nonce),
                    Err(ended) => return self.lost(Error::Ended(ended)),
                },
                Phase::Asking(nonce) => match self.open(nonce).await {
                    Ok(()) => {
                        self.phase = Phase::Carrying;
                        self.sent = self.acknowledged;
                        self.reconnect.on_open();
                        return Ok(BridgeEvent::Opened);
                    }
                    // A proxy that has lost its server answers by a status that may pass.
                    Err(error) if error.is_transient() => return self.lost(error),
                    Err(error) => return Err(error),
                },
                Phase::Carrying => match self.carry().await {
                    Ok(Some(told)) => return Ok(told),
                    Ok(None) => {}
                    Err(ended) => return self.lost(Error::Ended(ended)),
                },
            }
        }
    }

    async fn open(&mut self, nonce: [u8; 16]) -> Result<(), Error<ConnectError<R>>> {
        let upgrade = UpgradeRequest { nonce, protocols: &[Subprotocol::NAME], origin: None };
        // What is on the channel already is not asked for.
        let length = self.asker.upgrade(&upgrade, Some(("after", "newest")), self.buffer).await?;
        let head = self.buffer.get(..length).unwrap_or_default();
        let Some(protocol) = verify(&upgrade, head, self.asker.config.max_fields)? else {
            return Err(Error::NotUpgraded(UpgradeError::Protocol));
        };
        let link = self.asker.take_call().ok_or(Error::Closed)?.link;
        let keys = ClientMaskingKeys(self.asker.runtime);
        self.socket = Some(ClientWebSocket::new(link, Role::Client, keys, u64::MAX, Some(protocol)));
        Ok(())
    }

    /// Sends what may leave and reads what came; `None` where it is to be looked at again.
    async fn carry(&mut self) -> Result<Option<BridgeEvent<ConnectError<R>>>, Disconnect> {
        // A part of an answer may stand in the buffer: what is sent is rendered there once it is whole.
        let sent = if self.reading { Sent::Full } else { self.send()? };
        let Some(socket) = &mut self.socket else { return Err(Disconnect::Closed) };
        let (reader, after) = (&mut self.reader, self.sent);
        let (room, follows) = match sent {
            Sent::Told(told) => return Ok(Some(told)),
            Sent::Full => (0, false),
            Sent::Stuck => (1, false),
            Sent::All => (0, true),
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
        let Some((seq, stored)) = answer(self.buffer.get_mut(..part.len).unwrap_or_default()) else { return Ok(None) };
        if seq <= self.acknowledged || seq > self.sent {
            return Ok(None);
        }
        let id = self.id(seq);
        match stored {
            Stored::Yes => {
                self.acknowledged = seq;
                Ok(Some(BridgeEvent::Stored { id }))
            }
            Stored::Never => {
                self.acknowledged = seq;
                Ok(Some(BridgeEvent::Refused { id }))
            }
            // It is said again once the connection is another.
            Stored::NotNow => Err(Disconnect::Closed),
        }
    }

    /// Lets leave what there is room for, within the window.
    fn send(&mut self) -> Result<Sent<ConnectError<R>>, Disconnect> {
        let Some(socket) = &mut self.socket else { return Err(Disconnect::Closed) };
        while self.sent.saturating_sub(self.acknowledged) < self.window {
            let (kind, length) = match publication(&self.reader, self.sent, self.buffer) {
                PublishMessage::Message { kind, length } => (kind, length),
                // Half an event is never passed for a whole one.
                _ if self.leaving.is_some() => return Err(Disconnect::Overwritten),
                PublishMessage::Nothing => return Ok(Sent::All),
                // All before it are told first, so that it is known how far it came.
                PublishMessage::TooLarge if self.sent > self.acknowledged => return Ok(Sent::Full),
                PublishMessage::TooLarge => {
                    self.sent = self.sent.saturating_add(1);
                    self.acknowledged = self.sent;
                    return Ok(Sent::Told(BridgeEvent::Refused { id: self.id(self.sent) }));
                }
                PublishMessage::Overwritten => {
                    let here = EventId { epoch: self.reader.epoch(), seq: self.sent };
                    let placed = self.reader.seek(Position::After(here), GapPolicy::Replay);
                    if self.sent == self.acknowledged {
                        self.acknowledged = placed.after;
                    }
                    self.sent = placed.after;
                    match placed.gap {
                        Some(gap) => return Ok(Sent::Told(BridgeEvent::Missed(gap))),
                        None => continue,
                    }
                }
            };
            let left = match self.leaving {
                Some(left) => left,
                None if socket.start_whole(kind, length)? => 0,
                None => return Ok(Sent::Stuck),
            };
            let message = self.buffer.get(left..length).unwrap_or_default();
            let left = left.saturating_add(socket.payload(message)?);
            if left < length {
                self.leaving = Some(left);
                return Ok(Sent::Stuck);
            }
            self.leaving = None;
            self.sent = self.sent.saturating_add(1);
        }
        Ok(Sent::Full)
    }

    fn lost(&mut self, error: Error<ConnectError<R>>) -> Result<BridgeEvent<ConnectError<R>>, Error<ConnectError<R>>> {
        let opened = self.socket.take().is_some();
        (self.leaving, self.reading) = (None, false);
        self.asker.forget();
        if opened {
            self.reconnect.on_end();
        } else {
            self.reconnect.on_network_error();
        }
        match self.reconnect.next_delay(self.spread.next()) {
            ReconnectDecision::Stop => Err(error),
            ReconnectDecision::After(delay) => {
                self.phase = Phase::Waiting(self.asker.runtime.clock().now() + delay);
                Ok(BridgeEvent::Lost { error, delay })
            }
        }
    }
}

/// How far sending came.
enum Sent<E> {
    /// Everything that there is.
    All,
    /// An answer has to come first.
    Full,
    /// There is no room.
    Stuck,
    /// There is something to tell.
    Told(BridgeEvent<E>),
}

/// What a hub says became of a publication.
enum Stored {
    Yes,
    NotNow,
    Never,
}

/// Reads `{"ref":N,"id":…}` or `{"ref":N,"error":…}`; anything else is no answer.
fn answer(message: &mut [u8]) -> Option<(u64, Stored)> {
    let mut members = Members::new(message).ok()?;
    let (mut reference, mut stored) = (None, None);
    while let Some((name, value)) = members.next().ok()? {
        match name {
            "ref" => reference = core::str::from_utf8(value).ok()?.parse().ok(),
            "id" => stored = Some(Stored::Yes),
            // A hub that goes down or is full may be another one soon.
            "error" if matches!(text(value), Ok(DRAINING | FULL)) => stored = Some(Stored::NotNow),
            "error" => stored = Some(Stored::Never),
            _ => {}
        }
    }
    Some((reference?, stored?))
}

/// What a hub answers while it shuts down.
const DRAINING: &str = PublishError::ShuttingDown.reason();
/// What it answers while it has no place for the channel.
const FULL: &str = PublishError::TooManyChannels.reason();
