//! A WebSocket beside tungstenite's.

use std::io::{self, Read, Write};

use goldcrest_core::ws::connection::{Connection, ConnectionConfig, Incoming, MaskingKeys, MessageKind, NoEntropy};
use goldcrest_core::ws::{ProtocolError, Role};
use tungstenite::error::{CapacityError, Error, ProtocolError as TheirError};
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// The most bytes that a message may have, on both sides.
pub const MAX_MESSAGE: usize = 4096;

/// The outcome of a connection's bytes.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    messages: Vec<(MessageKind, Vec<u8>)>,
    pings: usize,
    pongs: usize,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The bytes ended first.
    Open,
    Closed(Option<u16>),
    /// Refused, with the close code that this leads to.
    Failed(u16),
}

/// Feeds `bytes` of a peer of `role` to both, ours cut by `cuts`, and compares the outcomes.
pub fn receives_the_same_as_tungstenite(role: Role, bytes: &[u8], cuts: &[u8]) {
    let (ours, error) = ours(role, bytes, cuts);
    let theirs = theirs(role, bytes);
    let context = || format!("{role:?} hears {}\nours {ours:?} {error:?}\ntheirs {theirs:?}", bytes.escape_ascii());
    match error {
        // Lengths in more bytes than they need are forbidden (RFC 6455 §5.2), and tungstenite takes them, those of control
        // frames too.
        Some(ProtocolError::LengthNotMinimal | ProtocolError::LengthTooLarge | ProtocolError::LongControl) => {
            assert!(theirs.messages.starts_with(&ours.messages), "{}", context());
            assert!(ours.pings <= theirs.pings && ours.pongs <= theirs.pongs, "{}", context());
            return;
        }
        // Ours fails at the first byte that is wrong; tungstenite waits for the rest of the frame.
        Some(_) if theirs.end == End::Open => assert!(ends_within_a_frame(role, bytes), "{}", context()),
        // tungstenite answers such a close with 1002 and calls it one.
        Some(ProtocolError::BadCloseCode) => assert_eq!(theirs.end, End::Closed(Some(1002)), "{}", context()),
        // A header may break two rules, one of them by its length: either may be reported.
        Some(_) if [ours.end, theirs.end].contains(&End::Failed(1009)) => {
            assert!(matches!(theirs.end, End::Failed(_)), "{}", context());
        }
        // It does not know 1014, which has been registered since.
        None if ours.end == End::Closed(Some(1014)) => {}
        _ => assert_eq!(ours.end, theirs.end, "{}", context()),
    }
    assert_eq!(ours.messages, theirs.messages, "{}", context());
    assert_eq!((ours.pings, ours.pongs), (theirs.pings, theirs.pongs), "{}", context());
}

/// The messages that tungstenite hears of a peer of `role`.
pub(crate) fn messages(role: Role, bytes: &[u8]) -> Vec<(MessageKind, Vec<u8>)> {
    theirs(role, bytes).messages
}

fn ours(role: Role, bytes: &[u8], cuts: &[u8]) -> (Outcome, Option<ProtocolError>) {
    let mut connection = Connection::new(role.peer(), ConnectionConfig { max_message: MAX_MESSAGE as u64 });
    let mut heard = Outcome { messages: Vec::new(), pings: 0, pongs: 0, end: End::Open };
    let mut message = Vec::new();
    for piece in super::cut(bytes, cuts) {
        let mut input = piece.to_vec();
        let mut at = 0;
        loop {
            let received = connection.receive(&mut input[at..]);
            at += received.consumed;
            match received.event {
                None => break,
                Some(Incoming::Chunk(piece)) => {
                    message.extend_from_slice(piece.payload);
                    if piece.last {
                        heard.messages.push((piece.kind, std::mem::take(&mut message)));
                    }
                }
                Some(Incoming::Ping) => heard.pings += 1,
                Some(Incoming::Pong(_)) => heard.pongs += 1,
                Some(Incoming::Closed { code }) => heard.end = End::Closed(code.map(|code| code.as_u16())),
                Some(Incoming::Failed(error)) => heard.end = End::Failed(error.close_code().as_u16()),
            }
        }
        // Its pongs leave, so that it takes the next ping.
        let mut room = [0; 300];
        while connection.transmit(&mut room, &mut Keys(7)).unwrap() > 0 {}
    }
    (heard, connection.error())
}

struct Keys(u32);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        self.0 = self.0.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        Ok(self.0.to_be_bytes())
    }
}

/// A peer that has said all that it will say, and listens to nothing.
struct ReplayStream<'a>(&'a [u8]);

impl Read for ReplayStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for ReplayStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs(role: Role, bytes: &[u8]) -> Outcome {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let their_role = match role {
        Role::Client => tungstenite::protocol::Role::Server,
        Role::Server => tungstenite::protocol::Role::Client,
    };
    let mut socket = WebSocket::from_raw_socket(ReplayStream(bytes), their_role, Some(config));
    let mut heard = Outcome { messages: Vec::new(), pings: 0, pongs: 0, end: End::Open };
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => heard.messages.push((MessageKind::Text, text.as_bytes().to_vec())),
            Ok(Message::Binary(bytes)) => heard.messages.push((MessageKind::Binary, bytes.to_vec())),
            Ok(Message::Ping(_)) => heard.pings += 1,
            Ok(Message::Pong(_)) => heard.pongs += 1,
            Ok(Message::Close(frame)) => {
                heard.end = End::Closed(frame.map(|CloseFrame { code, .. }| code.into()));
                return heard;
            }
            Ok(Message::Frame(_)) => unreachable!("raw frames are not read"),
            Err(error) => {
                heard.end = match error {
                    Error::Protocol(TheirError::ResetWithoutClosingHandshake) => End::Open,
                    Error::Utf8(_) => End::Failed(1007),
                    Error::Capacity(CapacityError::MessageTooLong { .. }) => End::Failed(1009),
                    _ => End::Failed(1002),
                };
                return heard;
            }
        }
    }
}

/// Whether `bytes` end before a frame or a message does, by lengths alone.
fn ends_within_a_frame(role: Role, bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut unfinished = false;
    while let [first, second, after @ ..] = rest {
        let (digits, short) = match second & 0x7f {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(u64::from(short))),
        };
        if after.len() < digits {
            return true;
        }
        let told = after[..digits].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let head = digits + if second & 0x80 == 0 { 0 } else { 4 };
        let length = short.unwrap_or(told);
        if ((after.len().saturating_sub(head)) as u64) < length || after.len() < head {
            return true;
        }
        if first & 0x08 == 0 {
            unfinished = first & 0x80 == 0;
        }
        rest = &after[head + length as usize..];
    }
    // A single byte is an error as well.
    let _ = role;
    unfinished || !rest.is_empty()
}
