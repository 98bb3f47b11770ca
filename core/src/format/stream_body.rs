//! What streaming and SSE have in common.

use core::time::Duration;

use super::render::{Form, Progress, Rendered, render};
use crate::connection::notice;
use crate::log::{EventId, Gap, GapPolicy, LogReader, Position};
use crate::output::{Output, ResumableWriter};
use crate::time::Instant;

/// How a reader that follows is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTimers {
    /// After so long without output something is said that the reader ignores, so that nothing on the way takes the
    /// connection for dead. Default: 15 s.
    pub keep_alive: Duration,
    /// When a reader that lost its connection comes back, where the transport can say that. Default: 3 s.
    pub reconnection_time: Duration,
}

impl Default for StreamTimers {
    fn default() -> Self {
        Self { keep_alive: Duration::from_secs(15), reconnection_time: Duration::from_secs(3) }
    }
}

/// Keep-alives are not closer than this, or there would be no end of them.
const SHORTEST: Duration = Duration::from_millis(1);

/// The form of a transport that follows: [`EventStream`](super::EventStream), [`Ndjson`](super::Ndjson), or
/// [`EitherForm`](super::EitherForm) of them.
#[allow(private_bounds, reason = "the forms are this crate's")]
pub trait StreamFormat: Following {
    /// Its media type.
    fn content_type(&self) -> &'static str;
}

/// How a transport that follows writes what is no event.
pub(super) trait Following: Form {
    fn opening(&self, opening: Opening, after: EventId, pace: &StreamTimers, out: &mut impl Output);
    fn gap(&self, gap: Gap, after: EventId, out: &mut impl Output);
    fn keep_alive(&self, after: EventId, out: &mut impl Output);
    fn farewell(&self, reconnection_time: Duration, out: &mut impl Output);
}

/// What the reader knows of its cursor when the stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Nothing, and no event follows at once: only the opening can tell it.
    Unknown,
    /// It has the cursor, or an event with an id follows at once.
    Known,
    /// A gap follows at once. The cursor behind the gap comes with it, never before.
    Gap,
}

/// A reader that follows a log.
#[derive(Debug)]
pub struct StreamBody<F> {
    form: F,
    after: u64,
    policy: GapPolicy,
    pace: StreamTimers,
    saying: Saying,
    progress: Progress,
    gap: Option<Gap>,
    end: Option<End>,
    quiet_since: Instant,
}

/// What is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    Opening(Opening),
    Gap(Gap),
    Events,
    KeepAlive,
    Farewell(Duration),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server asks the reader to come back after this long.
    Farewell(Duration),
    /// The reader fell behind, and was told.
    Behind,
}

/// What came of filling a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what was written is to be sent, and `then` says what to wait for"]
pub struct Fill {
    /// How many bytes of the room were written.
    pub written: usize,
    /// What to do next.
    pub state: BodyState,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyState {
    /// The room is full: call again with more.
    More,
    /// All that there is has been written: call again when the log has moved, or at this deadline.
    Wait(Instant),
    /// The body is complete.
    End,
    /// An event was overwritten while part of it was on the wire: break the connection without an orderly end.
    Abort,
}

impl<F: StreamFormat> StreamBody<F> {
    /// Follows `source` from `position` on.
    pub fn new(
        form: F,
        source: &impl LogReader,
        position: Position,
        policy: GapPolicy,
        pace: StreamTimers,
        now: Instant,
    ) -> Self {
        let placed = source.seek(position, policy);
        let opening = match placed.gap {
            Some(_) => Opening::Gap,
            None if source.newest() > placed.after => Opening::Known,
            None => Opening::Unknown,
        };
        Self {
            form,
            after: placed.after,
            policy,
            pace,
            saying: Saying::Opening(opening),
            progress: Progress::default(),
            gap: placed.gap,
            end: None,
            quiet_since: now,
        }
    }

    /// With `true` the client has sent its cursor as its own last event ID. The opening does not repeat the cursor then,
    /// where a block for it alone would look like an empty event (SSE).
    pub fn resumed(mut self, resumed: bool) -> Self {
        if resumed && matches!(self.saying, Saying::Opening(Opening::Unknown)) {
            self.saying = Saying::Opening(Opening::Known);
        }
        self
    }

    /// Ends the body behind the newest event, asking the reader to come back after
    /// `reconnection_time` where the transport can say that.
    pub fn end(&mut self, reconnection_time: Duration) {
        if self.end.is_none() {
            self.end = Some(End::Farewell(reconnection_time));
        }
    }

    /// The sequence number that the reader has been given in full.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Writes as much as there is and fits.
    pub fn fill(&mut self, source: &impl LogReader, room: &mut [u8], now: Instant) -> Fill {
        let mut written = 0;
        // A clock that was set back is no reason to be silent for longer.
        self.quiet_since = self.quiet_since.min(now);
        let then = loop {
            let rest = room.get_mut(written..).unwrap_or_default();
            if rest.is_empty() {
                break if matches!(self.saying, Saying::Ended) { BodyState::End } else { BodyState::More };
            }
            if matches!(self.saying, Saying::Events) && self.progress.is_at_start() {
                self.next();
            }
            let rendered = self.say(source, rest);
            match rendered {
                Rendered::Whole(count) => {
                    written = written.wrapping_add(count);
                    self.said(source);
                }
                Rendered::Partly(count) => {
                    written = written.wrapping_add(count);
                    break BodyState::More;
                }
                Rendered::Nothing if matches!(self.saying, Saying::Ended) => break BodyState::End,
                Rendered::Nothing => {
                    if let Some(End::Farewell(reconnection_time)) = self.end {
                        self.saying = Saying::Farewell(reconnection_time);
                        continue;
                    }
                    if written > 0 {
                        self.quiet_since = now;
                    }
                    let deadline = self.quiet_since + self.pace.keep_alive.max(SHORTEST);
                    // At the end of time there is no later deadline, and no reason to go round.
                    if deadline > now || deadline == Instant::MAX {
                        break BodyState::Wait(deadline);
                    }
                    self.quiet_since = now;
                    self.saying = Saying::KeepAlive;
                }
                Rendered::Overwritten if self.progress.is_at_start() => {
                    let placed = source.seek(self.at(source), self.policy);
                    self.after = placed.after;
                    self.gap = placed.gap;
                    if self.policy == GapPolicy::Disconnect {
                        self.end.get_or_insert(End::Behind);
                    }
                    self.next();
                }
                Rendered::Overwritten => break BodyState::Abort,
            }
        };
        if written > 0 {
            self.quiet_since = now;
        }
        Fill { written, state: then }
    }

    fn at(&self, source: &impl LogReader) -> Position {
        Position::After(EventId { epoch: source.epoch(), seq: self.after })
    }

    fn say(&mut self, source: &impl LogReader, room: &mut [u8]) -> Rendered {
        if matches!(self.saying, Saying::Events) {
            return render(&self.form, source, self.after, &mut self.progress, room);
        }
        let after = EventId { epoch: source.epoch(), seq: self.after };
        let mut sink = ResumableWriter::new(room, self.progress.sent_of_notice());
        match self.saying {
            Saying::Opening(opening) => self.form.opening(opening, after, &self.pace, &mut sink),
            Saying::Gap(gap) => self.form.gap(gap, after, &mut sink),
            Saying::KeepAlive => self.form.keep_alive(after, &mut sink),
            Saying::Farewell(reconnection_time) => self.form.farewell(reconnection_time, &mut sink),
            Saying::Events | Saying::Ended => return Rendered::Nothing,
        }
        let (written, whole) = (sink.written(), sink.is_whole());
        self.progress.note(written, whole)
    }

    /// What was being said has been said.
    fn said(&mut self, source: &impl LogReader) {
        match self.saying {
            Saying::Events => self.after = self.after.saturating_add(1).min(source.newest()),
            Saying::Farewell(_) => {
                self.saying = Saying::Ended;
                return;
            }
            Saying::Opening(_) | Saying::Gap(_) | Saying::KeepAlive | Saying::Ended => {}
        }
        self.next();
    }

    /// Between two things to say: a gap before all else. A farewell comes once there is no event left.
    fn next(&mut self) {
        self.saying = match (self.gap.take(), self.end) {
            (Some(gap), _) => {
                notice::gap(gap);
                Saying::Gap(gap)
            }
            (None, Some(End::Behind)) => Saying::Ended,
            (None, Some(End::Farewell(_)) | None) => Saying::Events,
        };
    }
}
