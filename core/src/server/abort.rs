//! Breaking a connection from elsewhere in the program.

/// Breaks a connection, as if the network had failed.
pub trait AbortHandle: Send + 'static {
    /// Breaks the connection if it is open; the peer sees a reset.
    fn abort(&self);
}

impl AbortHandle for () {
    fn abort(&self) {}
}
