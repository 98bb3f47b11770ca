//! The tables in `tests/suites/conformance`, run over sockets: raw requests, opening handshakes and the answers to those,
//! whole and in single bytes.
//!
//! The server under test is the host's example `echo`, or any server at `GOLDCREST_URL` whose `POST /echo` returns its
//! content and whose `/echo` is a WebSocket that knows the subprotocols `chat` and `superchat`. `GOLDCREST_TABLES` names
//! another folder with an `http.toml` and a `handshake.toml`. The table of responses is run against the host's client, not
//! against a server at `GOLDCREST_URL`.

mod client;
mod handshake;
mod http;
mod opening;
mod table;
mod text;

use std::env;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use goldcrest_tests::{Capabilities, List, Peer, PeerError, Server};
use text::allows;

/// The server that all rows share.
type Shared = Arc<LazyLock<Server>>;

fn main() -> ExitCode {
    let server: Shared = Arc::new(LazyLock::new(|| match env::var("GOLDCREST_URL") {
        Ok(_) => Server::from_env(),
        Err(_) => Server::start_echo(),
    }));
    let mut list = List::new();
    http::rows(&mut list, &server);
    handshake::rows(&mut list, &server);
    if env::var_os("GOLDCREST_URL").is_none() {
        client::rows(&mut list);
    }
    list.run(|| {
        if let Some(server) = LazyLock::get(&server) {
            server.stop();
        }
    })
}

/// The permitted responses to `sent`: those of the table, unless its head is longer than the server's limit.
fn answers(table: String, sent: &[u8]) -> String {
    let head = sent.windows(4).position(|window| window == b"\r\n\r\n").map_or(sent.len(), |end| end + 4);
    let first = table.split_whitespace().next().unwrap_or_default();
    let is_taken = (100..400).any(|status| allows(first, status));
    if is_taken && head > Capabilities::from_env().largest_head() { "414|431".to_owned() } else { table }
}

/// How a row's bytes are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Whole,
    /// One byte a write. Of a very long input, the beginning and the end.
    Bytes,
}

impl Cut {
    const ALL: [(Self, &'static str); 2] = [(Self::Whole, "whole"), (Self::Bytes, "in bytes")];

    /// Sends `bytes`. A server that stopped reading is no error here: the response is checked.
    fn send(self, peer: &mut Peer, bytes: &[u8]) {
        const ENDS: usize = 1024;
        let whole = match self {
            Self::Whole => 0..bytes.len(),
            Self::Bytes if bytes.len() > 2 * ENDS => ENDS..bytes.len() - ENDS,
            Self::Bytes => bytes.len()..bytes.len(),
        };
        let single = |range: std::ops::Range<usize>, peer: &mut Peer| -> Result<(), PeerError> {
            bytes[range].iter().try_for_each(|byte| peer.send(&[*byte]))
        };
        let _ = single(0..whole.start, peer)
            .and_then(|()| if whole.is_empty() { Ok(()) } else { peer.send(&bytes[whole.clone()]) })
            .and_then(|()| single(whole.end..bytes.len(), peer));
    }
}
