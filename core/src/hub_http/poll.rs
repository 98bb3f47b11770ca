//! Polling and long polling.

use core::task::{Context, Poll as Ready};

use super::metrics::{RequestMeter, RequestMetrics};
use super::negotiate::Negotiated;
use crate::format::{BodyState, PollBody, Transport, media_type};
use crate::http::{Framing, Status};
use crate::hub::ChannelReader;
use crate::io::{Interest, Socket, TryIo};
use crate::log::{Cursor, EventId, GapPolicy, Position};
use crate::output::{Output, ResumableWriter};
use crate::server::http_connection::{HttpConnection, LOOK_FOR_END, RequestContent};
use crate::server::response::{Responded, ResponseContext, put_date, put_field, put_head};
use crate::server::{Disconnect, Exchange, HandlerResult, Runtime};

/// Answers with what there is, or, for a long poll, with what comes before its wait is over.
pub(super) fn answer<R: Runtime>(
    mut reader: impl ChannelReader,
    ask: &Negotiated,
    policy: GapPolicy,
    exchange: Exchange<'_, '_, R>,
    mut count: RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        // The request is done with: its buffer goes back while this one waits.
        let (connection, context) = exchange.into_parts();
        let mut placed = reader.seek(ask.position, policy);
        let waits = ask.transport == Transport::LongPoll;
        if waits && placed.gap.is_none() && !context.head_only {
            wait(&mut reader, placed.after, ask, connection).await?;
            // What was next may have been overwritten by now.
            let after = EventId { epoch: reader.epoch(), seq: placed.after };
            placed = reader.seek(Position::After(after), policy);
        }
        let waited = waits.then_some(ask.wait.as_secs());
        tell(&reader, placed, ask.conditional, waited, connection, &context, &mut count).await
    }
}

/// Waits until there is an event after `after`, or no more sense in waiting.
fn wait<R: Runtime>(
    reader: &mut impl ChannelReader,
    after: u64,
    ask: &Negotiated,
    connection: &mut HttpConnection<'_, R>,
) -> impl Future<Output = Result<(), Disconnect>> {
    async move {
        let deadline = connection.after(ask.wait);
        let runtime = connection.runtime();
        while reader.newest() <= after && connection.now() < deadline && !runtime.is_shutting_down() {
            // A peer that ended its side gets its answer at once; the next request of one that hurries waits for this one.
            let (want, until) = match connection.try_read(&mut |_: &mut [u8]| 0)? {
                TryIo::Done(()) if !connection.socket().is_peer_closed() => (Interest::NONE, connection.after(LOOK_FOR_END)),
                TryIo::WouldBlock => (Interest::READ, deadline),
                TryIo::Done(()) | TryIo::Eof => break,
            };
            let mut also = |cx: &mut Context<'_>| {
                if runtime.is_shutting_down() {
                    return Ready::Ready(());
                }
                reader.poll_new_event(cx, after)
            };
            connection.wait(want, until.min(deadline), &mut also).await?;
        }
        Ok(())
    }
}

/// Sends the answer: 304 where the client asked for that and nothing is new, else the list.
fn tell<R: Runtime>(
    reader: &impl ChannelReader,
    placed: Cursor,
    conditional: bool,
    waited: Option<u64>,
    connection: &mut HttpConnection<'_, R>,
    context: &ResponseContext,
    count: &mut RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        let mut poll = PollBody::new(reader, placed, &connection.config().poll);
        let unchanged = conditional && poll.is_empty();
        let status = if unchanged { Status::NOT_MODIFIED } else { Status::OK };
        let framing = if unchanged { Framing::None } else { Framing::Length(poll.length()) };
        let keeps_connection = context.keeps_connection && !connection.runtime().is_shutting_down();
        let last = poll.last();
        let date = connection.runtime().date();
        let head = |out: &mut ResumableWriter<'_>| {
            put_head(context, status, framing, keeps_connection, out, &|out: &mut ResumableWriter<'_>| {
                put_date(&date, out);
                if !unchanged {
                    put_field("Content-Type", media_type::JSON.as_bytes(), out);
                }
                out.put(b"ETag: \"");
                last.put(out);
                out.put(b"\"\r\n");
                out.put(b"Cache-Control: no-store\r\nVary: Accept, Prefer\r\n");
                if let Some(seconds) = waited {
                    out.put(b"Preference-Applied: wait=");
                    out.put_decimal(seconds);
                    out.put(b"\r\n");
                }
            });
        };
        connection.begin_response();
        connection.send(&head).await?;
        if unchanged || context.head_only {
            connection.end_response();
            count.report(connection, 0);
            return Ok(Responded::after_stream(keeps_connection));
        }
        let mut overwritten = false;
        connection.write(&mut |room: &mut [u8], _: &mut RequestContent| {
            let filled = poll.fill(reader, room);
            overwritten = filled.state == BodyState::Abort;
            (filled.written, overwritten || filled.state == BodyState::End)
        })
        .await?;
        if overwritten {
            return Err(Disconnect::Overwritten);
        }
        connection.end_response();
        count.report(connection, poll.length());
        Ok(Responded::after_stream(keeps_connection))
    }
}
