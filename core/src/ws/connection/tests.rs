//! The machine as its peer sees it: bytes that go in, frames that come out.

mod book;
mod closing;
mod control;
mod data;
mod outgoing;
mod splits;

use super::super::close::CloseCode;
use super::super::frame::{FrameHeader, Opcode};
use super::*;
use std::vec::Vec;

pub(super) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What the peer's bytes were, the neighbouring pieces of a message joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Part { kind: MessageKind, payload: Vec<u8>, first: bool, last: bool },
    Ping,
    Pong(PingPayload),
    Closed(Option<u16>),
    Failed(ProtocolError),
}

pub(super) fn text(payload: &str) -> Event {
    Event::Part { kind: MessageKind::Text, payload: payload.into(), first: true, last: true }
}

pub(super) fn binary(payload: &[u8]) -> Event {
    Event::Part { kind: MessageKind::Binary, payload: payload.to_vec(), first: true, last: true }
}

pub(super) fn add(events: &mut Vec<Event>, incoming: Incoming<'_>) {
    let event = match incoming {
        Incoming::Chunk(piece) => {
            assert!(piece.last || !piece.payload.is_empty(), "an empty piece says nothing");
            if let (false, Some(Event::Part { kind, payload, last, .. })) = (piece.first, events.last_mut())
                && !*last
            {
                assert_eq!(*kind, piece.kind);
                payload.extend(piece.payload);
                *last = piece.last;
                return;
            }
            Event::Part { kind: piece.kind, payload: piece.payload.into(), first: piece.first, last: piece.last }
        }
        Incoming::Ping => Event::Ping,
        Incoming::Pong(payload) => Event::Pong(payload),
        Incoming::Closed { code } => Event::Closed(code.map(CloseCode::as_u16)),
        Incoming::Failed(error) => Event::Failed(error),
    };
    events.push(event);
}

/// Gives all of `bytes` in one loan; what is not consumed has to stand there as it was.
pub(super) fn receive_all(machine: &mut Connection, bytes: &[u8], events: &mut Vec<Event>) {
    let mut input = bytes.to_vec();
    let mut at = 0;
    loop {
        let received = machine.receive(&mut input[at..]);
        let (consumed, event) = (received.consumed, received.event);
        let done = event.is_none();
        if let Some(event) = event {
            add(events, event);
        }
        at += consumed;
        assert_eq!(input[at..], bytes[at..], "altered before it was consumed");
        if done {
            assert!(at == bytes.len() || !machine.wants_input());
            return;
        }
    }
}

pub(super) fn receive(machine: &mut Connection, bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    receive_all(machine, bytes, &mut events);
    events
}

/// A frame as a server sends it.
pub(super) fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    raw(first, payload, None)
}

/// A frame as a client sends it.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    raw(first, payload, Some(KEY))
}

pub(super) fn raw(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = std::vec![first];
    let bit = if key.is_some() { 0x80 } else { 0 };
    match payload.len() {
        len @ 0..=125 => bytes.push(bit | len as u8),
        len @ 126..=0xffff => {
            bytes.push(bit | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(key.unwrap_or_default().iter().take(if key.is_some() { 4 } else { 0 }));
    let key = key.unwrap_or_default();
    bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
    bytes
}

/// The frames in `bytes`, unmasked: opcode, FIN, payload. Panics if they end within one.
pub(super) fn frames(mut bytes: &[u8], sender: Role) -> Vec<(Opcode, bool, Vec<u8>)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (head, used) = FrameHeader::decode(bytes, sender).unwrap().unwrap();
        let (payload, rest) = bytes[used..].split_at(head.len as usize);
        let key = head.masking_key.unwrap_or_default();
        let payload = payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
        frames.push((head.opcode, head.fin, payload));
        bytes = rest;
    }
    frames
}

/// Keys that differ from frame to frame.
pub(super) struct Counter(pub(super) u32);

impl MaskingKeys for Counter {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        self.0 = self.0.wrapping_mul(0x9e37_79b1).wrapping_add(0x1234_5677);
        Ok(self.0.to_be_bytes())
    }
}

/// All that waits, by rooms of `size` bytes.
pub(super) fn transmit_by(machine: &mut Connection, size: usize) -> Vec<u8> {
    let mut keys = Counter(7);
    let mut out = Vec::new();
    while machine.has_output() {
        let mut room = std::vec![0; size];
        let written = machine.transmit(&mut room, &mut keys).unwrap();
        assert!(written > 0, "output waits and there is room");
        out.extend(&room[..written]);
    }
    assert_eq!(machine.transmit(&mut [0; 300], &mut keys), Ok(0));
    out
}

pub(super) fn transmit(machine: &mut Connection) -> Vec<u8> {
    transmit_by(machine, 500)
}

pub(super) fn server() -> Connection {
    Connection::server(ConnectionConfig::default())
}

pub(super) fn client() -> Connection {
    Connection::client(ConnectionConfig::default())
}

#[test]
fn a_connection_is_small() {
    assert!(size_of::<Connection>() <= 280, "{} bytes", size_of::<Connection>());
}
