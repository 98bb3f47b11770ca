//! The endless body of streaming and SSE.

use core::time::Duration;

use super::event_format::Format;
use super::render::{Progress, Rendered, render};
use super::{event_stream, json, media_type};
use crate::log::{EventId, Gap, GapPolicy, LogReader, Position};
use crate::output::{Output, ResumableWriter};
use crate::sse::encode;
use crate::time::Instant;
use crate::trace;

/// The timers of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTimers {
    /// After so long without output the stream sends bytes that the client ignores, so that no proxy closes an idle connection.
    /// Default: 15 s.
    pub keep_alive: Duration,
    /// After how long a client that lost its connection reconnects; SSE sends it. Default: 3 s.
    pub reconnection_time: Duration,
}

impl StreamTimers {
    /// 15 s and 3 s.
    pub const DEFAULT: Self = Self { keep_alive: Duration::from_secs(15), reconnection_time: Duration::from_secs(3) };
}

impl Default for StreamTimers {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The shortest time between two keep-alives: with 0 they would fill every buffer.
const MIN_KEEP_ALIVE: Duration = Duration::from_millis(1);

/// The format of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFormat {
    /// Server-Sent Events (WHATWG HTML §9.2.6).
    ///
    /// The stream begins with `retry`. Where the client does not know its cursor and no event follows at once, a block with an
    /// `id` and without data comes next, so that a client that has seen no event resumes where the stream began. The standard
    /// dispatches nothing for such a block. **A client that dispatches every block has to skip those without data.** No other
    /// block is without data: the keep-alive is a comment line, and neither it nor `retry` ends a block.
    ///
    /// Binary data is Base64, and its event type ends in `;base64`. CR and CRLF in text arrive as LF, since SSE has no other
    /// line ends in data.
    EventStream,
    /// Streaming: a JSON object on each line.
    ///
    /// | line | meaning |
    /// | --- | --- |
    /// | `{"id":"ID","type":"TYPE","data":"DATA"}` | an event; binary data has `"encoding":"base64"` as well |
    /// | `{"after":"ID"}` | the cursor without an event: the first line, and the keep-alive |
    /// | `{"gap":{"missed":N},"after":"ID"}` | missed events, and the cursor after them; the first line of a stream that begins with a gap |
    ///
    /// The first line is sent at once: Firefox reports a response once its content has begun, and a client that waits for the
    /// first byte learns that no proxy buffers the stream.
    Ndjson,
}

impl StreamFormat {
    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::EventStream => media_type::EVENT_STREAM_UTF8,
            Self::Ndjson => media_type::NDJSON,
        }
    }

    const fn of_events(self) -> Format {
        match self {
            Self::EventStream => Format::EventStream,
            Self::Ndjson => Format::Ndjson,
        }
    }

    fn start(self, start: Start, after: EventId, reconnection_time: Duration, out: &mut impl Output) {
        match self {
            Self::EventStream => {
                encode::retry(reconnection_time, out);
                if start == Start::CursorUnknown {
                    event_stream::cursor(after, out);
                }
            }
            Self::Ndjson if start == Start::Gap => {}
            Self::Ndjson => json::cursor_line(after, out),
        }
    }

    fn gap(self, gap: Gap, after: EventId, out: &mut impl Output) {
        match self {
            Self::EventStream => event_stream::gap(gap, after, out),
            Self::Ndjson => {
                json::gap_notice(gap, after, out);
                out.put(b"\n");
            }
        }
    }

    fn keep_alive(self, after: EventId, out: &mut impl Output) {
        match self {
            Self::EventStream => event_stream::keep_alive(out),
            Self::Ndjson => json::cursor_line(after, out),
        }
    }

    fn end(self, reconnection_time: Duration, out: &mut impl Output) {
        match self {
            Self::EventStream => encode::retry(reconnection_time, out),
            Self::Ndjson => {}
        }
    }
}

/// How the stream starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The client does not know its cursor, and no event with an id follows at once.
    CursorUnknown,
    /// The client knows its cursor, or an event with an id follows at once.
    CursorKnown,
    /// A gap follows at once. The cursor after the gap comes with it, never before.
    Gap,
}

/// The body of a response that follows a log.
#[derive(Debug)]
pub struct StreamBody {
    format: StreamFormat,
    after: u64,
    policy: GapPolicy,
    timers: StreamTimers,
    writing: Writing,
    progress: Progress,
    gap: Option<Gap>,
    end: Option<End>,
    quiet_since: Instant,
}

/// The part of the body that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Start(Start),
    Gap(Gap),
    Events,
    KeepAlive,
    End(Duration),
    Notice(&'static str),
    Nothing,
}

/// Why the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server asks the client to reconnect after this time.
    Reconnect(Duration),
    /// The client fell behind, and has been sent the gap.
    Behind,
    /// No further event follows, but this text.
    Notice(&'static str),
}

/// The result of filling a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the written bytes are to be sent, and `state` names the next step"]
pub struct Fill {
    /// How many bytes of the buffer were written.
    pub written: usize,
    /// The next step.
    pub state: BodyState,
}

/// The state of a body after a buffer was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyState {
    /// The buffer is full: call again with another.
    More,
    /// Everything so far has been written: call again when the log has a new event, or at this deadline.
    Wait(Instant),
    /// The body is complete.
    End,
    /// An event was overwritten after a part of it had been sent: break the connection without ending the body.
    Abort,
}

impl StreamBody {
    /// Follows `log` from `position` on.
    pub fn new(
        format: StreamFormat,
        log: &impl LogReader,
        position: Position,
        policy: GapPolicy,
        timers: StreamTimers,
        now: Instant,
    ) -> Self {
        let cursor = log.seek(position, policy);
        let start = match cursor.gap {
            Some(_) => Start::Gap,
            None if log.newest() > cursor.after => Start::CursorKnown,
            None => Start::CursorUnknown,
        };
        Self {
            format,
            after: cursor.after,
            policy,
            timers,
            writing: Writing::Start(start),
            progress: Progress::default(),
            gap: cursor.gap,
            end: None,
            quiet_since: now,
        }
    }

    /// With `true` the client has sent its cursor as its own last event ID. The start does not repeat the cursor then: some SSE
    /// clients dispatch a block for it alone as an empty event.
    pub fn resumed(mut self, resumed: bool) -> Self {
        if resumed && matches!(self.writing, Writing::Start(Start::CursorUnknown)) {
            self.writing = Writing::Start(Start::CursorKnown);
        }
        self
    }

    /// Ends the body after the newest event. SSE asks the client to reconnect after `reconnection_time`.
    pub fn end(&mut self, reconnection_time: Duration) {
        if self.end.is_none() {
            self.end = Some(End::Reconnect(reconnection_time));
        }
    }

    /// Ends the body with `notice` after the event that is being written. Events after that one are not written.
    pub fn end_with(&mut self, notice: &'static str) {
        self.end = Some(End::Notice(notice));
    }

    /// The sequence number of the last event that has been written in full.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Writes as much as there is and fits.
    pub fn fill(&mut self, log: &impl LogReader, buffer: &mut [u8], now: Instant) -> Fill {
        let mut written = 0;
        // A clock that jumps back must not delay the keep-alive.
        self.quiet_since = self.quiet_since.min(now);
        let state = loop {
            let rest = buffer.get_mut(written..).unwrap_or_default();
            if rest.is_empty() {
                break if matches!(self.writing, Writing::Nothing) { BodyState::End } else { BodyState::More };
            }
            if matches!(self.writing, Writing::Events) && self.progress.is_at_start() {
                self.start_next();
            }
            match self.write(log, rest) {
                Rendered::Complete(count) => {
                    written = written.wrapping_add(count);
                    self.complete(log);
                }
                Rendered::Partial(count) => {
                    written = written.wrapping_add(count);
                    break BodyState::More;
                }
                Rendered::Nothing if matches!(self.writing, Writing::Nothing) => break BodyState::End,
                Rendered::Nothing => {
                    if let Some(End::Reconnect(reconnection_time)) = self.end {
                        self.writing = Writing::End(reconnection_time);
                        continue;
                    }
                    if written > 0 {
                        self.quiet_since = now;
                    }
                    let deadline = self.quiet_since + self.timers.keep_alive.max(MIN_KEEP_ALIVE);
                    // A sum that saturates at the last instant is not a deadline in the past.
                    if deadline > now || deadline == Instant::MAX {
                        break BodyState::Wait(deadline);
                    }
                    self.quiet_since = now;
                    self.writing = Writing::KeepAlive;
                }
                Rendered::Overwritten if self.progress.is_at_start() => {
                    let cursor = log.seek(self.position(log), self.policy);
                    self.after = cursor.after;
                    self.gap = cursor.gap;
                    if self.policy == GapPolicy::Disconnect {
                        self.end.get_or_insert(End::Behind);
                    }
                    self.start_next();
                }
                Rendered::Overwritten => break BodyState::Abort,
            }
        };
        if written > 0 {
            self.quiet_since = now;
        }
        Fill { written, state }
    }

    fn position(&self, log: &impl LogReader) -> Position {
        Position::After(EventId { epoch: log.epoch(), seq: self.after })
    }

    fn write(&mut self, log: &impl LogReader, buffer: &mut [u8]) -> Rendered {
        if matches!(self.writing, Writing::Events) {
            return render(self.format.of_events(), log, self.after, &mut self.progress, buffer);
        }
        let after = EventId { epoch: log.epoch(), seq: self.after };
        let mut out = ResumableWriter::new(buffer, self.progress.sent_of_notice());
        match self.writing {
            Writing::Start(start) => self.format.start(start, after, self.timers.reconnection_time, &mut out),
            Writing::Gap(gap) => self.format.gap(gap, after, &mut out),
            Writing::KeepAlive => self.format.keep_alive(after, &mut out),
            Writing::End(reconnection_time) => self.format.end(reconnection_time, &mut out),
            Writing::Notice(notice) => out.put(notice.as_bytes()),
            Writing::Events | Writing::Nothing => return Rendered::Nothing,
        }
        let (written, whole) = (out.written(), out.is_whole());
        self.progress.advance_notice(written, whole)
    }

    /// The part that was being written is complete.
    fn complete(&mut self, log: &impl LogReader) {
        match self.writing {
            Writing::Events => self.after = self.after.saturating_add(1).min(log.newest()),
            Writing::End(_) | Writing::Notice(_) => {
                self.writing = Writing::Nothing;
                return;
            }
            Writing::Start(_) | Writing::Gap(_) | Writing::KeepAlive | Writing::Nothing => {}
        }
        self.start_next();
    }

    /// Chooses the next part: a gap before all else, and the end of an orderly shutdown once there is no event left.
    fn start_next(&mut self) {
        self.writing = match (self.gap.take(), self.end) {
            (Some(gap), _) => {
                trace::gap(gap.missed);
                Writing::Gap(gap)
            }
            (None, Some(End::Notice(notice))) => Writing::Notice(notice),
            (None, Some(End::Behind)) => Writing::Nothing,
            (None, Some(End::Reconnect(_)) | None) => Writing::Events,
        };
    }
}
