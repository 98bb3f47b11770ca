//! A connection of the server: reading, writing and waiting within its deadlines.

use core::future::Future;
use core::mem;
use core::time::Duration;

use super::config::ServerConfig;
use super::head_buffer::HeadBuffer;
use super::rejection::{ErrorContent, Rejection, RejectionReason};
use super::runtime::Runtime;
use crate::connection::{ConnectionSocket, Disconnect, ReceiveAllowance};
use crate::grammar::origin::OriginMatch;
use crate::http::{BodyDecoder, Request, Status};
use crate::io::{BufferFn, Clock, Interest, Socket, TryIo, WakeCondition, never, one_copy};
use crate::output::{Output, Render, ResumableWriter};
use crate::time::Instant;

type TimerOf<R> = <<R as Runtime>::Clock as Clock>::Timer;

/// A connection of the server with its current request.
pub struct HttpConnection<'a, R: Runtime> {
    io: ConnectionSocket<&'a mut R::Socket, TimerOf<R>>,
    pub(super) runtime: &'a R,
    pub(super) config: &'a ServerConfig<'a>,
    /// The last request.
    pub(super) request: Request<HeadBuffer<R::Buffer>>,
    /// The match of its `Origin`; `None` where it is not permitted, and the response is not readable for the page.
    pub(super) origin: Option<OriginMatch>,
    pub(super) body: RequestContent,
    /// A response has begun and is incomplete, so the connection must not end in order.
    pub(super) answering: bool,
}

/// The unread part of a request's content.
#[derive(Debug)]
pub(crate) struct RequestContent {
    pub(crate) decoder: Option<BodyDecoder>,
    /// The bound on the content, in bytes. A chip does not report it.
    #[cfg(not(small_code))]
    pub(crate) limit: u64,
    /// The client waits for `100 Continue`; so many bytes of that were sent.
    pub(crate) continue_at: Option<usize>,
    /// The time that is left for it.
    pub(crate) allowance: ReceiveAllowance,
}

impl RequestContent {
    pub(crate) const fn new() -> Self {
        Self {
            decoder: None,
            #[cfg(not(small_code))]
            limit: 0,
            continue_at: None,
            allowance: ReceiveAllowance::WHOLE,
        }
    }

    /// Sets the bound that is reported for a rejected request.
    pub(crate) fn set_limit(&mut self, _bytes: u64) {
        #[cfg(not(small_code))]
        {
            self.limit = _bytes;
        }
    }

    /// The bound that is reported for a rejected request.
    fn limit(&self, _config: &ServerConfig<'_>) -> u64 {
        #[cfg(not(small_code))]
        return self.limit;
        #[cfg(small_code)]
        return _config.max_body;
    }
}

/// Moves bytes between the socket's buffers and the content of a request, step by step.
pub(crate) trait ContentFn {
    /// Consumes the start of `bytes`, or writes there. Returns the number of bytes and whether it is done. It may update
    /// `content`.
    fn step(&mut self, bytes: &mut [u8], content: &mut RequestContent) -> (usize, bool);
}

impl<F: FnMut(&mut [u8], &mut RequestContent) -> (usize, bool)> ContentFn for F {
    fn step(&mut self, bytes: &mut [u8], content: &mut RequestContent) -> (usize, bool) {
        self(bytes, content)
    }
}

/// The cost of a request in a turn beside its bytes: finding its response takes as long as moving so many.
pub(crate) const REQUEST: usize = 4 * 1024;

/// The cost of each byte of a head beside itself: a parser reads it several times.
pub(crate) const HEAD_BYTE: usize = 4;

/// The interval of checks for the peer's end while bytes of the next request are unread before it.
///
/// Not every socket wakes a task for an end that cannot be read yet.
pub(crate) const LOOK_FOR_END: Duration = Duration::from_secs(1);

/// Asks the client to send the content (RFC 9110 §15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

// With `small_code` the long functions take a closure as `&mut dyn`: a chip would otherwise store a copy of the function for each
// closure, with all that it inlines of the network stack.
impl<'a, R: Runtime> HttpConnection<'a, R> {
    pub(crate) fn new(socket: &'a mut R::Socket, runtime: &'a R, config: &'a ServerConfig<'a>) -> Self {
        let io = ConnectionSocket::new(socket, runtime.clock().timer(), config.io_budget);
        let body = RequestContent::new();
        Self { io, runtime, config, request: Request::nothing(HeadBuffer::NONE), origin: None, body, answering: false }
    }

    pub(crate) fn socket(&self) -> &R::Socket {
        self.io.socket()
    }

    pub(crate) fn runtime(&self) -> &'a R {
        self.runtime
    }

    pub(crate) fn config(&self) -> &'a ServerConfig<'a> {
        self.config
    }

    /// From here on the connection does not end in order before [`HttpConnection::end_response`].
    pub(crate) fn begin_response(&mut self) {
        self.answering = true;
    }

    pub(crate) fn end_response(&mut self) {
        self.answering = false;
    }

    /// Bytes received and sent since the last call.
    pub(crate) fn take_counts(&mut self) -> (usize, usize) {
        self.io.take_counts()
    }

    /// Breaks the connection.
    pub(super) fn abort(&mut self) {
        self.io.socket_mut().abort();
    }

    /// Reports a rejected request to the runtime; returns the content for the response.
    pub(crate) fn reject(&self, status: Status, reason: RejectionReason, text: &str) -> impl ErrorContent + use<R> {
        let request = Some(&self.request).filter(|request| !request.head().is_empty());
        self.runtime.reject(
            self.socket(),
            &Rejection { request, status, reason, text, content_limit: self.body.limit(self.config) },
        )
    }

    /// Takes the request. Its buffer is released when it is dropped.
    pub(crate) fn take_request(&mut self) -> Request<HeadBuffer<R::Buffer>> {
        mem::replace(&mut self.request, Request::nothing(HeadBuffer::NONE))
    }

    /// Releases the buffer of the request's head.
    pub(crate) fn release_head_buffer(&mut self) {
        *self.request.buffer_mut() = HeadBuffer::NONE;
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.clock().now()
    }

    /// The time `duration` from now.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn after(&self, duration: Duration) -> Instant {
        self.now() + duration
    }

    /// Waits until an attempt in a wanted direction may succeed, until `deadline` or until `condition` is ready. May return early.
    pub(crate) fn wait<C: WakeCondition>(
        &mut self,
        want: Interest,
        deadline: Instant,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        self.io.wait(want, deadline, one_copy!(condition as &mut WakeCondition))
    }

    /// Yields to the executor's other tasks once the budget is spent.
    pub(crate) fn yield_if_spent(&mut self) -> impl Future<Output = ()> {
        self.io.yield_if_spent()
    }

    /// Counts work that took as long as moving `bytes`.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.io.charge(bytes);
    }

    /// Counts a request or a control frame; `false` where more than `most` came in this second. 0: there is no bound.
    pub(crate) fn admits(&mut self, most: u32) -> bool {
        let now = self.now();
        self.io.admits(most, now)
    }

    /// Calls `f` once with received bytes, and counts the bytes that it consumes.
    pub(crate) fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        self.io.try_read(f)
    }

    /// As [`HttpConnection::try_read`], for a function that takes content.
    pub(crate) fn try_read_content(&mut self, f: &mut dyn ContentFn) -> Result<TryIo<()>, Disconnect> {
        let Self { io, body, .. } = self;
        io.try_read(&mut |bytes: &mut [u8]| f.step(bytes, body).0)
    }

    /// Calls `f` once with free space, and counts the bytes that it writes.
    pub(crate) fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        self.io.try_write(f)
    }

    /// Reads until `f` is done; `false` at the peer's end. `f` consumes bytes or is done. Consumed bytes do not extend
    /// `deadline`.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`] at `deadline`.
    pub(crate) fn read<F: ContentFn>(
        &mut self,
        deadline: Instant,
        f: &mut F,
    ) -> impl Future<Output = Result<bool, Disconnect>> {
        self.read_by(deadline, one_copy!(f as &mut ContentFn))
    }

    fn read_by<F: ContentFn + ?Sized>(
        &mut self,
        deadline: Instant,
        f: &mut F,
    ) -> impl Future<Output = Result<bool, Disconnect>> {
        async move {
            loop {
                let mut done = false;
                let lent = self.try_read_content(&mut |bytes: &mut [u8], content: &mut RequestContent| {
                    let step = f.step(bytes, content);
                    done = step.1;
                    step
                })?;
                if done {
                    return Ok(true);
                }
                match lent {
                    TryIo::Eof => return Ok(false),
                    _ if self.now() >= deadline => return Err(Disconnect::TimedOut),
                    TryIo::Done(()) => self.yield_if_spent().await,
                    TryIo::WouldBlock => self.wait(Interest::READ, deadline, &mut never).await?,
                }
            }
        }
    }

    /// Writes until `f` is done; until then `f` fills the space. It may update the content.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`] where the peer takes nothing for the write timeout.
    pub(crate) fn write<F: ContentFn>(&mut self, f: &mut F) -> impl Future<Output = Result<(), Disconnect>> {
        self.write_by(one_copy!(f as &mut ContentFn))
    }

    fn write_by<F: ContentFn + ?Sized>(&mut self, f: &mut F) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            let mut deadline = self.after(self.config.write_timeout);
            loop {
                let mut done = false;
                let Self { io, body, .. } = self;
                let lent = io.try_write(&mut |room: &mut [u8]| {
                    let (count, ends) = f.step(room, body);
                    done = ends;
                    count
                })?;
                if done {
                    return Ok(());
                }
                match lent {
                    TryIo::Done(()) => {
                        deadline = self.after(self.config.write_timeout);
                        self.yield_if_spent().await;
                    }
                    TryIo::WouldBlock | TryIo::Eof => {
                        if self.now() >= deadline {
                            return Err(Disconnect::TimedOut);
                        }
                        self.wait(Interest::WRITE, deadline, &mut never).await?;
                    }
                }
            }
        }
    }

    /// Writes all output of `render`.
    ///
    /// # Errors
    /// As [`HttpConnection::write`].
    pub(crate) fn send<F: Render>(&mut self, render: &F) -> impl Future<Output = Result<(), Disconnect>> {
        self.send_rendered(one_copy!(render as &Render))
    }

    fn send_rendered<F: Render + ?Sized>(&mut self, render: &F) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            if self.body.continue_at.is_some_and(|sent| sent > 0) {
                self.send_continue().await?;
            }
            let mut skip = 0usize;
            self.write(&mut |room: &mut [u8], _: &mut RequestContent| {
                let mut sink = ResumableWriter::new(room, skip);
                render.render(&mut sink);
                skip = skip.wrapping_add(sink.written());
                (sink.written(), sink.is_whole())
            })
            .await
        }
    }

    /// Sends `100 Continue` if the client waits for it. After a drop, the next call continues.
    pub(crate) async fn send_continue(&mut self) -> Result<(), Disconnect> {
        if self.body.continue_at.is_none() {
            return Ok(());
        }
        self.write(&mut |room: &mut [u8], content: &mut RequestContent| {
            let sent = content.continue_at.unwrap_or_default();
            let mut sink = ResumableWriter::new(room, sent);
            sink.put(CONTINUE);
            content.continue_at = (!sink.is_whole()).then_some(sent.wrapping_add(sink.written()));
            (sink.written(), sink.is_whole())
        })
        .await
    }

    /// Ends the connection in order: sends all output and FIN, then waits for the peer's FIN or the linger timeout.
    pub(crate) fn finish(&mut self) -> impl Future<Output = ()> {
        async move {
            self.io.socket_mut().close();
            let deadline = self.after(self.config.write_timeout);
            while self.socket().send_queue() > 0 {
                if self.now() >= deadline || self.wait(Interest::FLUSHED, deadline, &mut never).await.is_err() {
                    return self.abort();
                }
            }
            // Discard what the peer still sends: a socket that is closed with unread bytes sends a reset, and the peer may lose the
            // response (RFC 9112 §9.6).
            let deadline = self.after(self.config.linger_timeout);
            let _ = self.read(deadline, &mut |bytes: &mut [u8], _: &mut RequestContent| (bytes.len(), false)).await;
        }
    }
}
