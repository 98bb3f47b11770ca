//! One request and its answer, on a connection that may carry more of them.

use core::future::Future;

use super::{ClientConnection, ClientRuntime, Error};
use crate::http::{BodyDecoder, BodyLength, HeadReader, RequestError, ResponseError, ResponseHead};
use crate::io::{Interest, TryIo, never};
use crate::output::{Render, ResumableWriter};
use crate::time::Instant;
use crate::websocket::{ConnectionIo, Disconnect};

/// Interim answers that are passed over before the final one.
const MAX_INTERIM: u8 = 8;

/// A connection and how far the exchange on it has come. What a dropped future leaves here is gone on with.
pub(super) struct HttpExchange<'e, R: ClientRuntime> {
    pub(super) connection: ClientConnection<'e, R>,
    /// Bytes of the request that have left, and whether those are all.
    sent: usize,
    request_complete: bool,
    /// The answer is read: to the whole request, or to a part of it that was enough for the server.
    request_done: bool,
    head_reader: HeadReader,
    interim: u8,
    /// When the exchange is given up: without progress of the request, without the head.
    deadline: Option<Instant>,
    /// The content that is on its way.
    decoder: Option<BodyDecoder>,
    keep_alive: bool,
    /// An exchange before this one has ended in order.
    pub(super) reused: bool,
    /// A byte of the answer has come.
    pub(super) response_started: bool,
}

/// What went wrong, whoever connects.
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
    fn from(fault: ExchangeError) -> Self {
        match fault {
            ExchangeError::Disconnected(ended) => Self::Disconnected(ended),
            ExchangeError::Response(error) => Self::Response(error),
            ExchangeError::Body(refusal) => Self::Body(refusal),
        }
    }
}

/// What a look at the content gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyProgress {
    /// Some of it was taken; whether who took it wants no more for now.
    Data(bool),
    /// There is none now.
    WouldBlock,
    /// It has ended; where only the connection's end can tell, perhaps before its time.
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

    /// Sends the request that `render` pours and reads the head of the final answer into `buffer`: how long it is.
    ///
    /// Called again after it was dropped, with the same request and buffer, it goes on. `patience` is what the server may
    /// wait of itself, beside the time for an answer.
    pub(super) fn read_head(
        &mut self,
        render: &dyn Render,
        buffer: &mut [u8],
        patience: core::time::Duration,
    ) -> impl Future<Output = Result<usize, ExchangeError>> {
        async move {
            loop {
                self.connection.yield_if_spent().await;
                let config = self.connection.config;
                if !self.request_done && self.sent > 0 && self.has_input() {
                    // Who is refused already does not say the rest (RFC 9112 §9.5).
                    self.request_done = true;
                    self.deadline = Some(self.connection.now() + config.response_timeout);
                }
                if !self.request_done {
                    let skip = self.sent;
                    let (mut written, mut whole) = (0, false);
                    let lent = self.connection.try_write(&mut |room: &mut [u8]| {
                        let mut sink = ResumableWriter::new(room, skip);
                        render.render(&mut sink);
                        (written, whole) = (sink.written(), sink.is_whole());
                        written
                    })?;
                    if lent == TryIo::Done(()) {
                        self.sent = self.sent.wrapping_add(written);
                        (self.request_complete, self.request_done) = (whole, whole);
                        let wait =
                            if whole { config.response_timeout.saturating_add(patience) } else { config.write_timeout };
                        self.deadline = Some(self.connection.now() + wait);
                        continue;
                    }
                } else {
                    let accumulator = &mut self.head_reader;
                    let mut complete = Ok(None);
                    let lent =
                        self.connection.try_read(&mut |bytes: &mut [u8]| match accumulator.take(buffer, bytes) {
                            Ok(taken) => {
                                complete = Ok(taken.complete);
                                taken.consumed
                            }
                            Err(refusal) => {
                                complete = Err(refusal);
                                bytes.len()
                            }
                        })?;
                    let complete = complete.map_err(|refusal| ExchangeError::Response(refusal.into()))?;
                    self.response_started |= lent == TryIo::Done(());
                    match (lent, complete) {
                        (TryIo::Done(()), Some(length)) => {
                            let head = buffer.get(..length).unwrap_or_default();
                            let answer =
                                ResponseHead::parse(head, config.max_fields).map_err(ExchangeError::Response)?;
                            if answer.status() == 101 && !self.request_complete {
                                return Err(ExchangeError::Response(ResponseError::Early));
                            }
                            if !answer.is_interim() {
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
                    if lent != TryIo::WouldBlock {
                        // What comes byte by byte is no reason to wait for ever.
                        self.check_deadline()?;
                        continue;
                    }
                }
                let due = self.check_deadline()?;
                let want =
                    Interest { read: self.sent > 0, writable_bytes: usize::from(!self.request_done), flushed: false };
                self.connection.wait(want, due, false, &mut never).await?;
            }
        }
    }

    /// Whether bytes, or the end of them, have come that were not looked at.
    fn has_input(&mut self) -> bool {
        !matches!(self.connection.try_read(&mut |_: &mut [u8]| 0), Ok(TryIo::WouldBlock))
    }

    /// Whether nothing can be asked on it any more: it was kept, and the server has ended it since, or said what nobody had
    /// asked for, which must not pass for the next answer (RFC 9112 §9.2).
    pub(super) fn is_stale(&mut self) -> bool {
        self.reused && self.sent == 0 && self.has_input()
    }

    /// When the exchange is given up.
    fn check_deadline(&mut self) -> Result<Instant, ExchangeError> {
        let now = self.connection.now();
        let due = *self.deadline.get_or_insert(now + self.connection.config.write_timeout);
        if now >= due { Err(ExchangeError::Disconnected(Disconnect::TimedOut)) } else { Ok(due) }
    }

    /// The head was taken: content of this length follows, and the connection `keeps` after it or not.
    pub(super) fn begin_body(&mut self, length: BodyLength, keeps: bool, bound: u64) -> Result<(), ExchangeError> {
        self.decoder = Some(BodyDecoder::new(length, bound).map_err(ExchangeError::Body)?);
        self.keep_alive = keeps && self.request_complete;
        Ok(())
    }

    /// Lends what there is of the content to `take`, which tells how much it took, and whether it wants no more for now;
    /// only then may it have left some.
    pub(super) fn read_body(
        &mut self,
        take: &mut dyn FnMut(&mut [u8]) -> (usize, bool),
    ) -> Result<BodyProgress, ExchangeError> {
        let Some(decoder) = &mut self.decoder else { return Ok(BodyProgress::End) };
        if decoder.is_done() {
            return Ok(BodyProgress::End);
        }
        let mut result = Ok(false);
        let lent = self.connection.try_read(&mut |bytes: &mut [u8]| {
            let before = decoder.clone();
            let decoded = match decoder.decode(bytes) {
                Ok(decoded) => decoded,
                Err(refusal) => {
                    result = Err(refusal);
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
            // The decoder goes as far as was taken: what it had not seen yet it will see again.
            let taken = start.wrapping_add(taken);
            *decoder = before;
            let consumed = decoder.decode(bytes.get(..taken).unwrap_or_default()).map(|decoded| decoded.consumed);
            consumed.unwrap_or(taken)
        })?;
        let stop = result.map_err(ExchangeError::Body)?;
        match lent {
            TryIo::Done(()) => Ok(BodyProgress::Data(stop)),
            TryIo::WouldBlock => Ok(BodyProgress::WouldBlock),
            TryIo::Eof if decoder.ends_with_connection() => Ok(BodyProgress::End),
            // An incomplete message (RFC 9112 §8).
            TryIo::Eof => Err(ExchangeError::Disconnected(Disconnect::Broken)),
        }
    }

    /// Waits for more content, until `due`.
    pub(super) async fn wait_body(&mut self, due: Instant) -> Result<(), ExchangeError> {
        if self.connection.now() >= due {
            return Err(ExchangeError::Disconnected(Disconnect::TimedOut));
        }
        self.connection.wait(Interest::READ, due, false, &mut never).await?;
        Ok(())
    }

    /// Makes it ready for the next request, if its content has ended and the server keeps the connection.
    pub(super) fn into_next(self) -> Option<Self> {
        let done = self.decoder.as_ref().is_some_and(BodyDecoder::is_done);
        (done && self.keep_alive).then(|| Self { reused: true, ..Self::new(self.connection) })
    }
}
