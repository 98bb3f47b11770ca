//! The command line from outside: `goldcrest subscribe`, `publish`, `bench` and `compare`, against the host's server and
//! against servers of other projects.
//!
//! | file | content |
//! | --- | --- |
//! | `run.rs` | a run of the command: its input, output and end |
//! | `other_server.rs` | servers of `tests/suites/command`, and nginx |
//! | `channels.rs` | channels of the host's server |
//! | `channel_names.rs` | names beyond ASCII, and the rules that a server states |
//! | `upstream.rs` | a server that follows others |
//! | `reconnection.rs` | losses and reconnections |
//! | `other_servers.rs` | Node, `websockets`, aiohttp |
//! | `tls.rs` | certificates and authorities |
//! | `exit.rs` | leaving a WebSocket |
//! | `proxies.rs` | nginx that buffers, or eats the upgrade |
//! | `terminal.rs` | input on a terminal |
//! | `control_characters.rs` | servers and publishers that mean harm |
//! | `rejections.rs` | rejected requests in a server's log and responses |
//! | `tokens.rs` | tokens of a server, and the command that signs and checks them |
//! | `trusted_proxies.rs` | clients behind trusted proxies |
//! | `admin.rs` | the admin listener |
//! | `bench.rs` | bench and compare |
//! | `options.rs` | options that can never match |
//! | `configuration.rs` | options by the environment and by a file |
//! | `help.rs` | help, completions, the manual |

mod admin;
mod bench;
mod channel_names;
mod channels;
mod configuration;
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
mod tokens;
mod trusted_proxies;
mod upstream;
