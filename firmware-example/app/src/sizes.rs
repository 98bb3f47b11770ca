//! All sizes of the application, with their cost in RAM.
//!
//! | memory | bytes | for |
//! | --- | --- | --- |
//! | a connection's buffers | [`RECEIVE`] + [`TRANSMIT`] | each of [`CONNECTIONS`] |
//! | head buffers | [`HEAD`] × [`HEADS`] | requests being received or answered |
//! | event buffers | [`EVENT`] × [`EVENTS`] | concurrent publications |
//! | logs | [`SENSORS_LOG`] + [`CHAT_LOG`] | events for readers that resume |
//!
//! The bridge to a hub needs [`BRIDGE_EVENT`] in addition to the buffers of its connection.
//! Each connection also has its task's future and its socket in the network stack.

use crate::settings::HUB_URL;

/// Concurrent connections, in both directions.
pub const CONNECTIONS: usize = 10;

/// One of them is the bridge's, if the firmware is built with a hub's URL.
const OUTGOING: usize = HUB_URL.is_some() as usize;

/// Connections for clients. The network stack resets a further one at once.
pub const SERVED: usize = CONNECTIONS - OUTGOING;

/// Concurrent subscribers, the bridge included. The other connections serve polls and publications; a further subscriber is rejected
/// with 503.
pub const FOLLOWERS: usize = 8 + OUTGOING;

/// The slots of `embassy_net::StackResources`: a socket for each connection and one for DHCP.
pub const SOCKETS: usize = CONNECTIONS + 1;

/// The receive buffer of a connection, at least 256; a browser's request head arrives in several parts.
pub const RECEIVE: usize = 512;

/// The send buffer of a connection. 1,072 is the smallest that holds two segments of the default maximum segment size, 536.
pub const TRANSMIT: usize = 1_072;

/// The longest request head; a browser's has some 700 bytes.
pub const HEAD: usize = 2_048;

/// Requests being received at the same time. A further one is rejected with 503 and `Retry-After`.
pub const HEADS: usize = 4;

/// The longest event that may be published.
pub const EVENT: usize = 1_024;

/// Events that are being published at the same time.
pub const EVENTS: usize = 2;

/// The longest event for the hub, as JSON; longer ones are skipped. The head of the hub's response has to fit as well.
pub const BRIDGE_EVENT: usize = 512;

/// The log of `sensors`: at some 110 bytes an event, the last 25 seconds.
pub const SENSORS_LOG: usize = 3_072;

/// The log of `chat`.
pub const CHAT_LOG: usize = 2_048;

/// Idempotency keys that a channel remembers, 24 bytes each.
pub const KEYS: usize = 10;
