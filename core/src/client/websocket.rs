//! Opening a WebSocket (RFC 6455 §4.1).
//!
//! ```
//! use goldcrest_core::client::{ClientConfig, Error, ClientRuntime, ClientWebSocket, ConnectOptions};
//! use goldcrest_core::ws::connection::MessageKind;
//!
//! async fn talk<R: ClientRuntime>(runtime: &R) -> Result<(), goldcrest_core::websocket::Disconnect> {
//!     let config = ClientConfig::default();
//!     let options = ConnectOptions { protocols: &["chat"], ..ConnectOptions::default() };
//!     let mut buffer = [0; 512]; // first for the answer's head, then for messages
//!     let opened = ClientWebSocket::connect(runtime, &config, "ws://10.0.0.2/chat", &options, &mut buffer).await;
//!     let Ok(mut socket) = opened else { return Ok(()) };
//!     socket.send(MessageKind::Text, b"hello").await?;
//!     while let Some(message) = socket.recv(&mut buffer).await? {
//!         println!("{:?}", message.payload);
//!     }
//!     println!("closed: {:?}", socket.peer_close());
//!     socket.close().await
//! }
//! ```

use core::future::Future;

use super::http_client::HttpClient;
use super::{ClientConfig, ClientConnection, ClientMaskingKeys, ClientRuntime, ConnectorError, Error};
use crate::http::ResponseHead;
use crate::websocket::{Disconnect, WebSocket};
use crate::ws::Role;
use crate::ws::handshake::UpgradeRequest;

/// An open WebSocket of the role client. Dropped without [`WebSocket::close`] it ends without a Close frame.
pub type ClientWebSocket<'e, R> = WebSocket<'e, ClientConnection<'e, R>, ClientMaskingKeys<'e, R>>;

/// The options of a handshake.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions<'a> {
    /// The subprotocols to offer, in order of preference: distinct tokens (RFC 6455 §4.1). The server selects one or
    /// none ([`WebSocket::protocol`]).
    pub protocols: &'a [&'a str],
    /// The value of `Origin`, which browsers send and other clients may.
    pub origin: Option<&'a str>,
    /// The limit of a message, in bytes; a larger one closes the WebSocket with 1009. Default: no limit, for reading
    /// in chunks.
    pub max_message: u64,
}

impl Default for ConnectOptions<'_> {
    fn default() -> Self {
        Self { protocols: &[], origin: None, max_message: u64::MAX }
    }
}

impl<'e, R: ClientRuntime> WebSocket<'e, ClientConnection<'e, R>, ClientMaskingKeys<'e, R>> {
    /// Opens a WebSocket at `url` (`http` and `https` count as `ws` and `wss`); `buffer` holds the response's head.
    /// Redirects are not followed, as in a browser. Dropping the future cancels the attempt.
    ///
    /// # Errors
    /// [`Error::UpgradeFailed`] if RFC 6455 §4.1 requires the client to fail: a status other than 101, a wrong
    /// `Sec-WebSocket-Accept`, or a subprotocol or extension that was not offered. [`Disconnect::NoEntropy`] without
    /// a nonce: no request was sent. Others as [`Error`] describes them.
    pub fn connect(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &str,
        options: &ConnectOptions<'e>,
        buffer: &mut [u8],
    ) -> impl Future<Output = Result<Self, Error<ConnectorError<R>>>> {
        async move {
            let upgrade =
                UpgradeRequest { nonce: nonce(runtime)?, protocols: options.protocols, origin: options.origin };
            let (connection, protocol) = {
                let mut asker = HttpClient::new(runtime, config, url, &mut []);
                let length = asker.upgrade(&upgrade, None, buffer).await?;
                let protocol = verify(&upgrade, buffer.get(..length).unwrap_or_default(), config.max_fields)?;
                (asker.take_exchange().ok_or(Error::Closed)?.connection, protocol)
            };
            Ok(Self::new(connection, Role::Client, ClientMaskingKeys(runtime), options.max_message, protocol))
        }
    }
}

/// Verifies the response to a handshake and returns the selected subprotocol.
pub(super) fn verify<'a, E>(
    offer: &UpgradeRequest<'a>,
    head: &[u8],
    max_fields: usize,
) -> Result<Option<&'a str>, Error<E>> {
    let answer = ResponseHead::parse(head, max_fields)?;
    offer.verify(answer.status(), answer.fields()).map_err(Error::UpgradeFailed)
}

/// The bytes of `Sec-WebSocket-Key` (RFC 6455 §4.1).
pub(super) fn nonce<R: ClientRuntime>(runtime: &R) -> Result<[u8; 16], Disconnect> {
    let mut nonce = [0; 16];
    for part in nonce.as_chunks_mut::<4>().0 {
        *part = runtime.random().map_err(|_| Disconnect::NoEntropy)?;
    }
    Ok(nonce)
}
