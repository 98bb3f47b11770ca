//! Just enough of HTTP/1.1 for the load generator's own requests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;

/// The kind of a request.
pub(crate) enum Taken<'a> {
    WebSocket,
    Subscribe,
    Publish(&'a [u8]),
}

/// Parses the first request of `bytes` and appends its response to `output`. Returns its length and kind, or nothing while
/// it is incomplete.
pub(crate) fn take<'a>(bytes: &'a [u8], output: &mut Vec<u8>) -> Option<(usize, Taken<'a>)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = bytes.split_at(end + 4);
    if head.starts_with(b"POST ") {
        let length = field(head, "Content-Length: ").and_then(|text| text.parse().ok()).unwrap_or(0);
        let data = rest.get(..length)?;
        output.extend_from_slice(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        return Some((head.len() + length, Taken::Publish(data)));
    }
    let Some(key) = field(head, "Sec-WebSocket-Key: ") else {
        output.extend_from_slice(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        return Some((head.len(), Taken::Subscribe));
    };
    let mut digest = sha1_smol::Sha1::from(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut accept = [0; 28];
    let length = STANDARD.encode_slice(digest.digest().bytes(), &mut accept).unwrap_or(0);
    output.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
    );
    output.extend_from_slice(&accept[..length]);
    output.extend_from_slice(b"\r\n\r\n");
    Some((head.len(), Taken::WebSocket))
}

/// Appends an event, as one chunk, to `events`.
pub(crate) fn event(id: u64, data: &[u8], events: &mut Vec<Vec<u8>>) {
    let mut text = format!("id: {id}\ndata: ").into_bytes();
    text.extend_from_slice(data);
    text.extend_from_slice(b"\n\n");
    let mut chunk = Vec::with_capacity(text.len() + 8);
    let _ = write!(chunk, "{:x}\r\n", text.len());
    chunk.extend_from_slice(&text);
    chunk.extend_from_slice(b"\r\n");
    events.push(chunk);
}

/// The value of a field whose name is spelt as the load generator spells it.
fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| line.strip_prefix(name))
}
