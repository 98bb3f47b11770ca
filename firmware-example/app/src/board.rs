//! What the application asks of a board.

use embassy_net::StaticConfigV4;

/// A board's facts.
#[derive(Clone)]
pub struct Board {
    /// Its name, for the log.
    pub name: &'static str,
    /// Its address where the network has no DHCP.
    pub fallback: StaticConfigV4,
    /// Its memory figures of now.
    pub memory: fn() -> Memory,
    /// Drawn from its random source at boot.
    pub seed: u64,
    /// Drawn from there too and told to nobody: what is unpredictable comes of it.
    pub secret: [u64; 4],
}

/// RAM, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What statics take: buffers, tasks, logs.
    pub statics: usize,
    /// What is set aside for the stack.
    pub stack: usize,
    /// The most that the stack has ever taken.
    pub stack_used: usize,
}
