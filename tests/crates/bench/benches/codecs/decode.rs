//! Decoding masked frames that a connection never stops bringing; every decoder reads for itself, so every one pays for
//! the same copy out of the "socket". The payload must come out unmasked: its last byte is looked at.

use crate::endless::Endless;
use futures_util::FutureExt;
use goldcrest_bench::frames::push_masked;
use goldcrest_bench::options::Options;
use goldcrest_bench::race::{self, Runner};
use goldcrest_bench::table::{Part, Table};
use goldcrest_core::ws::connection::{Connection, ConnectionConfig, Incoming};
use std::hint::black_box;
use std::io::Read;
use tokio_tungstenite::tungstenite;

const CASES: [(&str, usize); 4] = [("16 B", 16), ("125 B", 125), ("1 KiB", 1024), ("64 KiB", 65536)];

/// The read buffer of a host: one for all its connections.
const RECEIVE_BUFFER: usize = 64 * 1024;

pub(crate) fn race(options: &Options) -> Option<Table> {
    let cases = CASES.map(|(title, payload)| (title.to_string(), runners(payload)));
    race::race("Decoding masked frames", "ns a frame", options, cases)
}

fn runners(payload: usize) -> Vec<Runner<'static>> {
    vec![
        Runner::new(Part::Ours, "goldcrest", ours(payload)),
        Runner::new(Part::Peer, "tungstenite", by_tungstenite(payload)),
        Runner::new(Part::Peer, "fastwebsockets", by_fastwebsockets(payload)),
        Runner::new(Part::Peer, "soketto", by_soketto(payload)),
        Runner::new(Part::Peer, "embedded-websocket", by_embedded_websocket(payload)),
    ]
}

/// A quarter of a MiB of whole frames, or a little more.
fn frames(payload: usize) -> Vec<u8> {
    let mut frames = Vec::new();
    while frames.len() < 256 * 1024 {
        push_masked(payload, &mut frames);
    }
    frames
}

fn touch(message: &[u8], payload: usize) {
    assert_eq!((message.len(), message.last()), (payload, Some(&b'g')));
    black_box(message);
}

fn ours(payload: usize) -> impl FnMut() {
    let mut socket = Endless::new(frames(payload));
    let mut connection = Connection::server(ConnectionConfig::default());
    let mut buffer = vec![0; RECEIVE_BUFFER];
    let (mut begin, mut end) = (0, 0);
    move || {
        let mut length = 0;
        loop {
            if begin == end {
                (begin, end) = (0, socket.read(&mut buffer).expect("never fails"));
            }
            let received = connection.receive(&mut buffer[begin..end]);
            begin += received.consumed;
            if let Some(Incoming::Chunk(piece)) = received.event {
                length += piece.payload.len();
                black_box(piece.payload);
                if piece.last {
                    assert_eq!((length, piece.payload.last()), (payload, Some(&b'g')));
                    return;
                }
            }
        }
    }
}

fn by_tungstenite(payload: usize) -> impl FnMut() {
    let mut websocket = tungstenite::WebSocket::from_raw_socket(
        Endless::new(frames(payload)),
        tungstenite::protocol::Role::Server,
        None,
    );
    move || {
        let message = websocket.read().expect("a message");
        let tungstenite::Message::Binary(message) = message else { panic!("a binary message") };
        touch(&message, payload);
    }
}

fn by_fastwebsockets(payload: usize) -> impl FnMut() {
    let mut websocket =
        fastwebsockets::WebSocket::after_handshake(Endless::new(frames(payload)), fastwebsockets::Role::Server);
    move || {
        let frame = websocket.read_frame().now_or_never().expect("never pending").expect("a frame");
        touch(&frame.payload, payload);
    }
}

fn by_soketto(payload: usize) -> impl FnMut() {
    use soketto::connection::{Builder, Mode};
    // The sender shares the connection and must live as long.
    let (sender, mut receiver) = Builder::new(Endless::new(frames(payload)), Mode::Server).finish();
    let mut message = Vec::new();
    move || {
        let _ = &sender;
        message.clear();
        receiver.receive_data(&mut message).now_or_never().expect("never pending").expect("a message");
        touch(&message, payload);
    }
}

/// It can't go on with a frame that is cut, so each of its reads brings whole frames.
fn by_embedded_websocket(payload: usize) -> impl FnMut() {
    use embedded_websocket::{WebSocketServer, WebSocketState};
    let mut websocket = WebSocketServer::new_server();
    websocket.state = WebSocketState::Open;
    let frames = frames(payload);
    let mut one = Vec::new();
    push_masked(payload, &mut one);
    let read = (RECEIVE_BUFFER / one.len()).max(1) * one.len();
    let mut socket = Endless::new(frames[..frames.len() / read * read].to_vec());
    let (mut buffer, mut message) = (vec![0; read], vec![0; payload]);
    let mut begin = read;
    move || {
        if begin == read {
            begin = 0;
            let filled = socket.read(&mut buffer).expect("never fails");
            assert_eq!(filled, read);
        }
        let result = websocket.read(&buffer[begin..], &mut message).expect("a frame");
        begin += result.len_from;
        touch(&message[..result.len_to], payload);
    }
}
