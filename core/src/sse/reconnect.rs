//! Reconnection of an SSE client and its last event ID (WHATWG HTML §9.2.2, §9.2.3), without I/O.
//!
//! The module has no clock and no source of randomness. The caller reports the result of each attempt and passes random
//! bits. The module returns the delay.
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
//! // The next attempt sends `Last-Event-ID: 7f-3`. It and the one after it get no response.
//! reconnect.on_network_error();
//! reconnect.on_network_error();
//! assert_eq!(reconnect.next_delay(0), ReconnectDecision::After(Duration::from_millis(3_000)));
//! // The server ends the reconnection with 204.
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

/// The bounds on the delays and the attempts of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReconnectPolicy {
    /// The reconnection time before the first `retry` field.
    pub reconnection_time: Duration,
    /// The shortest delay, for every value from the server.
    pub shortest: Duration,
    /// The longest delay before jitter, for every value of `retry` and `Retry-After` and any number of failures.
    pub longest: Duration,
    /// The largest random addition to a delay, in percent of it. It spreads the reconnections after a restart of the
    /// server. Jitter never shortens a delay, because the server's value is a minimum.
    pub jitter_percent: u8,
    /// The number of consecutive failures after which the client stops. `None`: no limit.
    pub attempts: Option<u32>,
}

impl ReconnectPolicy {
    /// 3 s at first, 500 ms to 60 s, up to 50 % jitter, no limit of attempts.
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

/// The decision after the end of an attempt or a stream.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReconnectDecision {
    /// Connect after this delay, with the last event ID.
    After(Duration),
    /// Do not connect again: the server ended the reconnection, or the limit of attempts is reached.
    Stop,
}

/// The reason that a response opens no stream. All are final: an `EventSource` fails the connection (WHATWG HTML §9.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReconnectError {
    /// 204: the server asks the client to stop.
    NoContent,
    /// A status other than 200. The caller follows redirects first.
    Status(u16),
    /// A 200 with another media type than `text/event-stream`.
    ContentType,
}

impl fmt::Display for ReconnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContent => f.write_str("the server ended the reconnection (204)"),
            Self::Status(status) => write!(f, "the status of the response is {status}, not 200"),
            Self::ContentType => f.write_str("the media type of the response is not text/event-stream"),
        }
    }
}

impl core::error::Error for ReconnectError {}

/// The reconnection state of one source, over all its connections. A last event ID has at most `N` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect<const N: usize> {
    /// The value of `Last-Event-ID` in the next attempt. The field is omitted if it is empty.
    pub last_event_id: LastEventId<N>,
    policy: ReconnectPolicy,
    reconnection_time: Duration,
    failures: u32,
    stopped: bool,
}

impl<const N: usize> Reconnect<N> {
    /// A source before its first connection. The first attempt needs no delay.
    pub const fn new(policy: ReconnectPolicy) -> Self {
        let reconnection_time = policy.reconnection_time;
        Self { last_event_id: LastEventId::new(), policy, reconnection_time, failures: 0, stopped: false }
    }

    /// Reports a response. If it opens a stream, the count of failures is reset.
    ///
    /// # Errors
    /// [`ReconnectError`]. The decision is then always [`ReconnectDecision::Stop`].
    pub fn on_response(&mut self, status: u16, content_type: Option<&[u8]>) -> Result<(), ReconnectError> {
        let result = match status {
            204 => Err(ReconnectError::NoContent),
            200 if content_type.is_some_and(is_event_stream) => Ok(()),
            200 => Err(ReconnectError::ContentType),
            _ => Err(ReconnectError::Status(status)),
        };
        match result {
            Ok(()) => self.on_open(),
            Err(_) => self.stopped = true,
        }
        result
    }

    /// Reports an open stream, after the caller has validated the response. Resets the count of failures.
    pub fn on_open(&mut self) {
        self.failures = 0;
    }

    /// Reports a `retry` field, or a parser's [`reconnection_time`](super::parse::Parser::reconnection_time).
    pub fn on_retry_field(&mut self, time: Duration) {
        self.reconnection_time = time;
    }

    /// Reports the end of an open stream, with or without an error. This is not a failure: the delay is the reconnection time.
    pub fn on_end(&mut self) {
        self.failures = 0;
    }

    /// Reports an attempt that failed before a response. Consecutive failures double the delay.
    pub fn on_network_error(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.policy.attempts.is_some_and(|attempts| self.failures >= attempts) {
            self.stopped = true;
        }
    }

    /// Ends the reconnection: the decision is then always [`ReconnectDecision::Stop`].
    pub fn close(&mut self) {
        self.stopped = true;
    }

    /// The decision on the next attempt. `random` should be uniform over its range. The state does not change.
    ///
    /// The delay is the reconnection time, doubled for each consecutive failure after the first, clamped to the policy's
    /// bounds, plus jitter.
    pub fn next_delay(&self, random: u32) -> ReconnectDecision {
        self.next_delay_after(random, None)
    }

    /// As [`next_delay`](Self::next_delay), after a response with `Retry-After` in seconds (RFC 9110 §10.2.3). Its value
    /// is another minimum within the same bounds.
    pub fn next_delay_after(&self, random: u32, retry_after: Option<u32>) -> ReconnectDecision {
        if self.stopped {
            return ReconnectDecision::Stop;
        }
        let doublings = self.failures.saturating_sub(1);
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let asked = Duration::from_secs(retry_after.unwrap_or(0).into()).max(self.policy.shortest);
        // Not `clamp`, which panics if `shortest` exceeds `longest`. The delay is then `longest`.
        let delay = self.reconnection_time.saturating_mul(factor).max(asked).min(self.policy.longest);
        let most = millis(delay).saturating_mul(u64::from(self.policy.jitter_percent)) / 100;
        // The high half of a product: as uniform as `random`, without a division. Jitter saturates at 49 days.
        let most = u64::from(u32::try_from(most).unwrap_or(u32::MAX));
        let jitter = most.saturating_add(1).saturating_mul(u64::from(random)) >> 32;
        ReconnectDecision::After(delay.saturating_add(Duration::from_millis(jitter)))
    }

    /// The reconnection time from the server, else from the policy.
    pub fn reconnection_time(&self) -> Duration {
        self.reconnection_time
    }
}

/// The last event ID, at most `N` bytes, stored inline. It is a valid value of a header field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastEventId<const N: usize>(String<N>);

/// The reason that a last event ID was rejected. The previous one is kept: a resume from it repeats events and loses none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LastEventIdError {
    /// The ID is longer than `N` bytes.
    TooLong,
    /// The ID is not a valid value of an `id` field, and could inject into a request.
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
    /// An empty ID.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Stores the last event ID of an event. An empty ID means none.
    ///
    /// # Errors
    /// [`LastEventIdError`]. The ID is then unchanged.
    pub fn set(&mut self, id: &str) -> Result<(), LastEventIdError> {
        IdField::new(id.as_bytes()).map_err(LastEventIdError::Field)?;
        self.0 = String::try_from(id).map_err(|_| LastEventIdError::TooLong)?;
        Ok(())
    }

    /// The ID. It may be empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of `Last-Event-ID` for a request. `None` if the field is not sent.
    pub fn header_value(&self) -> Option<&[u8]> {
        (!self.0.is_empty()).then(|| self.0.as_bytes())
    }
}
