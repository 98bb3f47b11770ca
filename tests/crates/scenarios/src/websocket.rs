//! WebSocket by tungstenite, an independent client.

use std::io;
use std::net::TcpStream;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::http::{HeaderName, HeaderValue, Response};
use tungstenite::{Error, HandshakeError, WebSocket};

use crate::{Server, Width};

/// An open WebSocket.
pub type Socket = WebSocket<TcpStream>;

/// The response to a handshake that was refused.
pub type Refused = Box<Response<Option<Vec<u8>>>>;

/// The fields of an opening handshake (RFC 6455 §4.1), for a client that writes its own frames.
pub const UPGRADE: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
];

/// Opens a WebSocket at `target`, offering these subprotocols.
///
/// # Errors
/// The response, where it is not a 101.
pub fn websocket(server: &Server, target: &str, protocols: &str, fields: &[&str]) -> Result<Socket, Refused> {
    websocket_with(Width::Wide, server, target, protocols, fields)
}

/// The same over a connection of this width.
///
/// # Errors
/// The response, where it is not a 101.
pub fn websocket_with(
    width: Width,
    server: &Server,
    target: &str,
    protocols: &str,
    fields: &[&str],
) -> Result<Socket, Refused> {
    match try_websocket(width, server, target, protocols, fields) {
        Ok(socket) => Ok(socket),
        Err(error) => match *error {
            HandshakeError::Failure(Error::Http(response)) => Err(response),
            error => panic!("{target}: {error}"),
        },
    }
}

/// The same, where the connection may break.
pub(crate) fn try_websocket(
    width: Width,
    server: &Server,
    target: &str,
    protocols: &str,
    fields: &[&str],
) -> Result<Socket, Box<HandshakeError<ClientHandshake<TcpStream>>>> {
    let mut request = format!("ws://{}{target}", server.authority()).into_client_request().unwrap();
    let headers = request.headers_mut();
    if !protocols.is_empty() {
        headers.insert("sec-websocket-protocol", HeaderValue::from_str(protocols).unwrap());
    }
    for field in fields {
        let (name, value) = field.split_once(": ").expect("NAME: VALUE");
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let peer = if server.has_few_connections() {
        server.connect_with(width)
    } else {
        let refused = |trouble| HandshakeError::Failure(Error::Io(io::Error::other(format!("{trouble:?}"))));
        server.try_connect(width).map_err(refused).map_err(Box::new)?
    };
    let (socket, response) = tungstenite::client::client(request, peer.into_stream()).map_err(Box::new)?;
    let chosen = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    assert!(chosen.is_none_or(|chosen| protocols.contains(chosen)), "{chosen:?} was not offered");
    Ok(socket)
}
