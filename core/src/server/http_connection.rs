//! A connection as the rooms above see it: wait, then act.

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
use crate::io::{BufferFn, Clock, Interest, Socket, TryIo, WakeCondition, never};
use crate::output::{Output, Render, ResumableWriter};
use crate::time::Instant;

type TimerOf<R> = <<R as Runtime>::Clock as Clock>::Timer;

/// A connection: its socket, its alarm, and what is left of the request's content.
pub struct HttpConnection<'a, R: Runtime> {
    io: ConnectionSocket<&'a mut R::Socket, TimerOf<R>>,
    pub(super) runtime: &'a R,
    pub(super) config: &'a ServerConfig<'a>,
    /// The request that came last.
    pub(super) request: Request<HeadBuffer<R::Buffer>>,
    /// How its origin is permitted; `None` where it is refused, whose page may not read the answer.
    pub(super) origin: Option<OriginMatch>,
    pub(super) body: RequestContent,
    /// An answer has begun, and its end has not left: the connection is not to end as if it had.
    pub(super) answering: bool,
}

/// What has to come yet of a request's content.
#[derive(Debug)]
pub(crate) struct RequestContent {
    pub(crate) decoder: Option<BodyDecoder>,
    /// The client waits for `100 Continue`, and so many bytes of that have left.
    pub(crate) continue_at: Option<usize>,
    /// How long it may still be waited for.
    pub(crate) allowance: ReceiveAllowance,
}

/// Who moves bytes between the line and what the request's content is for, step by step.
pub(crate) trait ContentFn {
    /// Takes from the start of `bytes`, or writes there: how many bytes, and whether that was all. It may note what it knows
    /// of the content.
    fn step(&mut self, bytes: &mut [u8], content: &mut RequestContent) -> (usize, bool);
}

impl<F: FnMut(&mut [u8], &mut RequestContent) -> (usize, bool)> ContentFn for F {
    fn step(&mut self, bytes: &mut [u8], content: &mut RequestContent) -> (usize, bool) {
        self(bytes, content)
    }
}

/// What a request counts as in a turn, beside its bytes: finding its answer takes as long as moving so many.
pub(crate) const REQUEST: usize = 4 * 1024;

/// What each byte of a head counts as, beside itself: it is looked at several times.
pub(crate) const HEAD_BYTE: usize = 4;

/// What a publication counts as, beside its bytes.
pub(crate) const PUBLICATION: usize = 2 * 1024;

/// How often a connection looks whether its client has left, while bytes of the next request stand before the end: not every socket
/// wakes for an end that cannot be read yet.
pub(crate) const LOOK_FOR_END: Duration = Duration::from_secs(1);

/// What tells a client that waits to send its content (RFC 9110 §15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

// What is given a closure takes it by reference where it is more than a few lines: on a chip each closure would have a copy
// of all that stands below it, down to the network stack's.
impl<'a, R: Runtime> HttpConnection<'a, R> {
    pub(crate) fn new(socket: &'a mut R::Socket, runtime: &'a R, config: &'a ServerConfig<'a>) -> Self {
        let io = ConnectionSocket::new(socket, runtime.clock().timer(), config.io_budget);
        let body = RequestContent { decoder: None, continue_at: None, allowance: ReceiveAllowance::WHOLE };
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

    /// Tells the runtime of a request that is rejected.
    pub(crate) fn reject(&self, status: Status, reason: RejectionReason, text: &str) -> impl ErrorContent + use<R> {
        let request = Some(&self.request).filter(|request| !request.head().is_empty());
        self.runtime.reject(self.socket(), &Rejection { request, status, reason, text })
    }

    /// The request, whose buffer is given back once it is dropped.
    pub(crate) fn take_request(&mut self) -> Request<HeadBuffer<R::Buffer>> {
        mem::replace(&mut self.request, Request::nothing(HeadBuffer::NONE))
    }

    /// Gives the buffer of the request's head back.
    pub(crate) fn forget_request(&mut self) {
        *self.request.buffer_mut() = HeadBuffer::NONE;
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.clock().now()
    }

    /// The moment `duration` from now.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn after(&self, duration: Duration) -> Instant {
        self.now() + duration
    }

    /// Waits until a wanted direction can be attempted, `deadline` has come or `also` is ready. May return early.
    pub(crate) fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        also: &mut dyn WakeCondition,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        self.io.wait(want, deadline, also)
    }

    /// Lets the other connections have their turn once this one has had its share.
    pub(crate) fn yield_if_spent(&mut self) -> impl Future<Output = ()> {
        self.io.yield_if_spent()
    }

    /// Counts work that took longer than its bytes, as so many more of them.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.io.charge(bytes);
    }

    /// Counts a request or a control frame: whether no more than `most` have come in this second.
    pub(crate) fn admits(&mut self, most: u32) -> bool {
        let now = self.now();
        self.io.admits(most, now)
    }

    /// Lends received bytes to `f`, once, and counts what it says that it consumed.
    pub(crate) fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        self.io.try_read(f)
    }

    /// As [`HttpConnection::try_read`], for who takes the content.
    pub(crate) fn try_read_content(&mut self, f: &mut dyn ContentFn) -> Result<TryIo<()>, Disconnect> {
        let Self { io, body, .. } = self;
        io.try_read(&mut |bytes: &mut [u8]| f.step(bytes, body).0)
    }

    /// Lends room to `f`, once, and counts what it says that it wrote.
    pub(crate) fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        self.io.try_write(f)
    }

    /// Reads until `f` says that it is done, `false` at the peer's end. `f` consumes something or is done. What it
    /// consumes is no reason to wait past `deadline`.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`] at `deadline`.
    pub(crate) fn read(
        &mut self,
        deadline: Instant,
        f: &mut dyn ContentFn,
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

    /// Writes until `f` says that it is done; before that it fills the room. It may note what it says of the content.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`] where the peer takes nothing for the write timeout.
    pub(crate) fn write(&mut self, f: &mut dyn ContentFn) -> impl Future<Output = Result<(), Disconnect>> {
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

    /// Writes what `render` pours, all of it.
    ///
    /// # Errors
    /// As [`HttpConnection::write`].
    pub(crate) fn send(&mut self, render: &dyn Render) -> impl Future<Output = Result<(), Disconnect>> {
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

    /// Sends `100 Continue` if the client waits for it. Dropped midway it goes on when it is called again.
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

    /// Ends the connection so that the peer gets all that was sent: our end, and then its own, or a while.
    pub(crate) fn finish(&mut self) -> impl Future<Output = ()> {
        async move {
            self.io.socket_mut().close();
            let deadline = self.after(self.config.write_timeout);
            while self.socket().send_queue() > 0 {
                if self.now() >= deadline || self.wait(Interest::FLUSHED, deadline, &mut never).await.is_err() {
                    return self.abort();
                }
            }
            // What the peer still sends is taken: a socket that is dropped with unread bytes resets the connection, and the
            // answer with it.
            let deadline = self.after(self.config.linger_timeout);
            let _ = self.read(deadline, &mut |bytes: &mut [u8], _: &mut RequestContent| (bytes.len(), false)).await;
        }
    }
}
