//! Properties of the state machines, each checked by code that shares nothing with them: another project's parser, or a
//! model that is as plain as can be.
//!
//! | file | subject | compared with |
//! | --- | --- | --- |
//! | `websocket.rs` | a WebSocket's frames, either side | tungstenite |
//! | `conversation.rs` | messages between our client and our server | the messages passed in |
//! | `event_stream.rs` | the parser of event streams | eventsource-stream |
//! | `request_head.rs` | the head of a request | httparse |
//! | `response_head.rs` | the head of an answer | httparse |
//! | `channel_name.rs` | the names of channels in a path | `percent-encoding`, `url` |
//! | `url.rs` | the URLs of a client, and references | `url` |
//! | `chunked.rs` | chunked content | httparse's chunk sizes |
//! | `handshake.rs` | both sides of a handshake | each other, and tungstenite's answer to a key |
//! | `json.rs` | the reader of flat objects | `serde_json` |
//! | `ring.rs` | the log and its cursors | a vector of all events |
//! | `format.rs` | a format's output of a log that grows meanwhile | the appended events |
//! | `client.rs` | a whole client | the contents of its server's bytes by httparse, eventsource-stream, `serde_json` and tungstenite; the invariants |
//! | `token.rs` | JSON Web Tokens | `jsonwebtoken` |
//! | `server.rs` | a whole connection | the invariants: no panic, no endless loop, no leaked buffer or reader |
//!
//! Each function panics where its property does not hold. The tests call them with cases of their own making, millions
//! where `PROPTEST_CASES` says so; the targets in `tests/crates/fuzz` call them with the fuzzer's input.

use arbitrary::{Arbitrary, Unstructured};

pub mod channel_name;
pub mod chunked;
pub mod client;
pub mod conversation;
pub mod event_stream;
pub mod format;
pub mod handshake;
pub mod json;
pub mod request_head;
pub mod response_head;
pub mod ring;
pub mod server;
pub mod token;
pub mod url;
pub mod websocket;

/// Steps, as many as bytes are left for, and 500 at most.
#[derive(Clone, Debug)]
pub struct Steps<T>(pub Vec<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Steps<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut steps = Vec::new();
        while !u.is_empty() && steps.len() < 500 {
            steps.push(u.arbitrary()?);
        }
        Ok(Self(steps))
    }
}

/// Cuts `bytes` into pieces of these sizes in turn; one piece where there are none. A size of 0 counts as 1.
pub fn cut<'a>(bytes: &'a [u8], sizes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let mut sizes = sizes.iter().cycle();
    std::iter::from_fn(move || {
        let size = sizes.next().map_or(rest.len(), |size| usize::from(*size).max(1)).min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
