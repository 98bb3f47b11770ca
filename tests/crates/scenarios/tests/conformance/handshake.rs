//! The table of opening handshakes.

use std::mem;
use std::sync::Arc;

use goldcrest_tests::{Head, List, Peer, PeerError, Server};
use serde::Deserialize;

use crate::opening::{accept, head};
use crate::table::Table;
use crate::text::{allows, bytes};
use crate::{Cut, Shared, answers};

/// A handshake and its permitted responses; the table explains it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    is: String,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    line: Option<String>,
    #[serde(default)]
    behind: String,
    answers: String,
    #[serde(default)]
    protocol: Vec<String>,
    accept: Option<String>,
    #[serde(default)]
    version: bool,
    #[serde(default)]
    silent: bool,
}

pub(crate) fn rows(list: &mut List, server: &Shared) {
    let mut table = Table::<Row>::read("handshake.toml");
    let opening = mem::take(&mut table.opening);
    for (about, mut row) in table.into_rows() {
        let lines = opening.lines(row.line.as_deref(), &row.without, &row.with);
        row.answers = answers(row.answers, &head(&lines));
        for (cut, how) in Cut::ALL {
            let (server, row, lines) = (Arc::clone(server), row.clone(), lines.clone());
            let name = format!("handshake: {about}: {} ({how})", row.is);
            list.add(name, &[], move || row.run(&server, cut, &lines));
        }
    }
}

impl Row {
    fn run(&self, server: &Server, cut: Cut, lines: &[String]) {
        let mut request = head(lines);
        request.extend(bytes(&self.behind));

        let mut peer = server.connect();
        cut.send(&mut peer, &request);
        let head = match peer.head() {
            Err(PeerError::Closed | PeerError::Reset) if self.silent => return,
            other => other.unwrap_or_else(|trouble| panic!("{trouble:?}, not {}", self.answers)),
        };
        assert!(allows(&self.answers, head.status), "{}, not {}: {head:?}", head.status, self.answers);
        if head.status == 101 {
            self.check_fields(&head, lines);
            self.check_echo(&mut peer);
            return;
        }
        assert_eq!(head.field("sec-websocket-accept"), None, "nothing is accepted");
        if self.version {
            assert_eq!(head.field("sec-websocket-version"), Some("13"), "{head:?}");
            if head.status == 426 {
                assert!(head.lists("upgrade", "websocket"), "{head:?}");
            }
        }
        // A frame is no request: it must not be echoed.
        let _ = peer.send(&frame(0x81, b"no"));
        peer.half_close();
        let rest = peer.until_closed().unwrap();
        assert!(!rest.windows(4).any(|window| window == b"\x81\x02no"), "a frame was echoed");
    }

    fn check_fields(&self, head: &Head, lines: &[String]) {
        assert!(head.field("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")), "{head:?}");
        assert!(head.lists("connection", "upgrade"), "{head:?}");
        assert_eq!(head.field("content-length"), None, "a 101 has no content");
        assert_eq!(head.field("transfer-encoding"), None, "a 101 has no content");
        assert_eq!(head.field("sec-websocket-extensions"), None, "no extension is spoken");
        match head.field("sec-websocket-protocol") {
            None => assert!(self.protocol.is_empty() || self.answers != "101", "no subprotocol was chosen"),
            Some(chosen) => assert!(self.protocol.iter().any(|known| known == chosen), "{chosen:?} was chosen"),
        }
        let key = lines.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.replace("\\t", "").trim().to_owned())
        });
        let accept = accept(&key.expect("a key"));
        assert_eq!(head.field("sec-websocket-accept"), Some(accept.as_str()));
        assert!(self.accept.as_ref().is_none_or(|known| *known == accept));
    }

    /// Bytes behind the handshake are echoed, then later ones; then both sides close the connection.
    fn check_echo(&self, peer: &mut Peer) {
        if !self.behind.is_empty() {
            assert_eq!(peer.exactly(5).unwrap(), b"\x81\x03abc", "the frame in the same piece");
        }
        peer.send(&frame(0x81, b"hello")).unwrap();
        assert_eq!(peer.exactly(7).unwrap(), b"\x81\x05hello");
        peer.send(&frame(0x88, &1000_u16.to_be_bytes())).unwrap();
        let close = peer.exactly(4).unwrap();
        assert_eq!((close[0], &close[2..]), (0x88, &1000_u16.to_be_bytes()[..]), "a Close is answered by its code");
        assert_eq!(peer.until_closed().unwrap().len() + 2, usize::from(close[1]));
    }
}

/// A masked frame with a short payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x3a, 0x5c, 0x96, 0xe1];
    let length = 0x80 | u8::try_from(payload.len()).expect("a short payload");
    let masked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    [first, length].into_iter().chain(key).chain(masked).collect()
}
