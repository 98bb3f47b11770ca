//! SSE and streaming: responses that follow a channel.

use core::task::{Context, Poll};
use core::time::Duration;

use super::metrics::{RequestMeter, RequestMetrics};
use super::negotiate::Negotiated;
use super::overloaded::jitter;
use super::rights::{ActiveGrant, Grant};
use crate::format::{BodyState, StreamBody, StreamFormat};
use crate::http::Framing;
use crate::http::chunked::ChunkEncoder;
use crate::hub::ChannelReader;
use crate::io::{Interest, TryIo};
use crate::log::GapPolicy;
use crate::server::body_writer::end_stream;
use crate::server::{Disconnect, HandlerResult, Runtime};
use crate::server::{Exchange, Responded};
use crate::time::millis;

/// Answers with the events after the cursor, until the client leaves.
pub(super) fn answer<R: Runtime>(
    format: StreamFormat,
    mut reader: impl ChannelReader,
    negotiated: &Negotiated,
    policy: GapPolicy,
    mut grant: ActiveGrant<impl Grant>,
    mut exchange: Exchange<'_, '_, R>,
    mut meter: RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        let (now, pace) = (exchange.connection().now(), exchange.config().stream_timers);
        // Created before the head is sent, so that events that are published meanwhile are not missed.
        let mut follow =
            StreamBody::new(format, &reader, negotiated.position, policy, pace, now).resumed(negotiated.resumed);
        let (connection, framing) = {
            // Releases the buffer of the request before the first wait.
            let (connection, mut context) = exchange.into_parts();
            context.keeps_connection = false;
            let framing = Framing::streaming(context.version);
            context.begin_stream(connection, format.content_type(), framing).await?;
            if context.head_only {
                end_stream(connection, None).await?;
                return Ok(Responded::CLOSE);
            }
            (connection, framing)
        };
        let runtime = connection.runtime();
        let mut chunks = (framing == Framing::Chunked).then(ChunkEncoder::new);
        let (mut shutdown_began, mut grant_ended) = (false, false);
        let mut stalled = None;
        loop {
            connection.yield_if_spent().await;
            if !shutdown_began && runtime.is_shutting_down() {
                shutdown_began = true;
                let time = millis(connection.config().stream_timers.reconnection_time);
                let time = (time / 2).saturating_add(jitter(runtime.random(), time.saturating_mul(2)));
                follow.end(Duration::from_millis(time));
            }
            if !grant_ended && let Some(end) = grant.end(connection.now()) {
                grant_ended = true;
                follow.end_with(end.notice(format == StreamFormat::EventStream));
            }
            // Discards input, since no further response can follow. The client's FIN ends the stream.
            match connection.try_read(&mut |bytes: &mut [u8]| bytes.len())? {
                TryIo::Eof => {
                    connection.end_response();
                    return Err(Disconnect::Closed);
                }
                TryIo::Done(()) | TryIo::WouldBlock => {}
            }
            let now = connection.now();
            let (mut written, mut payload, mut state) = (0, 0, BodyState::More);
            let result = connection.try_write(&mut |room: &mut [u8]| {
                let mut fill = |room: &mut [u8]| {
                    let filled = follow.fill(&reader, room, now);
                    (payload, state) = (filled.written, filled.state);
                    filled.written
                };
                written = match &mut chunks {
                    Some(chunks) => chunks.transmit(room, fill),
                    None => fill(room),
                };
                written
            })?;
            meter.report(connection, payload as u64);
            reader.sent(follow.after());
            let pending = chunks.as_ref().is_some_and(ChunkEncoder::pending);
            let mut want = Interest::READ;
            let deadline = match (result, state) {
                (TryIo::Done(()), BodyState::Abort) => return Err(Disconnect::Overwritten),
                (TryIo::Done(()), BodyState::End) if !pending => break,
                (TryIo::Done(()), BodyState::Wait(deadline)) if written == 0 && !pending => {
                    deadline.min(grant.valid_until())
                }
                (TryIo::Done(()), _) => {
                    stalled = None;
                    continue;
                }
                (TryIo::WouldBlock | TryIo::Eof, _) => {
                    want.writable_bytes = 1;
                    *stalled.get_or_insert(now + connection.config().write_timeout)
                }
            };
            if want.writable_bytes > 0 && now >= deadline {
                return Err(Disconnect::TimedOut);
            }
            let after = follow.after();
            let mut condition = |cx: &mut Context<'_>| {
                if !shutdown_began && runtime.is_shutting_down() {
                    return Poll::Ready(());
                }
                if !grant_ended && grant.poll_withdrawn(cx).is_ready() {
                    return Poll::Ready(());
                }
                // Without free space, new events need no wake-up.
                if want.writable_bytes > 0 { Poll::Pending } else { reader.poll_new_event(cx, after) }
            };
            connection.wait(want, deadline, &mut condition).await?;
        }
        end_stream(connection, chunks).await?;
        meter.report(connection, 0);
        Ok(Responded::CLOSE)
    }
}
