//! A connection as the rooms above see it: wait, then act.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::{Config, Ended, Runtime};
use crate::edge::{Clock, Interest, Lent, Socket, Timer};
use crate::http::BodyDecoder;
use crate::sink::{Pour, Sink};
use crate::time::Instant;

type TimerOf<R> = <<R as Runtime>::Clock as Clock>::Timer;

/// A connection: its socket, its alarm, and what is left of the request's content.
pub(super) struct Line<'a, R: Runtime> {
    pub(super) socket: &'a mut R::Socket,
    pub(super) runtime: &'a R,
    pub(super) config: &'a Config<'a>,
    timer: TimerOf<R>,
    /// Bytes moved in this turn.
    spent: usize,
    /// Bytes received and sent since the connection began.
    pub(super) received: u64,
    pub(super) sent: u64,
    /// The content of the request that is being answered.
    pub(super) body: Content,
    /// An answer has begun, and its end has not left: the connection is not to end as if it had.
    pub(super) answering: bool,
}

/// What has to come yet of a request's content.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) decoder: Option<BodyDecoder>,
    /// The client waits for `100 Continue`, and so many bytes of that have left.
    pub(super) continue_at: Option<usize>,
    /// When more of it is due, while it is waited for.
    pub(super) due: Option<Instant>,
}

/// What tells a client that waits to send its content (RFC 9110 §15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Waits for nothing else.
pub(super) fn never(_: &mut Context<'_>) -> Poll<()> {
    Poll::Pending
}

impl<'a, R: Runtime> Line<'a, R> {
    pub(super) fn new(socket: &'a mut R::Socket, runtime: &'a R, config: &'a Config<'a>) -> Self {
        let timer = runtime.clock().timer();
        let body = Content { decoder: None, continue_at: None, due: None };
        Self { socket, runtime, config, timer, spent: 0, received: 0, sent: 0, body, answering: false }
    }

    pub(super) fn now(&self) -> Instant {
        self.runtime.clock().now()
    }

    /// The moment `duration` from now.
    pub(super) fn after(&self, duration: Duration) -> Instant {
        self.now() + duration
    }

    /// Waits until a wanted direction can be attempted, `deadline` has come or `also` is ready. May return early.
    pub(super) fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        mut also: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> impl Future<Output = Result<(), Ended>> {
        async move {
            // A wait that is over at once gives nobody else a turn.
            self.breathe().await;
            let Self { socket, timer, spent, .. } = self;
            let mut ready = pin!(socket.wait(want));
            poll_fn(|cx| {
                if also(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if let Poll::Ready(ready) = ready.as_mut().poll(cx) {
                    return Poll::Ready(ready.map_err(|_| Ended::Broken));
                }
                let poll = timer.poll_until(cx, deadline).map(Ok);
                if poll.is_pending() {
                    *spent = 0;
                }
                poll
            })
            .await
        }
    }

    /// Lets the other connections have their turn once this one has had its share.
    pub(super) async fn breathe(&mut self) {
        if self.spent < self.config.turn {
            return;
        }
        self.spent = 0;
        let mut yielded = false;
        poll_fn(|cx| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Lends received bytes and counts what was consumed.
    pub(super) fn try_read<T>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, T)) -> Result<Lent<T>, Ended> {
        let mut count = 0;
        let lent = self.socket.try_read_with(|bytes| {
            let (consumed, result) = f(bytes);
            count = consumed;
            (consumed, result)
        });
        self.received = self.received.saturating_add(count as u64);
        self.spent = self.spent.saturating_add(count);
        lent.map_err(|_| Ended::Broken)
    }

    /// Lends room and counts what was written.
    pub(super) fn try_write<T>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, T)) -> Result<Lent<T>, Ended> {
        let mut count = 0;
        let lent = self.socket.try_write_with(|room| {
            let (written, result) = f(room);
            count = written;
            (written, result)
        });
        self.sent = self.sent.saturating_add(count as u64);
        self.spent = self.spent.saturating_add(count);
        match lent {
            Ok(Lent::Eof) | Err(_) => Err(Ended::Broken),
            Ok(lent) => Ok(lent),
        }
    }

    /// Reads until `f` has a result, `None` at the peer's end. `f` consumes something or has a result. What it consumes is
    /// no reason to wait past `deadline`.
    ///
    /// # Errors
    /// [`Ended::TimedOut`] at `deadline`.
    pub(super) fn read<T>(
        &mut self,
        deadline: Instant,
        mut f: impl FnMut(&mut [u8]) -> (usize, Option<T>),
    ) -> impl Future<Output = Result<Option<T>, Ended>> {
        async move {
            loop {
                match self.try_read(&mut f)? {
                    Lent::Got(Some(result)) => return Ok(Some(result)),
                    Lent::Got(None) if self.now() < deadline => self.breathe().await,
                    Lent::NotNow if self.now() < deadline => self.wait(Interest::READ, deadline, never).await?,
                    Lent::Got(None) | Lent::NotNow => return Err(Ended::TimedOut),
                    Lent::Eof => return Ok(None),
                }
            }
        }
    }

    /// Writes until `f` has a result; while it has none it fills the room.
    ///
    /// # Errors
    /// [`Ended::TimedOut`] where the peer takes nothing for the write timeout.
    pub(super) fn write<T>(
        &mut self,
        mut f: impl FnMut(&mut [u8]) -> (usize, Option<T>),
    ) -> impl Future<Output = Result<T, Ended>> {
        async move {
            let mut deadline = self.after(self.config.write_timeout);
            loop {
                match self.try_write(&mut f)? {
                    Lent::Got(Some(result)) => return Ok(result),
                    Lent::Got(None) => {
                        deadline = self.after(self.config.write_timeout);
                        self.breathe().await;
                    }
                    Lent::NotNow | Lent::Eof => {
                        if self.now() >= deadline {
                            return Err(Ended::TimedOut);
                        }
                        self.wait(Interest::WRITE, deadline, never).await?;
                    }
                }
            }
        }
    }

    /// Writes what `render` pours, all of it.
    ///
    /// # Errors
    /// As [`Line::write`].
    pub(super) fn send(&mut self, render: impl Fn(&mut Sink<'_>)) -> impl Future<Output = Result<(), Ended>> {
        async move {
            if self.body.continue_at.is_some_and(|sent| sent > 0) {
                self.say_continue().await?;
            }
            let mut skip = 0usize;
            self.write(|room| {
                let mut sink = Sink::new(room, skip);
                render(&mut sink);
                skip = skip.saturating_add(sink.written());
                (sink.written(), sink.is_whole().then_some(()))
            })
            .await
        }
    }

    /// Sends `100 Continue` if the client waits for it. Dropped midway it goes on when it is called again.
    pub(super) async fn say_continue(&mut self) -> Result<(), Ended> {
        let mut deadline = self.after(self.config.write_timeout);
        while let Some(sent) = self.body.continue_at {
            let lent = self.try_write(|room| {
                let mut sink = Sink::new(room, sent);
                sink.pour(CONTINUE);
                (sink.written(), (sent.saturating_add(sink.written()), sink.is_whole()))
            })?;
            match lent {
                Lent::Got((sent, whole)) => {
                    self.body.continue_at = (!whole).then_some(sent);
                    deadline = self.after(self.config.write_timeout);
                }
                Lent::NotNow | Lent::Eof if self.now() < deadline => {
                    self.wait(Interest::WRITE, deadline, never).await?;
                }
                Lent::NotNow | Lent::Eof => return Err(Ended::TimedOut),
            }
        }
        Ok(())
    }

    /// Ends the connection so that the peer gets all that was sent: our end, and then its own, or a while.
    pub(super) fn finish(&mut self) -> impl Future<Output = ()> {
        async move {
            self.socket.close();
            let deadline = self.after(self.config.write_timeout);
            while self.socket.unsent() > 0 {
                if self.now() >= deadline || self.wait(Interest::DRAINED, deadline, never).await.is_err() {
                    return self.socket.abort();
                }
            }
            // What the peer still sends is taken: a socket that is dropped with unread bytes resets the connection, and the
            // answer with it.
            let deadline = self.after(self.config.linger_timeout);
            let _ = self.read(deadline, |bytes| (bytes.len(), None::<()>)).await;
        }
    }
}
