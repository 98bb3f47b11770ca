//! The table of raw requests.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use goldcrest_tests::{Head, List, Peer, PeerError, Server};
use serde::Deserialize;

use crate::table::Table;
use crate::text::{allows, bytes};
use crate::{Cut, Shared, answers};

/// A request and its permitted responses; the table explains it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    is: String,
    send: String,
    rest: Option<String>,
    #[serde(default)]
    half: bool,
    method: Option<String>,
    answers: String,
    echoed: Option<String>,
    end: Option<End>,
    #[serde(default)]
    silent: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum End {
    Open,
    Closed,
    Either,
}

pub(crate) fn rows(list: &mut List, server: &Shared) {
    for (about, mut row) in Table::<Row>::read("http.toml").into_rows() {
        row.answers = answers(row.answers, &bytes(&row.send));
        for (cut, how) in Cut::ALL {
            let (server, row) = (Arc::clone(server), row.clone());
            list.add(format!("http: {about}: {} ({how})", row.is), &[], move || row.run(&server, cut));
        }
    }
}

impl Row {
    fn run(&self, server: &Server, cut: Cut) {
        let mut peer = server.connect();
        let mut sender = peer.second_hand().unwrap();
        let sent = bytes(&self.send);
        thread::scope(|scope| {
            // A single thread could not read the rejection of a long request before all of it is sent.
            let sending = scope.spawn(|| {
                cut.send(&mut sender, &sent);
                if let Some(rest) = &self.rest
                    && !self.answers.starts_with("100")
                {
                    // It waits: nothing is answered while nothing is sent.
                    thread::sleep(Duration::from_millis(50));
                    cut.send(&mut sender, &bytes(rest));
                }
                if self.half {
                    sender.half_close();
                }
            });
            self.judge(&mut peer, server, cut);
            // A write to the closed connection fails here.
            if !sending.is_finished() {
                let _ = peer.stream().shutdown(std::net::Shutdown::Both);
            }
        });
    }

    fn judge(&self, peer: &mut Peer, server: &Server, cut: Cut) {
        let method = self.method.as_deref().unwrap_or("GET");
        let answers: Vec<&str> = self.answers.split_whitespace().collect();
        let mut last = None;
        for (number, expected) in answers.iter().enumerate() {
            let head = match peer.head() {
                Err(PeerError::Closed | PeerError::Reset) if self.silent => return,
                other => other.unwrap_or_else(|trouble| panic!("answer {}: {trouble:?}, not {expected}", number + 1)),
            };
            assert!(allows(expected, head.status), "answer {}: {}, not {expected}", number + 1, head.status);
            if head.status == 100 {
                cut.send(peer, &bytes(self.rest.as_deref().unwrap_or_default()));
                continue;
            }
            let content = content(peer, &head, method);
            if number + 1 == answers.len()
                && let Some(echoed) = &self.echoed
                && head.status == 200
            {
                assert_eq!(content, bytes(echoed), "the content comes back");
            }
            last = Some(head);
        }
        match self.end.unwrap_or_else(|| default_end(last.as_ref())) {
            End::Open => {
                peer.send(&server.request("POST", "/echo", &[], b"still open?")).unwrap();
                let probe = peer.answer("POST").unwrap_or_else(|trouble| panic!("it does not stay open: {trouble:?}"));
                assert_eq!((probe.status(), probe.content.as_slice()), (200, &b"still open?"[..]), "it stays in step");
            }
            End::Closed => {
                // To a client that has ended its side there is nothing to say.
                if let Some(head) = &last
                    && !self.half
                {
                    assert!(head.lists("connection", "close"), "it says that it will close: {head:?}");
                }
                let rest = peer.until_closed().unwrap_or_else(|trouble| panic!("it is not closed: {trouble:?}"));
                assert_eq!(rest.escape_ascii().to_string(), "", "nothing is said behind the last answer");
            }
            End::Either => {}
        }
    }
}

fn content(peer: &mut Peer, head: &Head, method: &str) -> Vec<u8> {
    let mut framing = head.framing(method).unwrap();
    let mut content = Vec::new();
    while let Some(piece) = peer.piece(&mut framing).unwrap_or_else(|trouble| panic!("content: {trouble:?}")) {
        content.extend_from_slice(&piece);
    }
    content
}

fn default_end(last: Option<&Head>) -> End {
    match last.map(|head| head.status) {
        Some(400 | 408 | 413 | 414 | 431 | 505) => End::Closed,
        Some(200..400 | 403..=405) => End::Open,
        _ => End::Either,
    }
}
