//! The command line from outside: `goldcrest subscribe`, `publish`, `bench` and `compare`, against the host's server and
//! against servers that nobody here wrote.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `run.rs` | a run of the command: what is typed, what it says, how it ends |
//! | `stranger.rs` | servers of `tests/suites/command`, and nginx |
//! | `channels.rs` | channels of the host's server |
//! | `follows.rs` | a server that follows others |
//! | `returns.rs` | what is lost and comes back |
//! | `strangers.rs` | Node, `websockets`, aiohttp |
//! | `tls.rs` | certificates, and whom to trust |
//! | `parting.rs` | leaving a WebSocket |
//! | `proxies.rs` | nginx that buffers, or eats the upgrade |
//! | `terminal.rs` | who types on a terminal |
//! | `hostile.rs` | servers and publishers that mean harm |
//! | `rejections.rs` | what a server's log and its answers say of what it rejects |
//! | `figures.rs` | bench and compare |
//! | `options.rs` | options that can never match |
//! | `pages.rs` | help, completions, the manual |

mod channels;
mod figures;
mod follows;
mod hostile;
mod options;
mod pages;
mod parting;
mod proxies;
mod rejections;
mod returns;
mod run;
mod stranger;
mod strangers;
mod terminal;
mod tls;
