//! The environment of the connections.

use super::abort::AbortHandle;
use super::cors::CorsPolicy;
use super::rejection::{DateField, ErrorContent, Rejection};
use crate::connection::Disconnect;
use crate::format::Transport;
use crate::http::{Request, Status};
use crate::io::{Clock, Socket};

/// The environment of the connections of one executor: sockets, a clock, buffers and randomness.
///
/// A chip and a host implement it; all other code of a connection is the same on both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Runtime` of goldcrest-core",
    label = "expected a `Runtime`",
    note = "on a chip, `embassy::Device::listen` has one, with the feature `embassy-net` of goldcrest-core; on a host, the server of goldcrest-host has one"
)]
pub trait Runtime {
    /// A connection's socket.
    type Socket: Socket;
    /// The clock.
    type Clock: Clock;
    /// A buffer, released when it is dropped: of a pool on a chip, of the heap on a host.
    type Buffer: AsRef<[u8]> + AsMut<[u8]>;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// A buffer, or `None` while all are in use. A request waits for a head buffer up to `buffer_timeout`, then gets 503.
    fn buffer(&self, purpose: BufferKind) -> Option<Self::Buffer>;

    /// Whether a request for a buffer failed since a buffer was last released. Then a slow head loses its buffer. Default: `false`.
    fn is_exhausted(&self, _purpose: BufferKind) -> bool {
        false
    }

    /// Adds space after the first `filled` bytes of a buffer, for a runtime whose buffers begin small. Default: a buffer has its full
    /// size from the start.
    fn grow(&self, _buffer: &mut Self::Buffer, _filled: usize) -> Growth {
        Growth::Full
    }

    /// Random bits for the jitter of reconnections. They need not be secret.
    fn random(&self) -> u32;

    /// Whether the server shuts down. The runtime wakes every waiting task when that begins.
    fn is_shutting_down(&self) -> bool;

    /// Reports a rejected request, and returns the content of the response. Default: no report, and [`Rejection::text`].
    fn reject<B: AsRef<[u8]>>(
        &self,
        _socket: &Self::Socket,
        _rejection: &Rejection<'_, B>,
    ) -> impl ErrorContent + use<Self, B> {
    }

    /// The rules for pages of other origins. Default: [`CorsPolicy::DEFAULT`].
    fn cors(&self) -> &CorsPolicy<'_> {
        const { &CorsPolicy::DEFAULT }
    }

    /// A handle that breaks the connection of `socket` from elsewhere in the program. Default: a handle without effect.
    fn abort_handle(&self, _socket: &Self::Socket) -> impl AbortHandle + use<Self> {}

    /// Reports a request whose head was read, before its response. Default: no report.
    fn request_began<B: AsRef<[u8]>>(&self, _socket: &Self::Socket, _request: &Request<B>) {}

    /// Reports the transport of the last request, which reads a channel or publishes, and the identity of its grant (empty where it
    /// has none). Default: no report.
    fn channel_requested(&self, _socket: &Self::Socket, _transport: Transport, _identity: &str) {}

    /// Reports a response that begins: to the last request, or to bytes that are no request. Default: no report.
    fn response_began(&self, _socket: &Self::Socket, _status: Status) {}

    /// Reports the end of the last request: its response is complete, or the connection ended first. A future that is dropped
    /// reports nothing, and neither does a chip. Default: no report.
    fn request_ended(&self, _socket: &Self::Socket, _ended: Result<(), Disconnect>) {}

    /// The `Date` of a response that begins now. Default: none, for a chip without a clock (RFC 9110 §6.6.1).
    fn date(&self) -> impl DateField + use<Self> {}
}

/// The purpose of a buffer. The runtime chooses its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// A request head: its size bounds the head (414, 431).
    Head,
    /// An event that is published: its size bounds the event (413, close code 1009).
    Event,
}

/// The outcome of [`Runtime::grow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// There is space after its filled part, and it may grow again.
    Room,
    /// It has its full size.
    Full,
    /// The runtime has no memory for it now.
    Refused,
}
