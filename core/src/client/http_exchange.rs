//! One request and its response, on a connection that may be reused.

use core::future::Future;

use super::{ClientConnection, ClientRuntime, Error};
use crate::http::{BodyDecoder, BodyLength, HeadReader, RequestError, ResponseError, ResponseHead};
use crate::io::{Interest, TryIo, never};
use crate::output::{Render, ResumableWriter};
use crate::time::Instant;
use crate::websocket::{ConnectionIo, Disconnect};

/// Interim responses (RFC 9110 §15.2) before the final one.
const MAX_INTERIM: u8 = 8;

/// A connection and the progress of the exchange on it. A dropped future continues from here.
pub(super) struct HttpExchange<'e, R: ClientRuntime> {
    pub(super) connection: ClientConnection<'e, R>,
    /// Bytes of the request that were written.
    sent: usize,
    request_complete: bool,
    /// The response is read: to the whole request, or to the part that was enough for the server.
    request_done: bool,
    head_reader: HeadReader,
    interim: u8,
    /// The deadline for the request's progress, then for the response's head.
    deadline: Option<Instant>,
    decoder: Option<BodyDecoder>,
    keep_alive: bool,
    /// The connection has completed an exchange before this one.
    pub(super) reused: bool,
    /// A byte of the response has arrived.
    pub(super) response_started: bool,
}

/// An error of the exchange, without that of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExchangeError {
    Disconnected(Disconnect),
    Response(ResponseError),
    Body(RequestError),
}

impl From<Disconnect> for ExchangeError {
    fn from(ended: Disconnect) -> Self {
        Self::Disconnected(ended)
    }
}

impl<E> From<ExchangeError> for Error<E> {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Disconnected(ended) => Self::Disconnected(ended),
            ExchangeError::Response(error) => Self::Response(error),
            ExchangeError::Body(error) => Self::Body(error),
        }
    }
}

/// The result of one attempt to read the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyProgress {
    /// Some of it was taken; whether the reader stopped.
    Data(bool),
    WouldBlock,
    /// The body has ended. Without a length, the end of the connection is its end (RFC 9112 §6.3), complete or not.
    End,
}

impl<'e, R: ClientRuntime> HttpExchange<'e, R> {
    pub(super) fn new(connection: ClientConnection<'e, R>) -> Self {
        Self {
            connection,
            sent: 0,
            request_complete: false,
            request_done: false,
            head_reader: HeadReader::new(),
            interim: 0,
            deadline: None,
            decoder: None,
            keep_alive: false,
            reused: false,
            response_started: false,
        }
    }

    /// Sends the request that `render` writes, reads the head of the final response into `buffer` and returns its
    /// length.
    ///
    /// A dropped future continues when called again with the same request and buffer. `server_wait` is the time that
    /// the request permits the server to wait, beside the time for the response.
    pub(super) fn read_head(
        &mut self,
        render: &dyn Render,
        buffer: &mut [u8],
        server_wait: core::time::Duration,
    ) -> impl Future<Output = Result<usize, ExchangeError>> {
        async move {
            loop {
                self.connection.yield_if_spent().await;
                let config = self.connection.config;
                if !self.request_done && self.sent > 0 && self.has_input() {
                    // RFC 9112 §9.5: stop sending once the server has responded.
                    self.request_done = true;
                    self.deadline = Some(self.connection.now() + config.response_timeout);
                }
                if !self.request_done {
                    let skip = self.sent;
                    let (mut written, mut whole) = (0, false);
                    let attempt = self.connection.try_write(&mut |room: &mut [u8]| {
                        let mut sink = ResumableWriter::new(room, skip);
                        render.render(&mut sink);
                        (written, whole) = (sink.written(), sink.is_whole());
                        written
                    })?;
                    if attempt == TryIo::Done(()) {
                        self.sent = self.sent.wrapping_add(written);
                        (self.request_complete, self.request_done) = (whole, whole);
                        let wait = if whole {
                            config.response_timeout.saturating_add(server_wait)
                        } else {
                            config.write_timeout
                        };
                        self.deadline = Some(self.connection.now() + wait);
                        continue;
                    }
                } else {
                    let head_reader = &mut self.head_reader;
                    let mut complete = Ok(None);
                    let attempt =
                        self.connection.try_read(&mut |bytes: &mut [u8]| match head_reader.take(buffer, bytes) {
                            Ok(taken) => {
                                complete = Ok(taken.complete);
                                taken.consumed
                            }
                            Err(error) => {
                                complete = Err(error);
                                bytes.len()
                            }
                        })?;
                    let complete = complete.map_err(|error| ExchangeError::Response(error.into()))?;
                    self.response_started |= attempt == TryIo::Done(());
                    match (attempt, complete) {
                        (TryIo::Done(()), Some(length)) => {
                            let head = buffer.get(..length).unwrap_or_default();
                            let response =
                                ResponseHead::parse(head, config.max_fields).map_err(ExchangeError::Response)?;
                            if response.status() == 101 && !self.request_complete {
                                return Err(ExchangeError::Response(ResponseError::Early));
                            }
                            if !response.is_interim() {
                                return Ok(length);
                            }
                            self.interim = self.interim.saturating_add(1);
                            if self.interim > MAX_INTERIM {
                                return Err(ExchangeError::Response(ResponseError::TooLarge));
                            }
                            self.request_done = self.request_complete;
                        }
                        (TryIo::Eof, _) => return Err(ExchangeError::Disconnected(Disconnect::Broken)),
                        (TryIo::Done(()) | TryIo::WouldBlock, _) => {}
                    }
                    if attempt != TryIo::WouldBlock {
                        // A head that arrives byte by byte does not extend the deadline.
                        self.check_deadline()?;
                        continue;
                    }
                }
                let deadline = self.check_deadline()?;
                let want =
                    Interest { read: self.sent > 0, writable_bytes: usize::from(!self.request_done), flushed: false };
                self.connection.wait(want, deadline, false, &mut never).await?;
            }
        }
    }

    /// Whether input, or its end, is unread.
    fn has_input(&mut self) -> bool {
        !matches!(self.connection.try_read(&mut |_: &mut [u8]| 0), Ok(TryIo::WouldBlock))
    }

    /// Whether the kept connection is unusable: the server has closed it, or has sent bytes before the next request.
    /// Those must not be read as the next response (RFC 9112 §9.2).
    pub(super) fn is_stale(&mut self) -> bool {
        self.reused && self.sent == 0 && self.has_input()
    }

    fn check_deadline(&mut self) -> Result<Instant, ExchangeError> {
        let now = self.connection.now();
        let deadline = *self.deadline.get_or_insert(now + self.connection.config.write_timeout);
        if now >= deadline { Err(ExchangeError::Disconnected(Disconnect::TimedOut)) } else { Ok(deadline) }
    }

    /// Begins the body; `keep_alive` whether the connection persists after it.
    pub(super) fn begin_body(&mut self, length: BodyLength, keep_alive: bool, bound: u64) -> Result<(), ExchangeError> {
        self.decoder = Some(BodyDecoder::new(length, bound).map_err(ExchangeError::Body)?);
        self.keep_alive = keep_alive && self.request_complete;
        Ok(())
    }

    /// Lends the available part of the body to `take`, which returns the count that it took and whether it stops.
    /// Only if it stops may it have left some.
    pub(super) fn read_body(
        &mut self,
        take: &mut dyn FnMut(&mut [u8]) -> (usize, bool),
    ) -> Result<BodyProgress, ExchangeError> {
        let Some(decoder) = &mut self.decoder else { return Ok(BodyProgress::End) };
        if decoder.is_done() {
            return Ok(BodyProgress::End);
        }
        let mut result = Ok(false);
        let attempt = self.connection.try_read(&mut |bytes: &mut [u8]| {
            let before = decoder.clone();
            let decoded = match decoder.decode(bytes) {
                Ok(decoded) => decoded,
                Err(error) => {
                    result = Err(error);
                    return bytes.len();
                }
            };
            let (start, end) = (decoded.data.start, decoded.data.end);
            let Some(data) = bytes.get_mut(start..end).filter(|data| !data.is_empty()) else {
                return decoded.consumed;
            };
            let (length, (taken, stop)) = (data.len(), take(data));
            result = Ok(stop);
            if taken >= length {
                return decoded.consumed;
            }
            // Decode again, only as far as `take` went.
            let taken = start.wrapping_add(taken);
            *decoder = before;
            let consumed = decoder.decode(bytes.get(..taken).unwrap_or_default()).map(|decoded| decoded.consumed);
            consumed.unwrap_or(taken)
        })?;
        let stop = result.map_err(ExchangeError::Body)?;
        match attempt {
            TryIo::Done(()) => Ok(BodyProgress::Data(stop)),
            TryIo::WouldBlock => Ok(BodyProgress::WouldBlock),
            TryIo::Eof if decoder.ends_with_connection() => Ok(BodyProgress::End),
            // RFC 9112 §8: an incomplete message.
            TryIo::Eof => Err(ExchangeError::Disconnected(Disconnect::Broken)),
        }
    }

    /// Waits for more of the body, until `deadline`.
    pub(super) async fn wait_body(&mut self, deadline: Instant) -> Result<(), ExchangeError> {
        if self.connection.now() >= deadline {
            return Err(ExchangeError::Disconnected(Disconnect::TimedOut));
        }
        self.connection.wait(Interest::READ, deadline, false, &mut never).await?;
        Ok(())
    }

    /// Prepares the next request, if the body has ended and the connection persists.
    pub(super) fn into_next(self) -> Option<Self> {
        let done = self.decoder.as_ref().is_some_and(BodyDecoder::is_done);
        (done && self.keep_alive).then(|| Self { reused: true, ..Self::new(self.connection) })
    }
}
