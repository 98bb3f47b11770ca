//! Readers that reconnect at random, across transports and threads, while others publish: their observations are those of one
//! linear log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use goldcrest_tests::{
    Channel, Did, History, Item, List, Missed, Need, Peer, Published, Reader, Server, Start, Transport,
};

/// However many cores there are, the readers come to other threads than before.
const THREADS: [&str; 2] = ["8", "16"];
const READERS: u64 = 6;
const PUBLISHERS: u64 = 3;
/// It lasts so long, and until so many operations have ended.
const LASTS: Duration = Duration::from_secs(6);
const OPERATIONS: usize = 3_000;
const AT_MOST: Duration = Duration::from_secs(120);
/// As many events as the log of a channel keeps.
const KEPT: u64 = 200;

pub(crate) fn scenarios(list: &mut List) {
    for threads in THREADS {
        let name = format!("churn::reconnecting_readers_on_{threads}_threads_see_a_linear_log");
        list.add(name, &[Need::OwnServer], move || churn(threads));
    }
}

fn churn(threads: &str) {
    let server = Server::start(&["--threads", threads, "--history-events", &KEPT.to_string()]);
    let seed = fastrand::u64(..);
    eprintln!("{threads} threads, seed {seed}");
    let history = History::default();
    let over = AtomicBool::new(false);
    let name = server.channel().name().to_owned();
    thread::scope(|scope| {
        let (server, history, over, name) = (&server, &history, &over, name.as_str());
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| scope.spawn(move || publish(&server.channel_named(name), history, number, over)))
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|number| {
                let rng = Rng::with_seed(seed.wrapping_add(number));
                scope.spawn(move || read(&server.channel_named(name), history, rng, over))
            })
            .collect();
        let begin = Instant::now();
        let failed = || publishers.iter().any(|it| it.is_finished()) || readers.iter().any(|it| it.is_finished());
        let enough = || begin.elapsed() >= LASTS && history.len() >= OPERATIONS;
        while !enough() && !failed() && begin.elapsed() < AT_MOST {
            thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::Release);
        let published: usize = publishers.into_iter().map(|publisher| publisher.join().expect("a publisher")).sum();
        let asked: usize = readers.into_iter().map(|reader| reader.join().expect("a reader")).sum();
        eprintln!(
            "{threads} threads: {published} events, {asked} connections of readers, {} operations",
            history.len()
        );
        assert!(history.len() >= OPERATIONS, "hardly anything happened");
        assert_eq!(history.check(KEPT), Ok(()), "seed {seed}");
    });
    server.stop();
}

fn seq(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| panic!("{id:?} is no id"))
}

/// Publishes, and polls for the event on a new connection: it is there, on any thread.
fn publish(channel: &Channel<'_>, history: &History, number: u64, over: &AtomicBool) -> usize {
    let mut peer = channel.server().connect();
    let mut count = 0;
    while !over.load(Ordering::Acquire) {
        let data = format!("{number} {count}");
        let begin = history.begin();
        let request =
            channel.server().request("POST", &channel.target(""), &["Content-Type: text/plain"], data.as_bytes());
        peer.send(&request).unwrap();
        let id = Published::of(&peer.answer("POST").unwrap()).id;
        history.end(begin, Did::Publish { seq: seq(&id), data });
        count += 1;
        if count % 4 == 0 {
            ask(channel, history, Some(&id));
            newest(channel, history);
        }
    }
    count
}

/// A poll on a connection of its own after `cursor`. Returns the new cursor.
fn ask(channel: &Channel<'_>, history: &History, cursor: Option<&str>) -> String {
    let begin = history.begin();
    let answer = one_answer(channel, &channel.target(&format!("after={}", cursor.unwrap_or("newest"))));
    let events: Vec<(u64, String)> = answer["events"]
        .as_array()
        .expect("a list of events")
        .iter()
        .map(|event| (seq(event["id"].as_str().unwrap()), event["data"].as_str().unwrap().to_owned()))
        .collect();
    let gap = answer.get("gap").map(|gap| gap["missed"].as_u64().map_or(Missed::Unknown, Missed::Events));
    let after = answer["after"].as_str().expect("a cursor").to_owned();
    // A full answer does not reach to the newest event.
    let newest = (events.len() < 100).then(|| seq(&after));
    history.end(begin, Did::Read { after: cursor.map(seq), gap, events, newest });
    after
}

/// Where a poll of the newest begins.
fn newest(channel: &Channel<'_>, history: &History) -> String {
    ask(channel, history, None)
}

fn one_answer(channel: &Channel<'_>, target: &str) -> serde_json::Value {
    let mut peer: Peer = channel.server().connect();
    peer.send(&channel.server().request("GET", target, &[], b"")).unwrap();
    peer.answer("GET").unwrap().json()
}

/// Reads by one transport after the other, each on a new connection, from where the one before has ended: how many connections.
fn read(channel: &Channel<'_>, history: &History, mut rng: Rng, over: &AtomicBool) -> usize {
    let mut cursor = newest(channel, history);
    let mut count = 1;
    while !over.load(Ordering::Acquire) {
        let transport = Transport::ALL[rng.usize(..Transport::ALL.len())];
        count += 1;
        if transport == Transport::Poll {
            cursor = ask(channel, history, Some(&cursor));
            continue;
        }
        let mut reader = match Reader::try_open(channel, transport, Start::after(&cursor)) {
            Ok(reader) => reader,
            Err(end) => panic!("{transport:?} does not begin: {end}"),
        };
        // Some leave at once, some stay for a while.
        for _ in 0..rng.u32(..40) {
            let begin = history.begin();
            let item = match reader.try_item() {
                Ok(item) => item,
                // An event was overwritten while half of it was on the wire, or there are no more.
                Err(end) => {
                    let silent = end == "nothing" || end.contains("Timeout");
                    assert!(!silent || over.load(Ordering::Acquire), "{transport:?} after {cursor}: {end}");
                    break;
                }
            };
            let after = Some(seq(&cursor));
            match item {
                Item::Event(event) => {
                    let data = String::from_utf8(event.data).unwrap();
                    let events = vec![(seq(&event.id), data)];
                    cursor = event.id;
                    history.end(begin, Did::Read { after, gap: None, events, newest: None });
                }
                Item::Gap(gap) => {
                    let missed = gap.missed.map_or(Missed::Unknown, Missed::Events);
                    history.end(begin, Did::Read { after, gap: Some(missed), events: Vec::new(), newest: None });
                    match (gap.missed, cursor.split_once('-')) {
                        (Some(missed), Some((epoch, before))) => {
                            cursor = format!("{epoch}-{}", before.parse::<u64>().unwrap() + missed);
                        }
                        // The check finds later violations.
                        _ => return count,
                    }
                }
            }
            if over.load(Ordering::Acquire) {
                break;
            }
        }
    }
    count
}
