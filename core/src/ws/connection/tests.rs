//! Traces: `send!` gives frames of the peer to the machine and compares the events, `recv!` compares the frames that it transmits.

/// The peer sends these frames: the machine reports these events.
macro_rules! send {
    ($machine:ident, [$($frame:expr),* $(,)?] => [$($event:expr),* $(,)?]) => {
        let sent: Vec<Frame> = std::vec![$($frame),*];
        let bytes: Vec<u8> = sent.iter().flat_map(|frame| frame.wire($machine.role().peer())).collect();
        let expected: Vec<Event> = std::vec![$($event),*];
        assert_eq!(receive(&mut $machine, &bytes), expected, "events of {sent:?}");
    };
}

/// The peer receives these frames and no others.
macro_rules! recv {
    ($machine:ident, [$($frame:expr),* $(,)?]) => {
        let expected: Vec<Frame> = std::vec![$($frame),*];
        assert_eq!(frames(&transmit(&mut $machine), $machine.role()), expected);
    };
}

mod close_handshake;
mod data_frames;
mod fragmentation;
mod malformed_frames;
mod masking;
mod message_limits;
mod ping_pong;
mod reference_decoder;
mod sending;
mod splits;
mod text_validation;

use super::super::close::CloseCode;
use super::super::frame::{FrameHeader, Opcode};
use super::*;
use std::vec::Vec;

pub(super) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An event of the machine; neighbouring chunks of a message are joined.
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
            assert!(piece.last || !piece.payload.is_empty(), "an empty chunk that is not the last");
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

/// Gives all of `bytes` in one slice; unconsumed bytes have to stay unchanged.
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

/// A frame, its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    opcode: Opcode,
    fin: bool,
    payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(opcode: Opcode, payload: &[u8]) -> Self {
        Self { opcode, fin: true, payload: payload.to_vec() }
    }

    /// The same frame without FIN: another fragment follows.
    pub(super) fn unfinished(self) -> Self {
        Self { fin: false, ..self }
    }

    /// The bytes of the frame as `sender` sends it: a client masks.
    pub(super) fn wire(&self, sender: Role) -> Vec<u8> {
        let fin = if self.fin { 0x80 } else { 0 };
        raw(fin | self.opcode as u8, &self.payload, (sender == Role::Client).then_some(KEY))
    }
}

pub(super) fn ping(payload: &[u8]) -> Frame {
    Frame::new(Opcode::Ping, payload)
}

pub(super) fn pong(payload: &[u8]) -> Frame {
    Frame::new(Opcode::Pong, payload)
}

pub(super) fn close(code: u16, reason: &str) -> Frame {
    Frame::new(Opcode::Close, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

/// The frames in `bytes`, unmasked. Panics if they end within one.
pub(super) fn frames(mut bytes: &[u8], sender: Role) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (head, used) = FrameHeader::decode(bytes, sender).unwrap().unwrap();
        let (payload, rest) = bytes[used..].split_at(head.len as usize);
        let key = head.masking_key.unwrap_or_default();
        let payload = payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
        frames.push(Frame { opcode: head.opcode, fin: head.fin, payload });
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

/// All output that waits, written into rooms of `size` bytes.
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
