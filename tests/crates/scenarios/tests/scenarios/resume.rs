//! Leave one transport and resume on any other: all 25 pairs, in each situation that a cursor can be in.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{Channel, Gap, List, Need, Reader, Server, Start, Transport, patience};

use crate::Shared;

type Situation = fn(&Channel<'_>, Transport, Transport);

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    let situations: [(&str, Situation); 5] = [
        ("cursor_known", cursor_known),
        ("no_cursor", no_cursor),
        ("field_over_query", field_over_query),
        ("foreign_epoch", foreign_epoch),
        ("overwritten_cursor", overwritten_cursor),
    ];
    for from in Transport::ALL {
        for to in Transport::ALL {
            let pair = format!("resume::{}_to_{}", from.name(), to.name());
            for (name, situation) in situations {
                let server = Arc::clone(server);
                list.add(format!("{pair}::{name}"), &[], move || situation(&server.channel(), from, to));
            }
            list.add(format!("{pair}::reaped_channel"), &[Need::OwnServer], move || reaped_channel(from, to));
        }
    }
}

/// Follows on `from`, reads three events and leaves. Returns the cursor that the transport reported.
fn follow_and_leave(channel: &Channel<'_>, from: Transport) -> (String, Vec<String>) {
    let begin = channel.newest();
    let mut reader = Reader::open(channel, from, Start::after(&begin));
    let ids = channel.publish_all(["one", "two", "three"]);
    assert_eq!(reader.ids(3), ids);
    let cursor = reader.cursor();
    assert_eq!(cursor, ids[2], "the cursor is the id of the last event");
    (cursor, ids)
}

fn cursor_known(channel: &Channel<'_>, from: Transport, to: Transport) {
    let (cursor, _) = follow_and_leave(channel, from);
    let mut ids = channel.publish_all(["four", "five", "six"]);
    let mut reader = Reader::open(channel, to, Start::after(&cursor));
    ids.push(channel.publish("seven").id);
    assert_eq!(reader.ids(4), ids);
    assert_eq!(&reader.cursor(), ids.last().unwrap());
}

fn no_cursor(channel: &Channel<'_>, from: Transport, to: Transport) {
    follow_and_leave(channel, from);
    until_unfollowed(channel);
    let before = channel.kept();
    let mut reader = Reader::open(channel, to, Start::default());
    match to {
        Transport::Poll => assert_eq!(reader.ids(before.len()), before, "polling starts at the oldest kept event"),
        Transport::LongPoll => {
            // The first event with a counted follower is the first that the waiting reader gets.
            let first = until_followed(channel);
            assert_eq!(reader.ids(1), [first.as_str()]);
        }
        Transport::Stream | Transport::Sse | Transport::WebSocket => {}
    }
    let next = channel.publish("six").id;
    assert_eq!(reader.ids(1), [next]);
}

/// Publishes until the server has noticed that the last follower left.
fn until_unfollowed(channel: &Channel<'_>) {
    let deadline = Instant::now() + patience();
    while channel.publish("have all left?").subscribers > 0 {
        assert!(Instant::now() < deadline, "a follower that left still counts");
    }
}

/// Publishes until an event has a follower, and returns its id.
fn until_followed(channel: &Channel<'_>) -> String {
    let deadline = Instant::now() + patience();
    loop {
        let published = channel.publish("is there a follower?");
        if published.subscribers > 0 {
            return published.id;
        }
        assert!(Instant::now() < deadline, "no follower");
    }
}

fn field_over_query(channel: &Channel<'_>, from: Transport, to: Transport) {
    let begin = channel.newest();
    let (cursor, _) = follow_and_leave(channel, from);
    let ids = channel.publish_all(["four", "five"]);
    let start = Start::after(&begin).field("Last-Event-ID", &cursor);
    assert_eq!(Reader::open(channel, to, start).ids(2), ids);
}

fn foreign_epoch(channel: &Channel<'_>, from: Transport, to: Transport) {
    let (cursor, _) = follow_and_leave(channel, from);
    channel.publish_all(["four", "five"]);
    let kept = channel.kept();
    let (epoch, seq) = cursor.split_once('-').expect("EPOCH-SEQ");
    let epoch = u32::from_str_radix(epoch, 16).expect("an epoch of hexadecimal digits");
    let foreign = format!("{:08x}-{seq}", epoch ^ 1);
    let mut reader = Reader::open(channel, to, Start::after(&foreign));
    assert_eq!(reader.gap().missed, None, "the number of missed events of another epoch is unknown");
    assert_eq!(reader.ids(kept.len()), kept);
    assert_eq!(reader.cursor(), kept[kept.len() - 1]);
}

fn overwritten_cursor(channel: &Channel<'_>, from: Transport, to: Transport) {
    let (cursor, _) = follow_and_leave(channel, from);
    let four = channel.publish("four").id;
    channel.publish_until_overwritten(&four);
    let kept = channel.kept();
    let mut reader = Reader::open(channel, to, Start::after(&cursor));
    let Gap { missed, after } = reader.gap();
    assert_eq!(missed, Some(seq(&kept[0]) - 1 - seq(&cursor)), "exactly the events between cursor and oldest");
    if let Some(after) = after {
        assert_eq!(seq(&after), seq(&kept[0]) - 1, "a gap names the last event that was skipped");
    }
    assert_eq!(reader.ids(kept.len()), kept);
}

fn seq(id: &str) -> u64 {
    id.split_once('-').unwrap().1.parse().unwrap()
}

fn reaped_channel(from: Transport, to: Transport) {
    let reaped = Reaped::prepared();
    let (name, cursor) = &reaped.left[&(from, to)];
    let channel = reaped.server.channel_named(name);
    let mut reader = Reader::open(&channel, to, Start::after(cursor));
    let Gap { missed, after } = reader.gap();
    assert_eq!(missed, None);
    let id = channel.publish("born again").id;
    assert_ne!(id.split_once('-').unwrap().0, cursor.split_once('-').unwrap().0, "a new life is a new epoch");
    assert_eq!(seq(&id), 1);
    if let Some(after) = after {
        assert_eq!(after, id.replace("-1", "-0"), "reading goes on at the beginning of the new life");
    }
    assert_eq!(reader.ids(1), [id]);
}

/// A server whose channels were left by a reader of each pair, and then reaped.
struct Reaped {
    server: Server,
    left: HashMap<(Transport, Transport), (String, String)>,
}

static REAPED: OnceLock<Reaped> = OnceLock::new();

impl Reaped {
    fn prepared() -> &'static Self {
        REAPED.get_or_init(|| {
            let server = Server::start(&["--reap-after", "1"]);
            let mut left = HashMap::new();
            for from in Transport::ALL {
                for to in Transport::ALL {
                    let name = format!("{}-{}", from.name(), to.name());
                    let (cursor, _) = follow_and_leave(&server.channel_named(&name), from);
                    left.insert((from, to), (name, cursor));
                }
            }
            // The last channel shows when all readers are gone. A look keeps the channel, so each look waits longer.
            let witness = server.channel_named("witness");
            let epoch = |cursor: String| cursor.split_once('-').map(|(epoch, _)| epoch.to_owned()).unwrap();
            let before = epoch(witness.publish("here").id);
            let deadline = Instant::now() + patience() * 2;
            let mut idle = Duration::from_millis(1500);
            loop {
                thread::sleep(idle);
                if epoch(witness.newest()) != before {
                    break;
                }
                assert!(Instant::now() < deadline, "an idle channel is never reaped");
                idle = idle * 3 / 2;
            }
            drop(witness);
            Self { server, left }
        })
    }
}

/// Ends the server that was started here, if one was.
pub(crate) fn stop() {
    if let Some(reaped) = REAPED.get() {
        reaped.server.stop();
    }
}
