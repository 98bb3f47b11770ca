//! A client and a server of ours, over rings of any size: every message arrives unchanged.

use arbitrary::Arbitrary;
use goldcrest_core::ws::Role;
use goldcrest_core::ws::close::{CloseCode, CloseReason};
use goldcrest_core::ws::connection::{
    Connection, ConnectionConfig, Incoming, MaskingKeys, MessageKind, NoEntropy, PingPayload, Received, SendError,
};
use goldcrest_core::ws::frame::{FrameHeader, FrameHeaderDecoder};

use crate::Steps;

/// A thing that one of the two does.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub struct ConversationStep {
    /// Whether it is the client.
    pub client: bool,
    /// Its action.
    pub act: Act,
}

/// An action of one side.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Act {
    /// It begins a frame of so many bytes.
    Start {
        /// Whether it is text.
        text: bool,
        /// Whether the message ends with it.
        fin: bool,
        /// Bytes of its payload.
        length: u16,
    },
    /// It sends a whole message of so many bytes, if there is room for it.
    Whole(u8),
    /// It writes into a buffer of so many bytes.
    Write(u8),
    /// It reads at most so many of the received bytes.
    Read(u8),
    /// It pings.
    Ping(u8),
    /// It closes.
    Close,
}

struct Side {
    connection: Connection,
    /// Bytes sent by this side and not yet received.
    wire: Vec<u8>,
    /// The message that it is sending.
    sending: Vec<u8>,
    kind: MessageKind,
    fin: bool,
    /// The frame that is being sent has begun, and its payload is due.
    under_way: bool,
    sent: Vec<(MessageKind, Vec<u8>)>,
    message: Vec<u8>,
    heard: Vec<(MessageKind, Vec<u8>)>,
    count: u8,
}

struct Keys<'a>(&'a mut u8);

impl MaskingKeys for Keys<'_> {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        *self.0 = self.0.wrapping_add(37);
        Ok([*self.0, 1, 0, !*self.0])
    }
}

impl Side {
    fn new(role: Role) -> Self {
        Self {
            connection: Connection::new(role, ConnectionConfig::default()),
            wire: vec![],
            sending: vec![],
            kind: MessageKind::Text,
            fin: true,
            under_way: false,
            sent: vec![],
            message: vec![],
            heard: vec![],
            count: 0,
        }
    }

    /// Nothing is left to do for it but to speak.
    fn is_idle(&self) -> bool {
        let connection = &self.connection;
        self.wire.is_empty() && !connection.has_output() && connection.payload_remaining() == 0
    }

    fn act(&mut self, act: Act, other: &mut Self) {
        let mut keys = Keys(&mut self.count);
        match act {
            Act::Start { text, fin, length } => {
                let kind = if text { MessageKind::Text } else { MessageKind::Binary };
                match self.connection.start_frame(kind, fin, (length % 2000).into(), &mut keys) {
                    Ok(()) => (self.kind, self.fin, self.under_way) = (kind, fin, true),
                    Err(SendError::NoEntropy | SendError::NoRoom) => {
                        panic!("there is entropy, and no room is asked for")
                    }
                    Err(_) => {}
                }
            }
            Act::Whole(length) => {
                let payload = vec![b'w'; length.into()];
                let mut room = [0; 300];
                if let Ok(written) = self.connection.frame(&mut room, MessageKind::Binary, &payload, &mut keys) {
                    self.wire.extend_from_slice(&room[..written]);
                    self.sent.push((MessageKind::Binary, payload));
                }
            }
            Act::Write(size) => {
                let mut room = vec![0; size.into()];
                let head = self.connection.transmit(&mut room, &mut keys).expect("there is entropy");
                let sending = &mut self.sending;
                let body = self.connection.payload(&mut room[head..], |room| {
                    for byte in &mut *room {
                        *byte = b'a' + (sending.len() % 26) as u8;
                        sending.push(*byte);
                    }
                    room.len()
                });
                self.wire.extend_from_slice(&room[..head + body]);
            }
            Act::Read(size) => {
                let mut at = 0;
                let count = other.wire.len().min(size.into());
                while self.connection.wants_input() {
                    let Received { consumed, event } = self.connection.receive(&mut other.wire[at..count]);
                    at += consumed;
                    match event {
                        None => break,
                        Some(Incoming::Chunk(piece)) => {
                            self.message.extend_from_slice(piece.payload);
                            if piece.last {
                                self.heard.push((piece.kind, std::mem::take(&mut self.message)));
                            }
                        }
                        Some(Incoming::Failed(error)) => panic!("our own frames are refused: {error}"),
                        Some(Incoming::Ping | Incoming::Pong(_) | Incoming::Closed { .. }) => {}
                    }
                }
                other.wire.drain(..at);
            }
            Act::Ping(byte) => _ = self.connection.ping(PingPayload::new(&[byte; 9])),
            Act::Close => _ = self.connection.close(CloseCode::NORMAL, CloseReason::NONE),
        }
        if self.under_way && self.connection.payload_remaining() == 0 {
            self.under_way = false;
            if self.fin {
                self.sent.push((self.kind, std::mem::take(&mut self.sending)));
            }
        }
        if self.connection.has_output() {
            assert!(self.connection.buffered() > 0, "queued output is counted");
        }
    }
}

/// Lets both act, and then all that was sent arrive.
pub fn client_and_server_exchange_messages_unchanged(steps: &Steps<ConversationStep>) {
    let (mut client, mut server) = (Side::new(Role::Client), Side::new(Role::Server));
    for ConversationStep { client: by_client, act } in &steps.0 {
        match by_client {
            true => client.act(*act, &mut server),
            false => server.act(*act, &mut client),
        }
    }
    for turn in 0.. {
        assert!(turn < 10_000, "no progress");
        for act in [Act::Write(255), Act::Read(255)] {
            client.act(act, &mut server);
            server.act(act, &mut client);
        }
        if [&client, &server].iter().all(|side| side.is_idle()) {
            break;
        }
    }
    for (sender, receiver) in [(&client, &server), (&server, &client)] {
        assert!(sender.sent.starts_with(&receiver.heard));
        // Behind its own Close a side is not listened to any more.
        if receiver.connection.peer_close().is_none() && !receiver.connection.is_closing() {
            assert_eq!(sender.sent.len(), receiver.heard.len());
        }
    }
    assert_eq!(client.connection.is_closed(), server.connection.is_closed());
}

/// A frame header decodes the same at any split, and encodes as it was decoded.
pub fn a_request_head_parses_the_same_at_any_split(role: Role, bytes: &[u8], cuts: &[u8]) {
    let whole = FrameHeader::decode(bytes, role);
    let mut decoder = FrameHeaderDecoder::default();
    let mut taken = 0;
    for piece in crate::cut(bytes, cuts) {
        let (count, told) = decoder.push(piece, role);
        taken += count;
        match told {
            Ok(None) => assert_eq!(count, piece.len()),
            Ok(Some(head)) => {
                assert_eq!(whole, Ok(Some((head, taken))));
                let mut room = [0; FrameHeader::MAX];
                let used = head.encode(&mut room);
                assert_eq!(&room[..used], &bytes[..taken]);
                return;
            }
            Err(error) => return assert_eq!(whole, Err(error)),
        }
    }
    assert_eq!(whole, Ok(None));
}
