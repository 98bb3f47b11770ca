//! goldcrest seen from outside: clients that share no code with the server, over real sockets.
//!
//! The same suites run against the host's server and against firmware in QEMU, since they need only a base URL and
//! the server's capabilities:
//!
//! | variable | meaning |
//! | --- | --- |
//! | `GOLDCREST_URL` | the base URL of a running server; without it the suite builds and starts the host's own |
//! | `GOLDCREST_CAPABILITIES` | that server's capabilities, separated by commas: see [`Capabilities`] |
//! | `GOLDCREST_PROGRAMS` | a folder where the host's programs are built already, as cargo lays them |
//! | `GOLDCREST_PATIENCE` | seconds after which something that should have happened is called missing; 10 |
//! | `GOLDCREST_FAR` | the name of a network namespace for the server of those scenarios that need a network: `tests/scripts/in-two-networks` |
//! | `GOLDCREST_SOAK` | seconds that the soak lasts; 60 |
//! | `GOLDCREST_LIVE` | seconds that the readers of `live.rs` stay; 5 |
//!
//! ```text
//! cargo test -p goldcrest-tests                                   everything, against the host's own server
//! cargo test -p goldcrest-tests --test scenarios -- resume::      the resume matrix
//! GOLDCREST_URL=http://127.0.0.1:8081/ GOLDCREST_CAPABILITIES=channels=chat cargo test -p goldcrest-tests
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | `capabilities.rs` | [`Capabilities`] of a server: they select the scenarios |
//! | `server.rs` | [`Server`]: one that runs somewhere, or one that was started for a scenario |
//! | `program.rs` | [`Program`]: a program of this workspace, built, started, read and ended |
//! | `peer.rs` | [`Peer`]: a blocking connection that sees every byte, and gives up in time |
//! | `answer.rs` | [`Head`], [`Answer`], [`Framing`]: HTTP/1.1 responses, read strictly |
//! | `event_stream.rs` | [`EventStream`]: a parser of `text/event-stream` |
//! | `channel.rs` | [`Channel`]: a channel of the server under test, and publishing to it |
//! | `reader.rs` | [`Reader`]: a subscriber that looks the same over all five transports |
//! | `sources.rs` | the state of a [`Reader`] of each transport |
//! | `websocket.rs` | WebSocket by tungstenite, an independent client |
//! | `fault_proxy.rs` | [`FaultProxy`]: pieces, delays and breaks between a client and a server |
//! | `link.rs` | [`link::Link`]: a network link that loses, delays, reorders and doubles packets |
//! | `history.rs` | [`History`]: the operations of clients, and whether a log permits them |
//! | `process.rs` | memory and descriptors of a process |
//! | `list.rs` | [`List`]: scenarios by name, and their needs |

mod answer;
mod capabilities;
mod channel;
mod event_stream;
mod fault_proxy;
mod history;
#[cfg(target_os = "linux")]
pub mod link;
mod list;
mod peer;
mod peer_error;
pub mod process;
mod program;
mod reader;
mod server;
mod sources;
mod subscription;
mod websocket;

pub use answer::{Answer, Framing, Head};
pub use capabilities::{Capabilities, Need};
pub use channel::{Channel, Published, unused_key};
pub use event_stream::{EventStream, StreamEvent};
pub use fault_proxy::{FaultProxy, Faults};
pub use history::{Did, History, Missed, Moment, Violation};
pub use list::List;
pub use peer::{Patience, Peer, Width, patience};
pub use peer_error::PeerError;
pub use program::Program;
pub use reader::Reader;
pub use server::Server;
pub use subscription::{Event, Gap, Item, Start, Transport};
pub use websocket::{Refused, Socket, UPGRADE, websocket, websocket_with};
