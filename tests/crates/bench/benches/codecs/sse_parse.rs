//! Reading an event stream that comes in pieces of a TCP segment (1,448 bytes), so that events are cut anywhere.

use crate::endless::Endless;
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use goldcrest_bench::options::Options;
use goldcrest_bench::race::{self, Runner};
use goldcrest_bench::table::{Part, Table};
use goldcrest_core::sse::parse::{Parser, ParserLimits};
use std::convert::Infallible;
use std::hint::black_box;

const SEGMENT: usize = 1448;

pub(crate) fn race(options: &Options) -> Option<Table> {
    let short = (format!("data: {}\n\n", "g".repeat(32)), 32);
    let lines = ["temperature 21.5", "humidity 48", "pressure 1013.25", "voltage 3.31", "uptime 86400", "errors 0"];
    let long =
        (format!("id: 5f3a9c01-1234567\nevent: reading\ndata: {}\n\n", lines.join("\ndata: ")), lines.join("\n").len());
    let cases =
        [("40 B", short), ("6 lines", long)].map(|(title, event)| (title.to_string(), runners(&event.0, event.1)));
    race::race("Parsing SSE events", "ns an event", options, cases)
}

/// `data` is how many bytes of payload each event brings.
fn runners(event: &str, data: usize) -> Vec<Runner<'static>> {
    let text = event.repeat(256 * 1024 / event.len());
    vec![
        Runner::new(Part::Ours, "goldcrest", ours(&text, data)),
        Runner::new(Part::Peer, "sse-stream", by_sse_stream(&text, data)),
        Runner::new(Part::Peer, "eventsource-stream", by_eventsource_stream(&text, data)),
        Runner::new(Part::Peer, "sse-codec", by_sse_codec(&text, data)),
    ]
}

/// Goes round in the text, which ends with an event, a segment at a time.
fn segments(text: &str) -> Vec<Bytes> {
    let text = Bytes::from(text.to_owned());
    (0..text.len()).step_by(SEGMENT).map(|at| text.slice(at..text.len().min(at + SEGMENT))).collect()
}

fn byte_stream(text: &str) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin + use<> {
    let segments = segments(text);
    let mut next = 0;
    stream::repeat_with(move || {
        let segment = segments[next].clone();
        next = (next + 1) % segments.len();
        Ok(segment)
    })
}

fn ours(text: &str, data: usize) -> impl FnMut() + use<> {
    let segments = segments(text);
    let mut parser = Parser::new(vec![0; ParserLimits::DEFAULT.memory(4096)], ParserLimits::DEFAULT);
    let (mut segment, mut begin) = (0, 0);
    move || {
        loop {
            let input = &segments[segment][begin..];
            let fed = parser.feed(input).expect("within bounds");
            begin += fed.consumed;
            if begin == segments[segment].len() {
                (segment, begin) = ((segment + 1) % segments.len(), 0);
            }
            if let Some(event) = fed.event {
                assert_eq!(event.data.len(), data);
                black_box(event);
                return;
            }
        }
    }
}

fn by_sse_stream(text: &str, data: usize) -> impl FnMut() + use<> {
    let mut events = sse_stream::SseStream::from_bytes_stream(byte_stream(text));
    move || {
        let event = events.next().now_or_never().expect("never pending").expect("never ends").expect("an event");
        assert_eq!(event.data.as_ref().map(String::len), Some(data));
        black_box(event);
    }
}

fn by_eventsource_stream(text: &str, data: usize) -> impl FnMut() + use<> {
    let mut events = byte_stream(text).eventsource();
    move || {
        let event = events.next().now_or_never().expect("never pending").expect("never ends").expect("an event");
        assert_eq!(event.data.len(), data);
        black_box(event);
    }
}

fn by_sse_codec(text: &str, data: usize) -> impl FnMut() + use<> {
    let mut events = sse_codec::decode_stream(Endless::in_pieces(text.as_bytes().to_vec(), SEGMENT));
    move || {
        let event = events.next().now_or_never().expect("never pending").expect("never ends").expect("an event");
        let sse_codec::Event::Message { data: text, .. } = &event else { panic!("a message") };
        assert_eq!(text.len(), data);
        black_box(event);
    }
}
