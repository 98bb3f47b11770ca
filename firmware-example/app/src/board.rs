//! The application's requirements of a board.

use embassy_net::StaticConfigV4;

/// The properties of a board.
#[derive(Clone)]
pub struct Board {
    /// Its name, for the log.
    pub name: &'static str,
    /// Its address in a network without DHCP.
    pub fallback: StaticConfigV4,
    /// Measures the RAM.
    pub memory: fn() -> Memory,
    /// Drawn from its random source at boot.
    pub seed: u64,
    /// Drawn from its random source at boot: the secret key of unpredictable values.
    pub secret: [u64; 4],
}

/// RAM, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Statics: buffers, tasks, logs.
    pub statics: usize,
    /// The size of the stack.
    pub stack: usize,
    /// The high-water mark of the stack.
    pub stack_used: usize,
}
