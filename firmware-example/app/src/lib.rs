//! An application for a chip: sensors and a chat over all five transports.
//!
//! No board is in it. A board crate brings up its network and its clock, starts [`network`]'s configuration in an
//! `embassy_net::Stack`, and calls [`start`].
#![no_std]
#![forbid(unsafe_code)]

mod board;
mod connections;
pub mod led;
pub mod network;

use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::Stack;
use log::error;

pub use board::{Board, Memory};
pub use connections::CONNECTIONS;

/// The slots of `StackResources` that the application needs: its connections, and DHCP's.
pub const SOCKETS: usize = CONNECTIONS + 1;

/// Starts all tasks of the application.
pub fn start(spawner: Spawner, stack: Stack<'static>, board: Board) {
    spawn(spawner, network::configure(stack, board));
    connections::start(spawner, stack);
}

/// Spawns a task, or says in the log that its pool is spent.
pub fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => spawner.spawn(task),
        Err(spent) => error!("{spent}"),
    }
}
