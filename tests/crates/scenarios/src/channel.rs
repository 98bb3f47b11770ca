//! A channel of the server under test, and publishing to it.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use crate::{Answer, Peer, Server, patience};

/// A channel that one scenario has for itself.
#[derive(Debug)]
pub struct Channel<'s> {
    server: &'s Server,
    name: String,
    lent: bool,
    publisher: RefCell<Option<Peer>>,
}

/// The answer to a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// 201 with a follower, 202 without.
    pub status: u16,
    /// The id of the event.
    pub id: String,
    /// How many followed.
    pub subscribers: u64,
}

/// An idempotency key that no run of the suite has used before: the server may be one that was there already.
pub fn unused_key() -> String {
    format!("{:016x}", RandomState::new().hash_one("a key"))
}

impl<'s> Channel<'s> {
    pub(crate) fn new(server: &'s Server, name: String, lent: bool) -> Self {
        Self { server, name, lent, publisher: RefCell::default() }
    }

    /// Publishes a text.
    pub fn publish(&self, data: &str) -> Published {
        Published::of(&self.post("", &["Content-Type: text/plain"], data.as_bytes()))
    }

    /// Publishes several texts and returns their ids.
    pub fn publish_all<'d>(&self, data: impl IntoIterator<Item = &'d str>) -> Vec<String> {
        data.into_iter().map(|data| self.publish(data).id).collect()
    }

    /// A POST with these fields, over one connection that is kept.
    pub fn post(&self, query: &str, fields: &[&str], content: &[u8]) -> Answer {
        let mut kept = self.publisher.borrow_mut();
        let request = self.server.request("POST", &self.target(query), fields, content);
        let mut peer = kept.take().unwrap_or_else(|| self.server.connect());
        peer.send(&request).unwrap();
        let answer = peer.answer("POST").unwrap_or_else(|trouble| panic!("publishing: {trouble:?}"));
        if !answer.head.lists("connection", "close") {
            *kept = Some(peer);
        }
        answer
    }

    /// Publishes until the disconnected readers are not counted any more.
    pub fn wait_until_nobody_follows(&self) {
        let deadline = Instant::now() + patience();
        while self.publish("anybody?").subscribers > 0 {
            assert!(Instant::now() < deadline, "a reader that is gone is still counted");
        }
    }

    /// Publishes until the event `id` is not kept any more.
    pub fn publish_until_overwritten(&self, id: &str) {
        let wanted = seq(id);
        let filler = "overwritten ".repeat(80);
        for _ in 0..400 {
            self.publish_all((0..32).map(|_| filler.as_str()));
            if seq(&self.kept()[0]) > wanted {
                return;
            }
        }
        panic!("{id} is still kept");
    }

    /// A poll after `after`.
    pub fn poll(&self, after: &str) -> Answer {
        self.server.ask("GET", &self.target(&format!("after={after}")), &[], b"")
    }

    /// The cursor behind the newest event.
    pub fn newest(&self) -> String {
        self.poll("newest").json()["after"].as_str().expect("a cursor").to_owned()
    }

    /// The ids of all events that are kept.
    pub fn kept(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        let mut after = "oldest".to_owned();
        loop {
            let answer = self.poll(&after).json();
            assert!(answer.get("gap").is_none(), "the oldest events moved on while they were listed: {answer}");
            let events = answer["events"].as_array().expect("a list of events");
            if events.is_empty() {
                return ids;
            }
            ids.extend(events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()));
            after = answer["after"].as_str().expect("a cursor").to_owned();
            assert_eq!(ids.last(), Some(&after), "`after` is the id of the last event");
        }
    }

    /// The target of a request to it.
    pub fn target(&self, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/events/{}{mark}{query}", self.name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that it is a channel of.
    pub fn server(&self) -> &'s Server {
        self.server
    }
}

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        if self.lent {
            self.server.give_back(std::mem::take(&mut self.name));
        }
    }
}

impl Published {
    /// Reads the answer to a publish that was accepted.
    pub fn of(answer: &Answer) -> Self {
        assert!(matches!(answer.status(), 201 | 202), "refused: {answer:?}");
        let json = answer.json();
        Self {
            status: answer.status(),
            id: json["id"].as_str().expect("an id").to_owned(),
            subscribers: json["subscribers"].as_u64().expect("a number of subscribers"),
        }
    }
}

/// The sequence number of an id.
fn seq(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| panic!("{id:?} is no id"))
}
