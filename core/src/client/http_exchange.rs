//! One request and its answer, on a connection that may carry more of them.

use core::future::Future;

use super::{ClientLink, Error, Runtime};
use crate::http::{Accumulator, Answer, BadAnswer, BodyDecoder, BodyLength, Refusal};
use crate::io::{Interest, Lent, never};
use crate::output::{Render, Sink};
use crate::time::Instant;
use crate::websocket::{Ended, Link};

/// Interim answers that are passed over before the final one.
const MAX_INTERIM: u8 = 8;

/// A connection and how far the exchange on it has come. What a dropped future leaves here is gone on with.
pub(super) struct Call<'e, R: Runtime> {
    pub(super) link: ClientLink<'e, R>,
    /// Bytes of the request that have left, and whether those are all.
    sent: usize,
    whole: bool,
    /// The answer is read: to the whole request, or to a part of it that was enough for the server.
    asked: bool,
    accumulator: Accumulator,
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
pub(super) enum Fault {
    Ended(Ended),
    Answer(BadAnswer),
    Content(Refusal),
}

impl From<Ended> for Fault {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl<E> From<Fault> for Error<E> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ended(ended) => Self::Ended(ended),
            Fault::Answer(error) => Self::Answer(error),
            Fault::Content(refusal) => Self::Content(refusal),
        }
    }
}

/// What a look at the content gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Some of it was taken; whether who took it wants no more for now.
    Some(bool),
    /// There is none now.
    NotNow,
    /// It has ended; where only the connection's end can tell, perhaps before its time.
    End,
}

impl<'e, R: Runtime> Call<'e, R> {
    pub(super) fn new(link: ClientLink<'e, R>) -> Self {
        Self {
            link,
            sent: 0,
            whole: false,
            asked: false,
            accumulator: Accumulator::new(),
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
    ) -> impl Future<Output = Result<usize, Fault>> {
        async move {
            loop {
                self.link.breathe().await;
                let config = self.link.config;
                if !self.asked && self.sent > 0 && self.has_come() {
                    // Who is refused already does not say the rest (RFC 9112 §9.5).
                    self.asked = true;
                    self.due = Some(self.link.now() + config.answer_timeout);
                }
                if !self.asked {
                    let skip = self.sent;
                    let (mut written, mut whole) = (0, false);
                    let lent = self.link.try_write(&mut |room: &mut [u8]| {
                        let mut sink = Sink::new(room, skip);
                        render.render(&mut sink);
                        (written, whole) = (sink.written(), sink.is_whole());
                        written
                    })?;
                    if lent == Lent::Got(()) {
                        self.sent = self.sent.wrapping_add(written);
                        (self.whole, self.asked) = (whole, whole);
                        let wait =
                            if whole { config.answer_timeout.saturating_add(patience) } else { config.write_timeout };
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
                    let complete = complete.map_err(|refusal| Fault::Answer(refusal.into()))?;
                    self.heard |= lent == Lent::Got(());
                    match (lent, complete) {
                        (Lent::Got(()), Some(length)) => {
                            let head = buffer.get(..length).unwrap_or_default();
                            let answer = Answer::parse(head, config.max_fields).map_err(Fault::Answer)?;
                            if answer.status() == 101 && !self.whole {
                                return Err(Fault::Answer(BadAnswer::Early));
                            }
                            if !answer.is_interim() {
                                return Ok(length);
                            }
                            self.interim = self.interim.saturating_add(1);
                            if self.interim > MAX_INTERIM {
                                return Err(Fault::Answer(BadAnswer::TooLarge));
                            }
                            self.asked = self.whole;
                        }
                        (Lent::Eof, _) => return Err(Fault::Ended(Ended::Broken)),
                        (Lent::Got(()) | Lent::NotNow, _) => {}
                    }
                    if lent != Lent::NotNow {
                        // What comes byte by byte is no reason to wait for ever.
                        self.in_time()?;
                        continue;
                    }
                }
                let due = self.in_time()?;
                let want = Interest { read: self.sent > 0, room: usize::from(!self.asked), drained: false };
                self.link.wait(want, due, false, &mut never).await?;
            }
        }
    }

    /// Whether bytes, or the end of them, have come that were not looked at.
    fn has_come(&mut self) -> bool {
        !matches!(self.link.try_read(&mut |_: &mut [u8]| 0), Ok(Lent::NotNow))
    }

    /// Whether nothing can be asked on it any more: it was kept, and the server has ended it since, or said what nobody had
    /// asked for, which must not pass for the next answer (RFC 9112 §9.2).
    pub(super) fn is_stale(&mut self) -> bool {
        self.reused && self.sent == 0 && self.has_come()
    }

    /// When the exchange is given up.
    fn in_time(&mut self) -> Result<Instant, Fault> {
        let now = self.link.now();
        let due = *self.due.get_or_insert(now + self.link.config.write_timeout);
        if now >= due { Err(Fault::Ended(Ended::TimedOut)) } else { Ok(due) }
    }

    /// The head was taken: content of this length follows, and the connection `keeps` after it or not.
    pub(super) fn begin_content(&mut self, length: BodyLength, keeps: bool, bound: u64) -> Result<(), Fault> {
        self.decoder = Some(BodyDecoder::new(length, bound).map_err(Fault::Content)?);
        self.keeps = keeps && self.whole;
        Ok(())
    }

    /// Lends what there is of the content to `take`, which tells how much it took, and whether it wants no more for now;
    /// only then may it have left some.
    pub(super) fn content(&mut self, take: &mut dyn FnMut(&mut [u8]) -> (usize, bool)) -> Result<Came, Fault> {
        let Some(decoder) = &mut self.decoder else { return Ok(Came::End) };
        if decoder.is_done() {
            return Ok(Came::End);
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
        let stop = result.map_err(Fault::Content)?;
        match lent {
            Lent::Got(()) => Ok(Came::Some(stop)),
            Lent::NotNow => Ok(Came::NotNow),
            Lent::Eof if decoder.ends_with_connection() => Ok(Came::End),
            // An incomplete message (RFC 9112 §8).
            Lent::Eof => Err(Fault::Ended(Ended::Broken)),
        }
    }

    /// Waits for more content, until `due`.
    pub(super) async fn rest(&mut self, due: Instant) -> Result<(), Fault> {
        if self.link.now() >= due {
            return Err(Fault::Ended(Ended::TimedOut));
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
