//! Connections that publish wait for followers whose next event they would overwrite, within a bound.

use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::client::{Client, ReaderItem, Ws, post};
use super::resume::{Reading, Way, ids};
use crate::hub::{ChannelName, HubBackend};
use crate::hub_http::HubHandler;
use crate::log::LogReader;
use crate::server::ServerConfig;
use crate::testing::{RINGS, Simulation, TestHub, hub, leak};
use crate::ws::connection::MessageKind;

/// How events are published.
#[derive(Clone, Copy, Debug)]
enum By {
    Plain,
    Envelope,
    Post,
}

const ALL: [By; 3] = [By::Plain, By::Envelope, By::Post];

/// Events that the log keeps, and events in one burst.
const KEPT: usize = 8;
const BURST: u64 = 40;

/// A client that publishes as fast as the server reads, and reads the responses.
struct Publisher {
    by: By,
    client: Client,
    ws: Option<Ws>,
    bytes: Vec<u8>,
    sent: usize,
}

impl Publisher {
    fn new(sim: &'static Simulation, hub: &'static TestHub, by: By) -> Self {
        let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub)));
        let ws = match by {
            By::Plain => Some(Ws::open(&mut client, "/events/a", "", &[])),
            By::Envelope => Some(Ws::open(&mut client, "/events/a", "", &["goldcrest.v1"])),
            By::Post => None,
        };
        Self { by, client, ws, bytes: Vec::new(), sent: 0 }
    }

    /// The events to publish, in one burst.
    fn give(&mut self, numbers: core::ops::RangeInclusive<u64>) {
        for number in numbers {
            let data = format!("event {number}");
            let bytes = match (self.by, &mut self.ws) {
                (By::Plain, Some(ws)) => ws.message(MessageKind::Text, data.as_bytes()),
                (By::Envelope, Some(ws)) => {
                    ws.message(MessageKind::Text, format!(r#"{{"data":"{data}","ref":{number}}}"#).as_bytes())
                }
                _ => post("/events/a", "Content-Type: text/plain\r\n", &data).into_bytes(),
            };
            self.bytes.extend_from_slice(&bytes);
        }
    }

    /// Sends as much as the server reads. Returns whether any byte moved.
    fn work(&mut self) -> bool {
        let put = self.client.put(&self.bytes[self.sent..]);
        self.sent += put;
        self.client.sim.run();
        let taken = self.client.take(usize::MAX);
        self.client.came.clear();
        put + taken > 0
    }

    /// Sends while these readers read, until nothing moves any more.
    fn work_beside(&mut self, readers: &mut [(Reading, Vec<ReaderItem>)]) {
        loop {
            let mut moved = self.work();
            for (reader, told) in &mut *readers {
                let more = reader.told();
                moved |= !more.is_empty();
                told.extend(more);
            }
            if !moved {
                return;
            }
        }
    }
}

fn newest(hub: &TestHub) -> u64 {
    hub.open(ChannelName::new("a").unwrap(), false, None).unwrap().newest()
}

/// Readers of these transports, and the events that each received.
fn readers<const N: usize>(
    sim: &'static Simulation,
    hub: &'static TestHub,
    ways: [Way; N],
) -> [(Reading, Vec<ReaderItem>); N] {
    ways.map(|way| {
        let mut reading = Reading::open(sim, hub, way, "", "");
        assert_eq!(reading.told(), []);
        (reading, Vec::new())
    })
}

fn expect_all(told: &[ReaderItem], expected: core::ops::RangeInclusive<u64>) {
    assert!(told.iter().all(|told| matches!(told, ReaderItem::Event { .. })), "{told:?}");
    assert_eq!(ids(told), expected.collect::<Vec<_>>());
}

/// A reader over so small a connection that it stalls at once, since its client takes nothing.
fn stalled(sim: &'static Simulation, hub: &'static TestHub) -> Reading {
    Reading::open_over(RINGS[63](), sim, hub, Way::Stream, "", "")
}

const WAIT: Duration = Duration::from_millis(250);

#[test]
fn a_burst_larger_than_the_log_reaches_every_reader_that_reads() {
    for by in ALL {
        let (sim, hub) = (Simulation::new(), leak(hub(KEPT, 4096)));
        let mut readers = readers(sim, hub, [Way::Stream, Way::Sse, Way::WebSocket]);
        let mut publisher = Publisher::new(sim, hub, by);
        publisher.give(1..=BURST);
        publisher.work_beside(&mut readers);
        assert_eq!(newest(hub), BURST, "{by:?}");
        assert_eq!(sim.clock().time(), crate::time::Instant::default(), "no time has passed");
        for (_, told) in readers {
            expect_all(&told, 1..=BURST);
        }
    }
}

#[test]
fn publishing_waits_for_ring_bytes_as_well_as_ring_entries() {
    // The log has places for 64 events and room for a few.
    for by in ALL {
        let (sim, hub) = (Simulation::new(), leak(hub(64, 300)));
        let mut readers = readers(sim, hub, [Way::Stream, Way::Sse, Way::WebSocket]);
        let mut publisher = Publisher::new(sim, hub, by);
        publisher.give(1..=BURST);
        publisher.work_beside(&mut readers);
        assert_eq!(newest(hub), BURST, "{by:?}");
        for (_, told) in readers {
            expect_all(&told, 1..=BURST);
        }
    }
}

#[test]
fn a_stalled_reader_delays_publishing_once() {
    for by in ALL {
        let (sim, hub) = (Simulation::new(), leak(hub(KEPT, 4096)));
        let mut stalled = stalled(sim, hub);
        let mut readers = readers(sim, hub, [Way::Sse]);
        let mut publisher = Publisher::new(sim, hub, by);
        publisher.give(1..=BURST);
        publisher.work_beside(&mut readers);
        let waits_at = newest(hub);
        assert!(waits_at < 2 * KEPT as u64, "{by:?}: it waits after {waits_at}");
        sim.pass(WAIT - Duration::from_millis(1));
        publisher.work_beside(&mut readers);
        assert_eq!(newest(hub), waits_at, "{by:?}");
        sim.pass(Duration::from_millis(1));
        publisher.work_beside(&mut readers);
        assert_eq!(newest(hub), BURST, "{by:?}: it goes on without another wait");
        expect_all(&readers[0].1, 1..=BURST);
        // Part of an event was already sent, or the reader gets a gap.
        let told = stalled.told();
        assert!(stalled.client.reset || told.iter().any(|told| matches!(told, ReaderItem::Gap { .. })), "{told:?}");
    }
}

#[test]
fn a_disconnected_reader_ends_the_publisher_s_wait() {
    for by in ALL {
        let (sim, hub) = (Simulation::new(), leak(hub(KEPT, 4096)));
        let mut stalled = stalled(sim, hub);
        let mut publisher = Publisher::new(sim, hub, by);
        publisher.give(1..=BURST);
        publisher.work_beside(&mut []);
        assert!(newest(hub) < BURST);
        stalled.client.leave();
        publisher.work_beside(&mut []);
        assert_eq!(newest(hub), BURST, "{by:?}");
    }
}

#[test]
fn a_shutdown_ends_the_publisher_s_wait() {
    let (sim, hub) = (Simulation::new(), leak(hub(KEPT, 4096)));
    let _stalled = stalled(sim, hub);
    let mut publisher = Publisher::new(sim, hub, By::Post);
    publisher.give(1..=BURST);
    publisher.work_beside(&mut []);
    let stored = newest(hub);
    assert!(stored < BURST);
    sim.shut_down();
    publisher.client.take(usize::MAX);
    let answer: String = publisher.client.text();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(newest(hub), stored, "{answer}");
}

#[test]
fn a_publish_by_the_program_never_waits() {
    let (sim, hub) = (Simulation::new(), leak(hub(KEPT, 4096)));
    let mut readers = readers(sim, hub, [Way::Sse]);
    for number in 1..=BURST {
        hub.publish("a", crate::log::EventType::MESSAGE, number.to_string().as_bytes()).unwrap();
    }
    assert_eq!(newest(hub), BURST);
    assert!(matches!(readers[0].0.told()[0], ReaderItem::Gap { .. }), "its reader had no turn");
}
