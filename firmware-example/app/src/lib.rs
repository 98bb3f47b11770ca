//! An application for a chip: sensors and a chat over all five transports.
//!
//! It is independent of the board. A board's crate starts its clock and its network, spawns its own tasks, and calls [`start`].
//!
//! | file | contents | shows |
//! | --- | --- | --- |
//! | `sizes.rs` | all sizes | memory sizing |
//! | `settings.rs` | settings at build time | |
//! | `channels.rs` | the hub: two channels, [`publish`] | two channels; publishing from an interrupt |
//! | `sensors.rs` | the task that publishes the sensors | publishing from a task |
//! | `routes.rs` | the handler of each path | handlers beside the hub |
//! | `memory.rs` | `/memory` | a JSON endpoint |
//! | `led.rs` | `/led` | a handler's own WebSocket |
//! | `echo.rs` | `/echo` | an upload; messages longer than any buffer |
//! | `page.rs` | `/`, `/goldcrest.js` | embedded files |
//! | `bridge.rs` | the task that publishes the sensors on another hub | a client |
//! | `secret.rs` | unpredictable bits | |
//! | `connections.rs` | one task per connection | `goldcrest_core::embassy` |
//! | `plain.rs` | text and numbers without padding | |
//! | `network.rs` | DHCP, or a fixed address | |
//! | `board.rs` | [`Board`]: the properties of a board | |
#![no_std]
#![forbid(unsafe_code)]

mod board;
mod bridge;
mod channels;
mod connections;
mod echo;
pub mod led;
mod memory;
pub mod network;
mod page;
pub mod plain;
mod routes;
mod secret;
mod sensors;
pub mod settings;
pub mod sizes;

use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::Stack;
use log::error;

pub use board::{Board, Memory};
pub use channels::publish;
pub use goldcrest_core::log::EventType;

/// Starts all tasks of the application.
///
/// `stack` has [`sizes::SOCKETS`] socket slots and runs in a task of the board.
pub fn start(spawner: Spawner, stack: Stack<'static>, board: &'static Board) {
    let hub = channels::open(board.seed);
    spawn(spawner, network::configure(stack, board));
    spawn(spawner, sensors::measure(hub, board));
    if let Some(url) = settings::HUB_URL {
        spawn(spawner, bridge::publish_sensors(stack, hub, board, url));
    }
    connections::start(spawner, stack, hub, board);
}

/// Spawns a task, or logs that its pool is exhausted.
pub fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => spawner.spawn(task),
        Err(_) => refused(),
    }
}

#[cold]
#[inline(never)]
fn refused() {
    error!("the task pool is exhausted");
}
