//! Masking in place. Each payload begins where it does behind a frame's header, so it is seldom aligned.

use goldcrest_bench::frames::MASKING_KEY;
use goldcrest_bench::options::Options;
use goldcrest_bench::race::{self, Runner};
use goldcrest_bench::table::{Part, Table};
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Payload bytes, and the header's length with its masking key.
const CASES: [(&str, usize, usize); 5] =
    [("16 B", 16, 6), ("125 B", 125, 6), ("1 KiB", 1024, 8), ("16 KiB", 16384, 8), ("1 MiB", 1 << 20, 14)];

pub(crate) fn race(options: &Options) -> Option<Table> {
    let cases = CASES.map(|(title, payload, header)| (title.to_string(), runners(payload, header)));
    race::race("Masking in place", "ns a payload", options, cases)
}

fn runners(payload: usize, header: usize) -> Vec<Runner<'static>> {
    let frame = vec![b'g'; header + payload];
    let bytes = bytes::Bytes::from(frame.clone()).slice(header..);
    let from = frame.clone();
    let buffer = Rc::new(RefCell::new(frame));
    vec![
        Runner::on(Part::Ours, "goldcrest", &buffer, move |frame| {
            goldcrest_core::ws::mask::mask(black_box(&mut frame[header..]), black_box(MASKING_KEY));
        }),
        Runner::on(Part::Peer, "fastwebsockets", &buffer, move |frame| {
            fastwebsockets::unmask(black_box(&mut frame[header..]), black_box(MASKING_KEY));
        }),
        // Its function is private. This is the nearest that can be called, and it copies as well; fastwebsockets has the
        // same algorithm without the copy.
        Runner::new(Part::Peer, "tungstenite (`Frame::format`, which copies too)", move || {
            let mut frame = Frame::message(bytes.clone(), OpCode::Data(Data::Binary), true);
            frame.header_mut().mask = Some(black_box(MASKING_KEY));
            frame.format(&mut std::io::sink()).expect("a sink takes everything");
        }),
        Runner::on(Part::Bound, "byte by byte", &buffer, move |frame| {
            let key = black_box(MASKING_KEY);
            for (at, byte) in black_box(&mut frame[header..]).iter_mut().enumerate() {
                *byte ^= key[at & 3];
            }
        }),
        Runner::on(Part::Bound, "memcpy", &buffer, move |frame| {
            black_box(&mut frame[header..]).copy_from_slice(black_box(&from[header..]));
        }),
    ]
}
