//! A bridge: publishes the events of a local channel on a hub elsewhere.
//!
//! A device behind NAT connects out to the hub. The ids of its log are the idempotency keys. Unacknowledged events
//! are sent again after a reconnection, so no event is lost that the local log holds, and none is stored twice while
//! the hub has its key.
//!
//! The hub remembers the last 64 keys of a channel ([`IDEMPOTENCY_KEYS`](crate::hub::IDEMPOTENCY_KEYS)), of all
//! publishers together. As many keys of other publishers, while the bridge is disconnected, remove its own.
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
use super::websocket::{nonce, verify};
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

/// Follows a local channel and publishes each event on a remote one, over a WebSocket with `goldcrest.v1`.
pub struct Bridge<'e, R: ClientRuntime, L> {
    client: HttpClient<'e, 'e, R>,
    reader: L,
    buffer: &'e mut [u8],
    socket: Option<ClientWebSocket<'e, R>>,
    window: u64,
    phase: Phase,
    /// The hub has acknowledged this event and all before it.
    acknowledged: u64,
    /// This event and all before it were sent on the open connection.
    sent: u64,
    /// Bytes sent of the event after that one, whose frame has begun.
    partial: Option<usize>,
    /// A reply is being read, and a part of it may be in the buffer.
    reading: bool,
    /// The gap at the start.
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

/// The options of a [`Bridge`].
#[derive(Clone, Copy, Debug)]
pub struct BridgeOptions {
    /// The start. Default: the oldest event of the log.
    pub start: Position,
    /// Unacknowledged events at a time: 1 to 64, the number of keys that a channel remembers. Default: 16.
    pub window: u8,
    /// The delays between attempts.
    pub reconnect: ReconnectPolicy,
    /// Spreads the delays: any number, a different one for each device.
    pub seed: u32,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self { start: Position::Oldest, window: 16, reconnect: ReconnectPolicy::DEFAULT, seed: 0 }
    }
}

/// The next event of a [`Bridge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeEvent<E> {
    /// The connection is open.
    Opened,
    /// The hub has stored this event.
    Stored {
        /// The id in the local log.
        id: EventId,
    },
    /// The hub rejects this event for good: it is too large, or its type is reserved. The bridge skips it.
    Rejected {
        /// The id in the local log.
        id: EventId,
    },
    /// Events were overwritten in the local log before they were sent.
    Gap(Gap),
    /// The connection is lost. The next attempt follows after `delay`.
    Disconnected {
        /// The reason.
        error: Error<E>,
        /// The time until the next attempt.
        delay: Duration,
    },
}

impl<'e, R: ClientRuntime, L: ChannelReader> Bridge<'e, R, L> {
    /// Publishes the events of `reader` on the channel at `url`.
    pub fn new(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &'e str,
        reader: L,
        options: BridgeOptions,
        memory: Buffers<'e>,
    ) -> Self {
        let Buffers { buffer, location } = memory;
        let cursor = reader.seek(options.start, GapPolicy::Replay);
        Self {
            client: HttpClient::new(runtime, config, url, location),
            reader,
            buffer,
            socket: None,
            window: options.window.clamp(1, 64).into(),
            phase: Phase::Waiting(Instant::from_millis(0)),
            acknowledged: cursor.after,
            sent: cursor.after,
            partial: None,
            reading: false,
            gap: cursor.gap,
            reconnect: Reconnect::new(options.reconnect),
            jitter: Jitter::new(options.seed),
        }
    }

    /// Runs the bridge up to the next event. A dropped future loses nothing: at most an event is sent again, with its
    /// key.
    ///
    /// # Errors
    /// The bridge is closed for good: the server does not speak `goldcrest.v1`, the URL or a header field is invalid,
    /// or the policy's attempts are used up.
    pub async fn next(&mut self) -> Result<BridgeEvent<ConnectorError<R>>, Error<ConnectorError<R>>> {
        let step = self.step().await;
        if step.is_err() {
            self.abort();
        }
        step
    }

    /// Closes the WebSocket by its closing handshake (RFC 6455 §7.1.2), within [`ClientConfig::close_timeout`].
    /// Replies that arrive meanwhile are discarded: their events would be sent again and recognized by their keys.
    pub async fn close(&mut self) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.close().await;
        }
        self.abort();
    }

    /// Closes the bridge at once, without a Close frame.
    pub fn abort(&mut self) {
        self.socket = None;
        self.client.reset();
        self.phase = Phase::Closed;
    }

    /// The last local event that the hub has stored or rejected: the start after a reboot.
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
                    Err(disconnect) => return self.disconnected(Error::Disconnected(disconnect)),
                },
                Phase::Connecting(nonce) => match self.connect(nonce).await {
                    Ok(()) => {
                        self.phase = Phase::Open;
                        self.sent = self.acknowledged;
                        self.reconnect.on_open();
                        return Ok(BridgeEvent::Opened);
                    }
                    // A proxy without its server responds by a status that may pass.
                    Err(error) if error.is_transient() => return self.disconnected(error),
                    Err(error) => return Err(error),
                },
                Phase::Open => match self.transfer().await {
                    Ok(Some(event)) => return Ok(event),
                    Ok(None) => {}
                    Err(disconnect) => return self.disconnected(Error::Disconnected(disconnect)),
                },
            }
        }
    }

    async fn connect(&mut self, nonce: [u8; 16]) -> Result<(), Error<ConnectorError<R>>> {
        let upgrade = UpgradeRequest { nonce, protocols: &[Subprotocol::NAME], origin: None };
        // The bridge does not read the remote channel's events.
        let length = self.client.upgrade(&upgrade, Some(("after", "newest")), self.buffer).await?;
        let head = self.buffer.get(..length).unwrap_or_default();
        let Some(protocol) = verify(&upgrade, head, self.client.config.max_fields)? else {
            return Err(Error::UpgradeFailed(UpgradeError::Protocol));
        };
        let connection = self.client.take_exchange().ok_or(Error::Closed)?.connection;
        let keys = ClientMaskingKeys(self.client.runtime);
        self.socket = Some(ClientWebSocket::new(connection, Role::Client, keys, u64::MAX, Some(protocol)));
        Ok(())
    }

    /// Sends pending events and reads a reply; `None`: call again.
    async fn transfer(&mut self) -> Result<Option<BridgeEvent<ConnectorError<R>>>, Disconnect> {
        // While a part of a reply is in the buffer, no event can be rendered there.
        let sent = if self.reading { SendProgress::WindowFull } else { self.send()? };
        let Some(socket) = &mut self.socket else { return Err(Disconnect::Closed) };
        let (reader, after) = (&mut self.reader, self.sent);
        let (writable_bytes, follows) = match sent {
            SendProgress::Event(event) => return Ok(Some(event)),
            SendProgress::WindowFull => (0, false),
            SendProgress::SendBufferFull => (1, false),
            SendProgress::CaughtUp => (0, true),
        };
        let mut new_event =
            |cx: &mut Context<'_>| if follows { reader.poll_new_event(cx, after) } else { Poll::Pending };
        if socket.ready_or(writable_bytes, &mut new_event).await?.is_none() {
            return Ok(None);
        }
        // A reply is short. A longer message is an event of the channel, and is skipped.
        self.reading = true;
        let part = socket.read(self.buffer).await?;
        self.reading = false;
        let Some(part) = part else { return Err(Disconnect::Closed) };
        if !(part.first && part.last) {
            return Ok(None);
        }
        let Some((seq, reply)) = parse_reply(self.buffer.get_mut(..part.len).unwrap_or_default()) else {
            return Ok(None);
        };
        if seq <= self.acknowledged || seq > self.sent {
            return Ok(None);
        }
        let id = self.id(seq);
        match reply {
            Reply::Stored => {
                self.acknowledged = seq;
                Ok(Some(BridgeEvent::Stored { id }))
            }
            Reply::Rejected => {
                self.acknowledged = seq;
                Ok(Some(BridgeEvent::Rejected { id }))
            }
            // The event is sent again on the next connection.
            Reply::Retry => Err(Disconnect::Closed),
        }
    }

    /// Sends events, within the window and the send buffer.
    fn send(&mut self) -> Result<SendProgress<ConnectorError<R>>, Disconnect> {
        let Some(socket) = &mut self.socket else { return Err(Disconnect::Closed) };
        while self.sent.saturating_sub(self.acknowledged) < self.window {
            let (kind, length) = match publication(&self.reader, self.sent, self.buffer) {
                PublishMessage::Message { kind, length } => (kind, length),
                // The begun frame cannot be completed (RFC 6455 §5.4), so the connection ends.
                _ if self.partial.is_some() => return Err(Disconnect::Overwritten),
                PublishMessage::Nothing => return Ok(SendProgress::CaughtUp),
                // Report the replies to all events before it first, so that `acknowledged` stays in order.
                PublishMessage::TooLarge if self.sent > self.acknowledged => return Ok(SendProgress::WindowFull),
                PublishMessage::TooLarge => {
                    self.sent = self.sent.saturating_add(1);
                    self.acknowledged = self.sent;
                    return Ok(SendProgress::Event(BridgeEvent::Rejected { id: self.id(self.sent) }));
                }
                PublishMessage::Overwritten => {
                    let here = EventId { epoch: self.reader.epoch(), seq: self.sent };
                    let cursor = self.reader.seek(Position::After(here), GapPolicy::Replay);
                    if self.sent == self.acknowledged {
                        self.acknowledged = cursor.after;
                    }
                    self.sent = cursor.after;
                    match cursor.gap {
                        Some(gap) => return Ok(SendProgress::Event(BridgeEvent::Gap(gap))),
                        None => continue,
                    }
                }
            };
            let written = match self.partial {
                Some(written) => written,
                None if socket.start_whole(kind, length)? => 0,
                None => return Ok(SendProgress::SendBufferFull),
            };
            let message = self.buffer.get(written..length).unwrap_or_default();
            let written = written.saturating_add(socket.payload(message)?);
            if written < length {
                self.partial = Some(written);
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

/// The result of sending.
enum SendProgress<E> {
    /// No event is pending.
    CaughtUp,
    /// A reply is due first.
    WindowFull,
    /// The send buffer is full.
    SendBufferFull,
    Event(BridgeEvent<E>),
}

/// The hub's reply to a published event.
enum Reply {
    Stored,
    Retry,
    Rejected,
}

/// Parses `{"ref":N,"id":…}` or `{"ref":N,"error":…}`; `None` for any other message.
fn parse_reply(message: &mut [u8]) -> Option<(u64, Reply)> {
    let mut members = Members::new(message).ok()?;
    let (mut reference, mut reply) = (None, None);
    while let Some((name, value)) = members.next().ok()? {
        match name {
            "ref" => reference = core::str::from_utf8(value).ok()?.parse().ok(),
            "id" => reply = Some(Reply::Stored),
            // Another hub, or this one after a restart, may accept the event.
            "error" if matches!(text(value), Ok(SHUTTING_DOWN | TOO_MANY_CHANNELS)) => reply = Some(Reply::Retry),
            "error" => reply = Some(Reply::Rejected),
            _ => {}
        }
    }
    Some((reference?, reply?))
}

/// The hub's reply during its shutdown.
const SHUTTING_DOWN: &str = PublishError::ShuttingDown.reason();
/// The hub's reply without room for another channel.
const TOO_MANY_CHANNELS: &str = PublishError::TooManyChannels.reason();
