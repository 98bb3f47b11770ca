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
    pub(super) link: ClientConnection<'e, R>,
    /// Bytes of the request that have left, and whether those are all.
    sent: usize,
    whole: bool,
    /// The answer is read: to the whole request, or to a part of it that was enough for the server.
    asked: bool,
    accumulator: HeadReader,
    interim: u8,
    /// When the exchange is given up: without progress of the request, without the head.
    due: Option<Instant>,
    /// The content that is on its way.
    decoder: Option<BodyDecoder>,
    keeps: bool,
    /// An exchange before this one has ended in order.
    pub(super) reused: bool,
    /// A byte of the answer has come.
    pub(super) heard: bool,
}

/// What went wrong, whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExchangeError {
    Ended(Disconnect),
    Answer(ResponseError),
    Content(RequestError),
}

impl From<Disconnect> for ExchangeError {
    fn from(ended: Disconnect) -> Self {
        Self::Ended(ended)
    }
}

impl<E> From<ExchangeError> for Error<E> {
    fn from(fault: ExchangeError) -> Self {
        match fault {
            ExchangeError::Ended(ended) => Self::Ended(ended),
            ExchangeError::Answer(error) => Self::Answer(error),
            ExchangeError::Content(refusal) => Self::Content(refusal),
        }
    }
}

/// What a look at the content gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponsePart {
    /// Some of it was taken; whether who took it wants no more for now.
    Some(bool),
    /// There is none now.
    NotNow,
    /// It has ended; where only the connection's end can tell, perhaps before its time.
    End,
}

impl<'e, R: ClientRuntime> HttpExchange<'e, R> {
    pub(super) fn new(link: ClientConnection<'e, R>) -> Self {
        Self {
            link,
            sent: 0,
            whole: false,
            asked: false,
            accumulator: HeadReader::new(),
            interim: 0,
            due: None,
            decoder: None,
            keeps: false,
            reused: false,
            heard: false,
        }
    }

    /// Sends the request that `render` pours and reads the head of the final answer into `buffer`: how long it is.
    ///
    /// Called again after it was dropped, with the same request and buffer, it goes on. `patience` is what the server may
    /// wait of itself, beside the time for an answer.
    pub(super) fn answer(
        &mut self,
        render: &dyn Render,
        buffer: &mut [u8],
        patience: core::time::Duration,
    ) -> impl Future<Output = Result<usize, ExchangeError>> {
        async move {
            loop {
                self.link.yield_if_spent().await;
                let config = self.link.config;
                if !self.asked && self.sent > 0 && self.has_come() {
                    // Who is refused already does not say the rest (RFC 9112 §9.5).
                    self.asked = true;
                    self.due = Some(self.link.now() + config.response_timeout);
                }
                if !self.asked {
                    let skip = self.sent;
                    let (mut written, mut whole) = (0, false);
                    let lent = self.link.try_write(&mut |room: &mut [u8]| {
                        let mut sink = ResumableWriter::new(room, skip);
                        render.render(&mut sink);
                        (written, whole) = (sink.written(), sink.is_whole());
                        written
                    })?;
                    if lent == TryIo::Done(()) {
                        self.sent = self.sent.wrapping_add(written);
                        (self.whole, self.asked) = (whole, whole);
                        let wait =
                            if whole { config.response_timeout.saturating_add(patience) } else { config.write_timeout };
                        self.due = Some(self.link.now() + wait);
                        continue;
                    }
                } else {
                    let accumulator = &mut self.accumulator;
                    let mut complete = Ok(None);
                    let lent = self.link.try_read(&mut |bytes: &mut [u8]| match accumulator.take(buffer, bytes) {
                        Ok(taken) => {
                            complete = Ok(taken.complete);
                            taken.consumed
                        }
                        Err(refusal) => {
                            complete = Err(refusal);
                            bytes.len()
                        }
                    })?;
                    let complete = complete.map_err(|refusal| ExchangeError::Answer(refusal.into()))?;
                    self.heard |= lent == TryIo::Done(());
                    match (lent, complete) {
                        (TryIo::Done(()), Some(length)) => {
                            let head = buffer.get(..length).unwrap_or_default();
                            let answer = ResponseHead::parse(head, config.max_fields).map_err(ExchangeError::Answer)?;
                            if answer.status() == 101 && !self.whole {
                                return Err(ExchangeError::Answer(ResponseError::Early));
                            }
                            if !answer.is_interim() {
                                return Ok(length);
                            }
                            self.interim = self.interim.saturating_add(1);
                            if self.interim > MAX_INTERIM {
                                return Err(ExchangeError::Answer(ResponseError::TooLarge));
                            }
                            self.asked = self.whole;
                        }
                        (TryIo::Eof, _) => return Err(ExchangeError::Ended(Disconnect::Broken)),
                        (TryIo::Done(()) | TryIo::WouldBlock, _) => {}
                    }
                    if lent != TryIo::WouldBlock {
                        // What comes byte by byte is no reason to wait for ever.
                        self.in_time()?;
                        continue;
                    }
                }
                let due = self.in_time()?;
                let want = Interest { read: self.sent > 0, writable_bytes: usize::from(!self.asked), flushed: false };
                self.link.wait(want, due, false, &mut never).await?;
            }
        }
    }

    /// Whether bytes, or the end of them, have come that were not looked at.
    fn has_come(&mut self) -> bool {
        !matches!(self.link.try_read(&mut |_: &mut [u8]| 0), Ok(TryIo::WouldBlock))
    }

    /// Whether nothing can be asked on it any more: it was kept, and the server has ended it since, or said what nobody had
    /// asked for, which must not pass for the next answer (RFC 9112 §9.2).
    pub(super) fn is_stale(&mut self) -> bool {
        self.reused && self.sent == 0 && self.has_come()
    }

    /// When the exchange is given up.
    fn in_time(&mut self) -> Result<Instant, ExchangeError> {
        let now = self.link.now();
        let due = *self.due.get_or_insert(now + self.link.config.write_timeout);
        if now >= due { Err(ExchangeError::Ended(Disconnect::TimedOut)) } else { Ok(due) }
    }

    /// The head was taken: content of this length follows, and the connection `keeps` after it or not.
    pub(super) fn begin_content(&mut self, length: BodyLength, keeps: bool, bound: u64) -> Result<(), ExchangeError> {
        self.decoder = Some(BodyDecoder::new(length, bound).map_err(ExchangeError::Content)?);
        self.keeps = keeps && self.whole;
        Ok(())
    }

    /// Lends what there is of the content to `take`, which tells how much it took, and whether it wants no more for now;
    /// only then may it have left some.
    pub(super) fn content(
        &mut self,
        take: &mut dyn FnMut(&mut [u8]) -> (usize, bool),
    ) -> Result<ResponsePart, ExchangeError> {
        let Some(decoder) = &mut self.decoder else { return Ok(ResponsePart::End) };
        if decoder.is_done() {
            return Ok(ResponsePart::End);
        }
        let mut result = Ok(false);
        let lent = self.link.try_read(&mut |bytes: &mut [u8]| {
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
        let stop = result.map_err(ExchangeError::Content)?;
        match lent {
            TryIo::Done(()) => Ok(ResponsePart::Some(stop)),
            TryIo::WouldBlock => Ok(ResponsePart::NotNow),
            TryIo::Eof if decoder.ends_with_connection() => Ok(ResponsePart::End),
            // An incomplete message (RFC 9112 §8).
            TryIo::Eof => Err(ExchangeError::Ended(Disconnect::Broken)),
        }
    }

    /// Waits for more content, until `due`.
    pub(super) async fn rest(&mut self, due: Instant) -> Result<(), ExchangeError> {
        if self.link.now() >= due {
            return Err(ExchangeError::Ended(Disconnect::TimedOut));
        }
        self.link.wait(Interest::READ, due, false, &mut never).await?;
        Ok(())
    }

    /// Makes it ready for the next request, if its content has ended and the server keeps the connection.
    pub(super) fn renew(self) -> Option<Self> {
        let done = self.decoder.as_ref().is_some_and(BodyDecoder::is_done);
        (done && self.keeps).then(|| Self { reused: true, ..Self::new(self.link) })
    }
}
