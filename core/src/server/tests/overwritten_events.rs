//! An event that is overwritten while part of it is on the wire never passes for a whole one.

use std::format;
use std::vec;
use std::vec::Vec;

use super::client::{Client, Content, Lines, ReaderItem, Sse, Ws, get, polled};
use super::resume::{Reading, WAYS, Way, followers};
use crate::hub_http::HubHandler;
use crate::io::{PipeEnd, Socket};
use crate::log::EventType;
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{RINGS, Simulation, hub, leak};

/// How a reader asks, and how its response is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Way(Way),
    PlainWebSocket,
}

/// The whole messages, lines, blocks or answers that came.
fn whole(kind: Kind, client: &mut Client) -> (Vec<ReaderItem>, bool) {
    let Some(head) = client.head() else { return (vec![], false) };
    let mut content = Content::of(&head);
    match kind {
        Kind::Way(Way::Poll | Way::LongPoll) => {
            let length: usize = head.field("content-length").unwrap().parse().unwrap();
            assert!(client.came.len() <= length);
            if client.came.len() < length {
                return (vec![], false);
            }
            let body = core::str::from_utf8(&client.came).unwrap();
            (polled(&super::json::Json::parse(body)).0, true)
        }
        Kind::Way(Way::Stream) => {
            let told = Lines::default().read(&content.decode(&mut client.came));
            (told, content.done)
        }
        Kind::Way(Way::Sse) => {
            let told = Sse::default().read(&content.decode(&mut client.came));
            (told, content.done)
        }
        Kind::Way(Way::WebSocket) => {
            let mut ws = Ws::after_handshake();
            let told = ws.read(&mut client.came, false);
            (told, ws.connection.peer_close().is_some())
        }
        Kind::PlainWebSocket => {
            let mut ws = Ws::after_handshake();
            let told = ws.read(&mut client.came, true);
            (told, ws.connection.peer_close().is_some())
        }
    }
}

fn request(kind: Kind) -> Vec<u8> {
    let target = "/events/a?after=oldest";
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let fields = match kind {
        Kind::Way(Way::Poll) => "",
        Kind::Way(Way::LongPoll) => "Prefer: wait=5\r\n",
        Kind::Way(Way::Stream) => "Accept: application/x-ndjson\r\n",
        Kind::Way(Way::Sse) => "Accept: text/event-stream\r\n",
        Kind::Way(Way::WebSocket) => &format!("{upgrade}Sec-WebSocket-Protocol: goldcrest.v1\r\n"),
        Kind::PlainWebSocket => upgrade,
    };
    get(target, fields).into_bytes()
}

/// Takes `taken` bytes of the answer while event 1 is the newest, then lets it be overwritten and takes the rest.
///
/// Returns the complete items, whether the response ended in order, and the client.
fn overwrite(kind: Kind, ring: usize, taken: usize) -> (Vec<ReaderItem>, bool, Client) {
    overwrite_over(kind, RINGS[ring](), taken, 130)
}

/// The same over these rings, with an event of so many letters.
fn overwrite_over(
    kind: Kind,
    ends: (PipeEnd<'static>, PipeEnd<'static>),
    taken: usize,
    letters: usize,
) -> (Vec<ReaderItem>, bool, Client) {
    let (sim, hub) = (Simulation::new(), leak(hub(2, 1024)));
    let mut client = sim.connect_over(ends, leak(ServerConfig::default()), leak(HubHandler::new(hub)));
    let data = "ä".repeat(letters);
    hub.publish("a", EventType::MESSAGE, data.as_bytes()).unwrap();
    let request = request(kind);
    let mut sent = 0;
    while sent < request.len() {
        sent += client.put(&request[sent..]);
        sim.run();
    }
    let mut rest = taken;
    while rest > 0 {
        sim.run();
        match client.take(rest) {
            0 => break,
            count => rest -= count,
        }
    }
    sim.run();
    for data in ["two", "three", "four"] {
        hub.publish("a", EventType::MESSAGE, data.as_bytes()).unwrap();
    }
    client.read();
    let (told, in_order) = whole(kind, &mut client);
    let event_1 = |told: &ReaderItem| match told {
        ReaderItem::Event { data: seen, .. } | ReaderItem::Plain(seen) => {
            // Half of it is never taken for the whole.
            assert!(*seen == data || ["two", "three", "four"].contains(&seen.as_str()), "{kind:?}: {seen:?}");
            *seen == data
        }
        _ => false,
    };
    let has_1 = told.iter().any(event_1);
    if client.reset {
        assert_eq!(client.ended(), Some(Disconnect::Overwritten), "{kind:?} at {taken}");
        assert!(!in_order, "{kind:?} at {taken} ends in order after a cut");
        assert!(!has_1 || told.len() == 1, "{kind:?} at {taken}: {told:?}");
    }
    client.leave();
    sim.run();
    assert_eq!(followers(hub), 0);
    (told, in_order, client)
}

#[test]
fn an_event_that_is_overwritten_at_any_byte_breaks_the_connection() {
    for kind in WAYS.map(Kind::Way).into_iter().chain([Kind::PlainWebSocket]) {
        // A ring without much room, whose seam falls on each byte of the event in turn.
        for ring in [0, 22, 39] {
            let mut cuts = 0;
            for taken in 0..620 {
                let (told, in_order, client) = overwrite(kind, ring, taken);
                if client.reset {
                    cuts += 1;
                    continue;
                }
                // Not cut: the event arrives complete, or as a gap.
                let first = told.first();
                match kind {
                    Kind::PlainWebSocket => {
                        assert!(
                            matches!(first, Some(ReaderItem::Plain(_) | ReaderItem::Close(Some(4001), _))),
                            "{told:?}"
                        );
                    }
                    Kind::Way(Way::Poll | Way::LongPoll) => assert!(in_order && !told.is_empty(), "{told:?}"),
                    Kind::Way(_) => {
                        let gap = told.iter().filter(|told| matches!(told, ReaderItem::Gap { .. })).count();
                        let events = told.iter().filter(|told| matches!(told, ReaderItem::Event { .. })).count();
                        assert!((gap, events) == (1, 2) || (gap, events) == (1, 3), "{kind:?} at {taken}: {told:?}");
                    }
                }
            }
            assert!(cuts > 200, "{kind:?} over {ring}: {cuts} of the event's bytes were cut at");
        }
    }
}

/// The ends of a pipe whose seam stands `by` bytes on.
fn turned(
    (mut device, mut browser): (PipeEnd<'static>, PipeEnd<'static>),
    by: usize,
) -> (PipeEnd<'static>, PipeEnd<'static>) {
    for _ in 0..by {
        device.try_write_with(|_| (1, ())).unwrap();
        browser.try_read_with(|_| (1, ())).unwrap();
    }
    (device, browser)
}

/// Every byte of an event, with the seam at every byte of the ring: between the first byte that is cut at and the last
/// there is none that is not. Where nothing but the event's bytes is on the wire (chunks are cut as the room is), the seam
/// makes no difference at all.
#[test]
fn an_event_is_overwritten_at_every_byte_of_every_ring_position() {
    for kind in WAYS.map(Kind::Way).into_iter().chain([Kind::PlainWebSocket]) {
        for size in [5, 11] {
            let chunked = matches!(kind, Kind::Way(Way::Stream | Way::Sse));
            let mut first: Option<Vec<(bool, bool, usize)>> = None;
            for seam in 0..size {
                let verdicts: Vec<_> = (0..420)
                    .map(|taken| {
                        let ends = turned(RINGS[size - 1](), seam);
                        let (told, in_order, client) = overwrite_over(kind, ends, taken, 30);
                        (client.reset, in_order, told.len())
                    })
                    .collect();
                let cuts: Vec<_> = (0..verdicts.len()).filter(|taken| verdicts[*taken].0).collect();
                // 60 bytes of data at least, less those that stand in the ring.
                assert!(cuts.len() > 60 - size, "{kind:?} over {size}: {cuts:?}");
                assert_eq!(cuts.last().unwrap() - cuts[0] + 1, cuts.len(), "{kind:?} over {size}: {cuts:?}");
                match &first {
                    _ if chunked => {}
                    None => first = Some(verdicts),
                    Some(first) => assert_eq!(*first, verdicts, "{kind:?} over {size}, seam at {seam}"),
                }
            }
        }
    }
}

#[test]
fn a_reconnect_after_an_overwritten_event_reports_the_gap() {
    let (sim, hub) = (Simulation::new(), leak(hub(2, 1024)));
    for seq in 1..=4 {
        hub.publish("a", EventType::MESSAGE, format!("event {seq}").as_bytes()).unwrap();
    }
    // Event 1 was cut; the last that was whole is none at all.
    for way in WAYS {
        let mut reading = Reading::open(sim, hub, way, "?after=00000abc-0", "");
        let told = reading.told();
        assert!(matches!(told[0], ReaderItem::Gap { missed: Some(2), .. }), "{way:?}: {told:?}");
        assert_eq!(told.len(), 3, "{way:?}");
        reading.client.leave();
    }
}

#[test]
fn an_event_published_while_the_head_is_sent_reaches_the_reader() {
    for kind in [Way::Stream, Way::Sse, Way::WebSocket].map(Kind::Way).into_iter().chain([Kind::PlainWebSocket]) {
        let (sim, hub) = (Simulation::new(), leak(hub(4, 1024)));
        let mut client = sim.connect_over(RINGS[15](), leak(ServerConfig::default()), leak(HubHandler::new(hub)));
        let request = core::str::from_utf8(&request(kind)).unwrap().replace("?after=oldest", "");
        let mut sent = 0;
        while sent < request.len() {
            sent += client.put(&request.as_bytes()[sent..]);
            sim.run();
        }
        assert_eq!(followers(hub), 1);
        client.read();
        let (told, _) = whole(kind, &mut client);
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
        client.leave();
    }
}
