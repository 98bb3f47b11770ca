//! The command line from outside: `goldcrest subscribe`, `publish`, `bench` and `compare`, against the host's server and
//! against servers that nobody here wrote.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `run.rs` | a run of the command: what is typed, what it says, how it ends |
//! | `other_server.rs` | servers of `tests/suites/command`, and nginx |
//! | `channels.rs` | channels of the host's server |
//! | `upstream.rs` | a server that follows others |
//! | `reconnection.rs` | what is lost and comes back |
//! | `other_servers.rs` | Node, `websockets`, aiohttp |
//! | `tls.rs` | certificates, and whom to trust |
//! | `exit.rs` | leaving a WebSocket |
//! | `proxies.rs` | nginx that buffers, or eats the upgrade |
//! | `terminal.rs` | who types on a terminal |
//! | `control_characters.rs` | servers and publishers that mean harm |
//! | `rejections.rs` | what a server's log and its answers say of what it rejects |
//! | `bench.rs` | bench and compare |
//! | `options.rs` | options that can never match |
//! | `help.rs` | help, completions, the manual |

mod bench;
mod channels;
mod control_characters;
mod exit;
mod help;
mod options;
mod other_server;
mod other_servers;
mod proxies;
mod reconnection;
mod rejections;
mod run;
mod terminal;
mod tls;
mod upstream;
