//! When a client comes back, and with which last event ID (WHATWG HTML §9.2.2, §9.2.3), as data.
//!
//! There is no clock and no randomness here: the caller tells what became of an attempt, passes random bits, and is told
//! how long to wait.
//!
//! ```
//! use core::time::Duration;
//! use goldcrest_core::sse::reconnect::{ReconnectDecision, ReconnectPolicy, Reconnect, ReconnectError};
//!
//! let mut reconnect = Reconnect::<32>::new(ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT });
//! reconnect.on_response(200, Some(b"text/event-stream"))?;
//! reconnect.on_retry_field(Duration::from_millis(1_500));
//! reconnect.last_event_id.set("7f-3").unwrap();
//! reconnect.on_end();
//! assert_eq!(reconnect.next_delay(0), ReconnectDecision::After(Duration::from_millis(1_500)));
//! // The next attempt sends `Last-Event-ID: 7f-3`; nobody answers it, nor the one after it.
//! reconnect.on_network_error();
//! reconnect.on_network_error();
//! assert_eq!(reconnect.next_delay(0), ReconnectDecision::After(Duration::from_millis(3_000)));
//! // Then there is nothing to be had any more.
//! assert_eq!(reconnect.on_response(204, None), Err(ReconnectError::NoContent));
//! assert_eq!(reconnect.next_delay(0), ReconnectDecision::Stop);
//! # Ok::<(), ReconnectError>(())
//! ```

use core::fmt;
use core::time::Duration;

use heapless::String;

use super::field::{FieldError, IdField};
use super::media_type::is_event_stream;
use crate::time::millis;

#[cfg(test)]
mod tests;

/// The bounds of a client's patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReconnectPolicy {
    /// The reconnection time until a `retry` field sets another.
    pub reconnection_time: Duration,
    /// Delays are never shorter, whatever the server says.
    pub shortest: Duration,
    /// Delays are never longer, but for jitter, whatever the server says (`retry`, `Retry-After`) and however often it
    /// failed.
    pub longest: Duration,
    /// Up to so many hundredths of a delay are added to it at random, so that the clients of a server that restarts come
    /// back spread. Nothing is taken away: the server's word is a minimum.
    pub jitter_percent: u8,
    /// After so many failed attempts in a row the client gives up; `None`: never.
    pub attempts: Option<u32>,
}

impl ReconnectPolicy {
    /// 3 s at first, 500 ms to 60 s, up to half as much again at random, no end.
    pub const DEFAULT: Self = Self {
        reconnection_time: Duration::from_secs(3),
        shortest: Duration::from_millis(500),
        longest: Duration::from_secs(60),
        jitter_percent: 50,
        attempts: None,
    };
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whether to try again.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReconnectDecision {
    /// Connect when this long has passed, with the last event ID.
    After(Duration),
    /// Never again: the server said so, or the attempts are used up.
    Stop,
}

/// Why a response opens no stream. Each is final: an `EventSource` fails the connection (WHATWG HTML §9.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReconnectError {
    /// 204: the server asks the client to stop.
    NoContent,
    /// A status other than 200. Redirects are to be followed before.
    Status(u16),
    /// A 200 that is no `text/event-stream`.
    ContentType,
}

impl fmt::Display for ReconnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContent => f.write_str("the server asked to stop (204)"),
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::ContentType => f.write_str("the response is no event stream"),
        }
    }
}

impl core::error::Error for ReconnectError {}

/// The reconnection state of one source, over all its connections; a last event ID has at most `N` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect<const N: usize> {
    /// What the next attempt sends as `Last-Event-ID`, unless it is empty.
    pub last_event_id: LastEventId<N>,
    policy: ReconnectPolicy,
    reconnection_time: Duration,
    failures: u32,
    stopped: bool,
}

impl<const N: usize> Reconnect<N> {
    /// A source that was never connected: its first attempt need not wait.
    pub const fn new(policy: ReconnectPolicy) -> Self {
        let reconnection_time = policy.reconnection_time;
        Self { last_event_id: LastEventId::new(), policy, reconnection_time, failures: 0, stopped: false }
    }

    /// A response has come. Where it opens a stream the failures before it are forgotten.
    ///
    /// # Errors
    /// [`ReconnectError`]; from then on the decision is [`ReconnectDecision::Stop`].
    pub fn on_response(&mut self, status: u16, content_type: Option<&[u8]>) -> Result<(), ReconnectError> {
        let judged = match status {
            204 => Err(ReconnectError::NoContent),
            200 if content_type.is_some_and(is_event_stream) => Ok(()),
            200 => Err(ReconnectError::ContentType),
            _ => Err(ReconnectError::Status(status)),
        };
        match judged {
            Ok(()) => self.on_open(),
            Err(_) => self.stopped = true,
        }
        judged
    }

    /// A stream is open, judged by whoever read the response: the failures before it are forgotten.
    pub fn on_open(&mut self) {
        self.failures = 0;
    }

    /// A `retry` field has come, or a parser's [`reconnection_time`](super::parse::Parser::reconnection_time) was seen.
    pub fn on_retry_field(&mut self, time: Duration) {
        self.reconnection_time = time;
    }

    /// An open stream has ended, by its end or by an error: no failure, the reconnection time is waited for.
    pub fn on_end(&mut self) {
        self.failures = 0;
    }

    /// An attempt has failed before a response came: each in a row doubles the delay.
    pub fn on_network_error(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.policy.attempts.is_some_and(|attempts| self.failures >= attempts) {
            self.stopped = true;
        }
    }

    /// The user has had enough: from now on the decision is [`ReconnectDecision::Stop`].
    pub fn close(&mut self) {
        self.stopped = true;
    }

    /// Whether and when to connect again. `random` should be uniform over its range; asking changes nothing.
    ///
    /// The delay is the reconnection time, doubled for every failure in a row after the first, clamped to the policy's
    /// bounds, plus jitter.
    pub fn next_delay(&self, random: u32) -> ReconnectDecision {
        self.next_delay_after(random, None)
    }

    /// As [`next_delay`](Self::next_delay), after an answer whose `Retry-After` named so many seconds (RFC 9110 §10.2.3):
    /// it is a minimum too, within the same bounds.
    pub fn next_delay_after(&self, random: u32, retry_after: Option<u32>) -> ReconnectDecision {
        if self.stopped {
            return ReconnectDecision::Stop;
        }
        let doublings = self.failures.saturating_sub(1);
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let asked = Duration::from_secs(retry_after.unwrap_or(0).into()).max(self.policy.shortest);
        // Not `clamp`, which panics where a policy's bounds are crossed: then the shorter one rules.
        let delay = self.reconnection_time.saturating_mul(factor).max(asked).min(self.policy.longest);
        let most = millis(delay).saturating_mul(u64::from(self.policy.jitter_percent)) / 100;
        // The high half of a product: as uniform as `random` is, without a division. Past 49 days of it there is no more.
        let most = u64::from(u32::try_from(most).unwrap_or(u32::MAX));
        let jitter = most.saturating_add(1).saturating_mul(u64::from(random)) >> 32;
        ReconnectDecision::After(delay.saturating_add(Duration::from_millis(jitter)))
    }

    /// The reconnection time, as the server set it or as the policy has it.
    pub fn reconnection_time(&self) -> Duration {
        self.reconnection_time
    }
}

/// The last event ID, at most `N` bytes, held in place. It is fit to be the value of a header field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastEventId<const N: usize>(String<N>);

/// Why a last event ID was not taken. What was there before remains: resuming from it repeats events and loses none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LastEventIdError {
    /// It has more bytes than there is room for.
    TooLong,
    /// It could not have come in an `id` field, and would inject into a request.
    Field(FieldError),
}

impl fmt::Display for LastEventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the last event ID is too long"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for LastEventIdError {}

impl<const N: usize> LastEventId<N> {
    /// None yet.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Takes the last event ID of an event; the empty one is none.
    ///
    /// # Errors
    /// [`LastEventIdError`]; then it stays what it was.
    pub fn set(&mut self, id: &str) -> Result<(), LastEventIdError> {
        IdField::new(id.as_bytes()).map_err(LastEventIdError::Field)?;
        self.0 = String::try_from(id).map_err(|_| LastEventIdError::TooLong)?;
        Ok(())
    }

    /// The ID, empty where there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a request's `Last-Event-ID` says: `None` where the field is not sent.
    pub fn header_value(&self) -> Option<&[u8]> {
        (!self.0.is_empty()).then(|| self.0.as_bytes())
    }
}
