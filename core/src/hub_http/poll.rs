//! Polling and long polling.

use core::task::{Context, Poll as Ready};

use super::metrics::{RequestMeter, RequestMetrics};
use super::negotiate::Negotiated;
use super::rights::{ActiveGrant, Grant};
use crate::format::{BodyState, PollBody, Transport, media_type};
use crate::http::{Framing, Status};
use crate::hub::ChannelReader;
use crate::io::{Interest, Socket, TryIo};
use crate::log::{Cursor, EventId, GapPolicy, Position};
use crate::output::{Output, ResumableWriter};
use crate::server::http_connection::{HttpConnection, LOOK_FOR_END, RequestContent};
use crate::server::response::{Responded, ResponseContext, put_date, put_field, put_head};
use crate::server::{Disconnect, Exchange, HandlerResult, Runtime};

/// Answers with the events so far, or, for a long poll, with the first events within the wait.
pub(super) fn answer<R: Runtime>(
    mut reader: impl ChannelReader,
    negotiated: &Negotiated,
    policy: GapPolicy,
    mut grant: ActiveGrant<impl Grant>,
    exchange: Exchange<'_, '_, R>,
    mut meter: RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        // Releases the buffer of the request while this one waits.
        let (connection, context) = exchange.into_parts();
        let mut cursor = reader.seek(negotiated.position, policy);
        let waits = negotiated.transport == Transport::LongPoll;
        if waits && cursor.gap.is_none() && !context.head_only {
            wait(&mut reader, cursor.after, negotiated, &mut grant, connection).await?;
            // The next event may have been overwritten meanwhile.
            let after = EventId { epoch: reader.epoch(), seq: cursor.after };
            cursor = reader.seek(Position::After(after), policy);
        }
        let waited = waits.then_some(negotiated.wait.as_secs());
        respond(&reader, cursor, negotiated.conditional, waited, connection, &context, &mut meter).await
    }
}

/// Waits until there is an event after `after`, the wait is over, the grant has ended, the client left or the server shuts down.
fn wait<R: Runtime>(
    reader: &mut impl ChannelReader,
    after: u64,
    negotiated: &Negotiated,
    grant: &mut ActiveGrant<impl Grant>,
    connection: &mut HttpConnection<'_, R>,
) -> impl Future<Output = Result<(), Disconnect>> {
    async move {
        let deadline = connection.after(negotiated.wait).min(grant.valid_until());
        let runtime = connection.runtime();
        while reader.newest() <= after
            && grant.end(connection.now()).is_none()
            && connection.now() < deadline
            && !runtime.is_shutting_down()
        {
            // A peer that sent FIN gets its response at once. A pipelined request waits.
            let (want, until) = match connection.try_read(&mut |_: &mut [u8]| 0)? {
                TryIo::Done(()) if !connection.socket().is_peer_closed() => {
                    (Interest::NONE, connection.after(LOOK_FOR_END))
                }
                TryIo::WouldBlock => (Interest::READ, deadline),
                TryIo::Done(()) | TryIo::Eof => break,
            };
            let mut condition = |cx: &mut Context<'_>| {
                if runtime.is_shutting_down() || grant.poll_withdrawn(cx).is_ready() {
                    return Ready::Ready(());
                }
                reader.poll_new_event(cx, after)
            };
            connection.wait(want, until.min(deadline), &mut condition).await?;
        }
        Ok(())
    }
}

/// Sends the response: 304 to a conditional request without new events, else the list.
fn respond<R: Runtime>(
    reader: &impl ChannelReader,
    cursor: Cursor,
    conditional: bool,
    waited: Option<u64>,
    connection: &mut HttpConnection<'_, R>,
    context: &ResponseContext,
    meter: &mut RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        let mut poll = PollBody::new(reader, cursor, &connection.config().poll);
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
        connection.runtime().response_began(connection.socket(), status);
        connection.begin_response();
        connection.send(&head).await?;
        if unchanged || context.head_only {
            connection.end_response();
            meter.report(connection, 0);
            return Ok(Responded::after_stream(keeps_connection));
        }
        let mut overwritten = false;
        connection
            .write(&mut |room: &mut [u8], _: &mut RequestContent| {
                let filled = poll.fill(reader, room);
                overwritten = filled.state == BodyState::Abort;
                (filled.written, overwritten || filled.state == BodyState::End)
            })
            .await?;
        if overwritten {
            return Err(Disconnect::Overwritten);
        }
        connection.end_response();
        reader.sent(last.seq);
        meter.report(connection, poll.length());
        Ok(Responded::after_stream(keeps_connection))
    }
}
