//! Writing events: from an id, a type and a payload that the caller holds as text, to bytes that can be sent.

use axum::response::IntoResponse;
use axum::response::sse;
use futures_util::{FutureExt, stream};
use goldcrest_bench::options::Options;
use goldcrest_bench::race::{self, Runner};
use goldcrest_bench::table::{Part, Table};
use goldcrest_core::output::ResumableWriter;
use goldcrest_core::sse::encode::EventBlock;
use goldcrest_core::sse::field::{EventField, IdField};
use http_body_util::BodyExt;
use std::convert::Infallible;
use std::fmt::Write;
use std::hint::black_box;

const ID: &str = "5f3a9c01-1234567";
const TYPE: &str = "reading";

pub(crate) fn race(options: &Options) -> Option<Table> {
    let one = "g".repeat(64);
    let many =
        ["temperature 21.5", "humidity 48", "pressure 1013.25", "voltage 3.31", "uptime 86400", "errors 0"].join("\n");
    let cases = [("64 B", one), ("6 lines", many)].map(|(title, data)| (title.to_string(), runners(&data)));
    race::race("Encoding SSE events", "ns an event", options, cases)
}

fn runners(data: &str) -> Vec<Runner<'static>> {
    vec![
        Runner::new(Part::Ours, "goldcrest", ours(data.into())),
        Runner::new(Part::Peer, "axum", by_axum(data.into())),
        Runner::new(Part::Peer, "sse-stream", by_sse_stream(data.into())),
        Runner::new(Part::Peer, "sse-codec", by_sse_codec(data.into())),
    ]
}

/// Three fields' names and values can't be shorter than this.
fn check(bytes: &[u8], data: &str) {
    assert!(bytes.len() > ID.len() + TYPE.len() + data.len() + 10 && bytes.ends_with(b"\n\n"));
    black_box(bytes);
}

fn ours(data: String) -> impl FnMut() {
    let mut room = vec![0; 4096];
    move || {
        let event = EventBlock {
            id: IdField::new(black_box(ID).as_bytes()).ok(),
            event: EventField::new(black_box(TYPE).as_bytes()).ok(),
            ..EventBlock::new(black_box(&data).as_bytes())
        };
        let mut sink = ResumableWriter::new(&mut room, 0);
        event.encode(&mut sink);
        let written = sink.written();
        check(&room[..written], &data);
    }
}

/// An event becomes bytes only as a frame of a response's body.
fn by_axum(data: String) -> impl FnMut() {
    let text = data.clone();
    let event = move || {
        Ok::<_, Infallible>(sse::Event::default().id(black_box(ID)).event(black_box(TYPE)).data(black_box(&data)))
    };
    let mut body = sse::Sse::new(stream::repeat_with(event)).into_response().into_body();
    move || {
        let frame = body.frame().now_or_never().expect("never pending").expect("an event").expect("never fails");
        check(frame.data_ref().expect("data"), &text);
    }
}

fn by_sse_stream(data: String) -> impl FnMut() {
    move || {
        let event = sse_stream::Sse::default().id(black_box(ID)).event(black_box(TYPE)).data(black_box(data.as_str()));
        check(&event.encode().expect("one-line id and type"), &data);
    }
}

/// Its encoder writes the event's `Display` and a line end; this does the same into a string that is kept.
fn by_sse_codec(data: String) -> impl FnMut() {
    let mut out = String::new();
    move || {
        out.clear();
        let event = sse_codec::Event::message(black_box(TYPE), black_box(&data), black_box(ID));
        writeln!(out, "{event}").expect("a string takes everything");
        check(out.as_bytes(), &data);
    }
}
