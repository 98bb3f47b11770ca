//! An application for a chip: sensors and a chat over all five transports.
//!
//! No board is in it. A board crate brings up its clock and its network, spawns its own tasks, and calls [`start`].
//!
//! | file | what it holds | shows |
//! | --- | --- | --- |
//! | `sizes.rs` | every size | memory sizing |
//! | `channels.rs` | the hub: two channels, [`publish`] | two channels; publishing from an interrupt |
//! | `sensors.rs` | the task that publishes the sensors | publishing from a task |
//! | `routes.rs` | which handler answers which path | handlers beside the hub |
//! | `memory.rs` | `/memory` | a JSON endpoint |
//! | `led.rs` | `/led` | a WebSocket of one's own |
//! | `echo.rs` | `/echo` | an upload; messages longer than any buffer |
//! | `page.rs` | `/`, `/goldcrest.js` | files that are compiled in |
//! | `bridge.rs` | the task that publishes the sensors on a hub elsewhere | a client |
//! | `outgoing.rs` | the socket that it connects | |
//! | `secret.rs` | unpredictable bits | |
//! | `connections.rs` | a task a connection | |
//! | `chip.rs`, `pool.rs` | what the core needs of a chip | |
//! | `plain.rs` | text and numbers without padding | |
//! | `network.rs` | DHCP, or a fixed address | |
//! | `board.rs` | [`Board`]: what the application needs of a board | |
#![no_std]
#![forbid(unsafe_code)]

mod board;
pub mod bridge;
mod channels;
mod chip;
mod connections;
mod echo;
pub mod led;
mod memory;
pub mod network;
mod outgoing;
mod page;
pub mod plain;
mod pool;
mod routes;
mod secret;
mod sensors;
pub mod sizes;

use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::Stack;
use log::error;

pub use board::{Board, Memory};
pub use channels::publish;
pub use goldcrest_core::log::EventType;

/// Starts all tasks of the application.
///
/// `stack` has been given [`sizes::SOCKETS`] slots and runs in a task of the board's.
pub fn start(spawner: Spawner, stack: Stack<'static>, board: &'static Board) {
    let hub = match channels::open(board.seed) {
        Ok(hub) => hub,
        Err(reason) => return error!("no channels: {reason}"),
    };
    spawn(spawner, network::configure(stack, board));
    spawn(spawner, sensors::measure(hub, board));
    if let Some(url) = bridge::HUB {
        spawn(spawner, bridge::publish_sensors(stack, hub, board, url));
    }
    connections::start(spawner, stack, hub, board);
}

/// Spawns a task, or says in the log that all of its kind are running.
pub fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => spawner.spawn(task),
        Err(_) => refused(),
    }
}

#[cold]
#[inline(never)]
fn refused() {
    error!("as many tasks of this kind are running as may");
}
