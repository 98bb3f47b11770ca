//! The buffers of a TCP socket.

/// The receive and the send buffer of one TCP socket: `RECEIVE` + `TRANSMIT` bytes of RAM for each client.
///
/// | size | least | effect |
/// | --- | --- | --- |
/// | `RECEIVE` | 256 | the TCP window: a larger one takes uploads faster |
/// | `TRANSMIT` | 1,072 | two segments of 536 bytes; with less, each segment waits for its acknowledgement |
///
/// 512 and 1,072 are enough for a browser that follows events. A smaller size does not compile:
/// ```compile_fail
/// # use goldcrest_core::embassy::SocketBuffers;
/// let buffers = SocketBuffers::<512, 1024>::new();
/// ```
#[derive(Debug)]
pub struct SocketBuffers<const RECEIVE: usize, const TRANSMIT: usize> {
    pub(super) receive: [u8; RECEIVE],
    pub(super) transmit: [u8; TRANSMIT],
}

impl<const RECEIVE: usize, const TRANSMIT: usize> SocketBuffers<RECEIVE, TRANSMIT> {
    /// Empty buffers.
    pub const fn new() -> Self {
        const {
            assert!(RECEIVE >= 256, "the receive buffer of a socket has at least 256 bytes");
            assert!(
                TRANSMIT >= 1_072,
                "the send buffer of a socket has at least 1072 bytes: two segments of 536 bytes"
            );
        }
        Self { receive: [0; RECEIVE], transmit: [0; TRANSMIT] }
    }

    /// The buffers as the arguments of `TcpSocket::new`, for a socket of your own.
    pub fn split(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut self.receive, &mut self.transmit)
    }
}

impl<const RECEIVE: usize, const TRANSMIT: usize> Default for SocketBuffers<RECEIVE, TRANSMIT> {
    fn default() -> Self {
        Self::new()
    }
}
