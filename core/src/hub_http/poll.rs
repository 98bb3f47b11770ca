//! Polling and long polling.

use core::task::{Context, Poll as Ready};

use super::negotiate::Ask;
use super::{Count, Transport};
use crate::format::{Poll, Then};
use crate::http::{Framing, Status};
use crate::hub::Reader;
use crate::io::{Interest, Lent, Socket};
use crate::log::{EventId, GapPolicy, Placed, Position};
use crate::output::{Pour, Sink};
use crate::server::exchange::{Asker, Exchange, Served, pour_date, pour_field, pour_head};
use crate::server::line::{Content, LOOK_FOR_END, Line};
use crate::server::{Ended, Outcome, Runtime};

/// Answers with what there is, or, for a long poll, with what comes before its wait is over.
pub(super) fn answer<R: Runtime>(
    mut reader: impl Reader,
    ask: &Ask,
    policy: GapPolicy,
    mut exchange: Exchange<'_, '_, R>,
) -> impl Future<Output = Outcome> {
    async move {
        let mut count = Count::new(&mut exchange, ask.transport);
        // The request is done with: its buffer goes back while this one waits.
        let (line, asker) = exchange.into_parts();
        let mut placed = reader.place(ask.position, policy);
        let waits = ask.transport == Transport::LongPoll;
        if waits && placed.gap.is_none() && !asker.head_only {
            wait(&mut reader, placed.after, ask, line, &mut count).await?;
            // What was next may have been overwritten by now.
            let after = EventId { epoch: reader.epoch(), seq: placed.after };
            placed = reader.place(Position::After(after), policy);
        }
        let waited = waits.then_some(ask.wait.as_secs());
        tell(&reader, placed, ask.conditional, waited, line, &asker, &mut count).await
    }
}

/// Waits until there is an event after `after`, or no more sense in waiting.
fn wait<R: Runtime>(
    reader: &mut impl Reader,
    after: u64,
    ask: &Ask,
    line: &mut Line<'_, R>,
    count: &mut Count<R::Ticket>,
) -> impl Future<Output = Result<(), Ended>> {
    async move {
        let deadline = line.after(ask.wait);
        let runtime = line.runtime;
        while reader.newest() <= after && line.now() < deadline && !runtime.is_draining() {
            if count.is_cut() {
                return Err(Ended::Cut);
            }
            // A peer that ended its side gets its answer at once; the next request of one that hurries waits for this one.
            let (want, until) = match line.try_read(&mut |_: &mut [u8]| 0)? {
                Lent::Got(()) if !line.socket.is_peer_closed() => (Interest::NONE, line.after(LOOK_FOR_END)),
                Lent::NotNow => (Interest::READ, deadline),
                Lent::Got(()) | Lent::Eof => break,
            };
            let mut also = |cx: &mut Context<'_>| {
                if runtime.is_draining() || count.poll_cut(cx).is_ready() {
                    return Ready::Ready(());
                }
                reader.poll_moved(cx, after)
            };
            line.wait(want, until.min(deadline), &mut also).await?;
        }
        Ok(())
    }
}

/// Sends the answer: 304 where the client asked for that and nothing is new, else the list.
fn tell<R: Runtime>(
    reader: &impl Reader,
    placed: Placed,
    conditional: bool,
    waited: Option<u64>,
    line: &mut Line<'_, R>,
    asker: &Asker,
    count: &mut Count<R::Ticket>,
) -> impl Future<Output = Outcome> {
    async move {
        let mut poll = Poll::new(reader, placed, &line.config.poll);
        let unchanged = conditional && poll.is_empty();
        let status = if unchanged { Status::NOT_MODIFIED } else { Status::OK };
        let framing = if unchanged { Framing::None } else { Framing::Length(poll.length()) };
        let keeps_connection = asker.keeps_connection && !line.runtime.is_draining();
        let last = poll.last();
        let date = line.runtime.date();
        let head = |out: &mut Sink<'_>| {
            pour_head(asker, status, framing, keeps_connection, out, &|out: &mut Sink<'_>| {
                pour_date(&date, out);
                if !unchanged {
                    pour_field("Content-Type", b"application/json", out);
                }
                out.pour(b"ETag: \"");
                last.pour(out);
                out.pour(b"\"\r\n");
                out.pour(b"Cache-Control: no-store\r\nVary: Accept, Prefer\r\n");
                if let Some(seconds) = waited {
                    out.pour(b"Preference-Applied: wait=");
                    out.pour_decimal(seconds);
                    out.pour(b"\r\n");
                }
            });
        };
        line.answering = true;
        line.send(&head).await?;
        if unchanged || asker.head_only {
            line.answering = false;
            count.tally(line, 0);
            return Ok(Served::after_stream(keeps_connection));
        }
        let mut overwritten = false;
        line.write(&mut |room: &mut [u8], _: &mut Content| {
            let filled = poll.fill(reader, room);
            overwritten = filled.then == Then::Abort;
            (filled.written, overwritten || filled.then == Then::End)
        })
        .await?;
        if overwritten {
            return Err(Ended::Overwritten);
        }
        line.answering = false;
        count.tally(line, poll.length());
        Ok(Served::after_stream(keeps_connection))
    }
}
