//! Scenarios: independent clients, and some that check every byte, against a running server.
//!
//! | file | behaviour |
//! | --- | --- |
//! | `resume.rs` | leave one transport, resume on any other: nothing lost, nothing twice |
//! | `transports.rs` | how a transport is chosen, and that all five say the same |
//! | `cursors.rs` | which cursor wins, and where a reader without one starts |
//! | `channel_names.rs` | the names that a policy permits |
//! | `publish.rs` | the responses to a publish, and rejections |
//! | `publish_websocket.rs` | publishing over a WebSocket |
//! | `binary.rs` | bytes that are no text, on each transport |
//! | `gaps.rs` | each transport reports a gap |
//! | `gap_policies.rs` | replay, latest, disconnect |
//! | `transport_switch.rs` | readers that come and go in the middle of a burst |
//! | `poll.rs` | polling and long polling as HTTP |
//! | `http.rs` | methods, pipelining, old clients, slow heads |
//! | `access.rs` | `Origin` and `Host` |
//! | `limits.rs` | every limit has its clear answer |
//! | `concurrent_readers.rs` | eight readers at once, one of them slow |
//! | `churn.rs` | reconnecting readers on several threads see one linear log |
//! | `peers.rs` | slow, half-closed and vanished peers, greedy neighbours |
//! | `keep_alive.rs` | heartbeats |
//! | `shutdown.rs` | SIGTERM: nothing accepted is lost |
//! | `signals.rs` | the effect of each signal |

mod access;
mod binary;
mod channel_names;
mod churn;
mod concurrent_readers;
mod cursors;
mod gap_policies;
mod gaps;
mod http;
mod keep_alive;
mod limits;
mod peers;
mod poll;
mod publish;
mod publish_websocket;
mod resume;
mod shutdown;
mod signals;
mod transport_switch;
mod transports;

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use goldcrest_tests::{List, Server};

/// The server that most scenarios share. Only a run that needs it starts it.
type Shared = Arc<LazyLock<Server>>;

fn main() -> ExitCode {
    let server: Shared = Arc::new(LazyLock::new(Server::from_env));
    let mut list = List::new();
    resume::scenarios(&mut list, &server);
    transports::scenarios(&mut list, &server);
    cursors::scenarios(&mut list, &server);
    channel_names::scenarios(&mut list, &server);
    publish::scenarios(&mut list, &server);
    publish_websocket::scenarios(&mut list, &server);
    binary::scenarios(&mut list, &server);
    gaps::scenarios(&mut list, &server);
    gap_policies::scenarios(&mut list, &server);
    transport_switch::scenarios(&mut list, &server);
    poll::scenarios(&mut list, &server);
    http::scenarios(&mut list, &server);
    access::scenarios(&mut list, &server);
    limits::scenarios(&mut list, &server);
    concurrent_readers::scenarios(&mut list, &server);
    churn::scenarios(&mut list);
    peers::scenarios(&mut list, &server);
    keep_alive::scenarios(&mut list, &server);
    shutdown::scenarios(&mut list, &server);
    signals::scenarios(&mut list, &server);
    list.run(|| {
        if let Some(server) = LazyLock::get(&server) {
            server.stop();
        }
        resume::stop();
    })
}
