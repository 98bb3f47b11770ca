//! Every size of the application: what it costs in RAM, and what it buys.
//!
//! | what | bytes | for |
//! | --- | --- | --- |
//! | a connection's buffers | [`RECEIVE`] + [`TRANSMIT`] | each of [`CONNECTIONS`] |
//! | head buffers | [`HEAD`] × [`HEADS`] | requests whose head is arriving or being answered |
//! | event buffers | [`EVENT`] × [`EVENTS`] | publishing at the same time |
//! | logs | [`SENSORS_LOG`] + [`CHAT_LOG`] | what a reader who comes back still finds |
//!
//! The bridge to a hub takes [`BRIDGE_EVENT`] beside the buffers of its connection.
//! Beside these a connection costs its task's future and its socket in the network stack.

use crate::bridge::HUB;

/// Connections at once, whoever opened them.
pub const CONNECTIONS: usize = 10;

/// One of them goes out where the firmware is built with a hub to publish on.
const OUTGOING: usize = HUB.is_some() as usize;

/// Those that clients may have. One more is refused by the network stack (RST), at once.
pub const SERVED: usize = CONNECTIONS - OUTGOING;

/// Readers that follow a channel at once, the bridge among them. Connections past these answer polls and publish; a further
/// follower is told that the chip is full.
pub const FOLLOWERS: usize = 8 + OUTGOING;

/// The slots of `embassy_net::StackResources`: a socket each connection, and DHCP's.
pub const SOCKETS: usize = CONNECTIONS + 1;

/// The receive ring of a connection. 256 is the least; a browser's request head comes in a few pieces.
pub const RECEIVE: usize = 512;

/// The transmit ring of a connection. 1,072 is the least that keeps two segments of the least size on the way.
pub const TRANSMIT: usize = 1_072;

/// The longest request head; a browser's has some 700 bytes.
pub const HEAD: usize = 2_048;

/// Requests that arrive at the same time, heads and contents. A further client is asked to come back.
pub const HEADS: usize = 4;

/// The longest event that may be published.
pub const EVENT: usize = 1_024;

/// Events that are being published at the same time.
pub const EVENTS: usize = 2;

/// The longest event that goes to the hub, as JSON; a longer one is passed over. The head of the hub's answer fits too.
pub const BRIDGE_EVENT: usize = 512;

/// The log of `sensors`: at some 110 bytes an event, the last 25 seconds.
pub const SENSORS_LOG: usize = 3_072;

/// The log of `chat`.
pub const CHAT_LOG: usize = 2_048;

/// Events that a log keeps at most, whatever room is left. Each costs 4 bytes of the log.
pub const KEPT: usize = 64;

/// Idempotency keys that a channel remembers, 24 bytes each.
pub const KEYS: usize = 10;
