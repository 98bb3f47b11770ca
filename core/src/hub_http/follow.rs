//! SSE and streaming.

use core::task::{Context, Poll};
use core::time::Duration;

use super::Count;
use super::negotiate::Ask;
use super::overloaded::spread;
use crate::format::{EitherForm, Follow, FollowForm, Then};
use crate::http::Framing;
use crate::http::chunked::ChunkEncoder;
use crate::hub::Reader;
use crate::io::{Interest, Lent};
use crate::log::GapPolicy;
use crate::server::exchange::{Exchange, Served};
use crate::server::writer::end_stream;
use crate::server::{Ended, Outcome, Runtime};
use crate::time::millis;

/// Answers with the channel from the cursor on, for as long as the client reads.
pub(super) fn answer<R: Runtime>(
    form: EitherForm,
    mut reader: impl Reader,
    ask: &Ask,
    policy: GapPolicy,
    mut exchange: Exchange<'_, '_, R>,
) -> impl Future<Output = Outcome> {
    async move {
        let mut count = Count::new(&mut exchange, ask.transport);
        let (now, pace) = (exchange.line.now(), exchange.line.config.pace);
        // What is published from now on, while the head is on its way, is for this reader too.
        let mut follow = Follow::new(form, &reader, ask.position, policy, pace, now).resumed(ask.resumed);
        let (line, framing) = {
            // The request's buffer is given back before anything is waited for.
            let (line, mut asker) = exchange.into_parts();
            asker.keeps_connection = false;
            let framing = Framing::streaming(asker.version);
            asker.begin_stream(line, form.content_type(), framing).await?;
            if asker.head_only {
                end_stream(line, None).await?;
                return Ok(Served::CLOSE);
            }
            (line, framing)
        };
        let runtime = line.runtime;
        let mut chunks = (framing == Framing::Chunked).then(ChunkEncoder::new);
        let mut draining = false;
        let mut stalled = None;
        loop {
            line.breathe().await;
            if !draining && runtime.is_draining() {
                draining = true;
                let time = millis(line.config.pace.reconnection_time);
                let time = (time / 2).saturating_add(spread(runtime.random(), time.saturating_mul(2)));
                follow.end(Duration::from_millis(time));
            }
            if count.is_cut() {
                return Err(Ended::Cut);
            }
            // What the client still says is nothing that an answer could follow; its end is the end.
            match line.try_read(&mut |bytes: &mut [u8]| bytes.len())? {
                Lent::Eof => {
                    line.answering = false;
                    return Err(Ended::Closed);
                }
                Lent::Got(()) | Lent::NotNow => {}
            }
            let now = line.now();
            let (mut written, mut payload, mut then) = (0, 0, Then::More);
            let lent = line.try_write(&mut |room: &mut [u8]| {
                let mut fill = |room: &mut [u8]| {
                    let filled = follow.fill(&reader, room, now);
                    (payload, then) = (filled.written, filled.then);
                    filled.written
                };
                written = match &mut chunks {
                    Some(chunks) => chunks.transmit(room, fill),
                    None => fill(room),
                };
                written
            })?;
            count.tally(line, payload as u64);
            let pending = chunks.as_ref().is_some_and(ChunkEncoder::pending);
            let mut want = Interest::READ;
            let deadline = match (lent, then) {
                (Lent::Got(()), Then::Abort) => return Err(Ended::Overwritten),
                (Lent::Got(()), Then::End) if !pending => break,
                (Lent::Got(()), Then::Wait(deadline)) if written == 0 && !pending => deadline,
                (Lent::Got(()), _) => {
                    stalled = None;
                    continue;
                }
                (Lent::NotNow | Lent::Eof, _) => {
                    want.room = 1;
                    *stalled.get_or_insert(now + line.config.write_timeout)
                }
            };
            if want.room > 0 && now >= deadline {
                return Err(Ended::TimedOut);
            }
            let after = follow.after();
            let mut also = |cx: &mut Context<'_>| {
                if (!draining && runtime.is_draining()) || count.poll_cut(cx).is_ready() {
                    return Poll::Ready(());
                }
                // While there is no room the log may move as it likes.
                if want.room > 0 { Poll::Pending } else { reader.poll_moved(cx, after) }
            };
            line.wait(want, deadline, &mut also).await?;
        }
        end_stream(line, chunks).await?;
        count.tally(line, 0);
        Ok(Served::CLOSE)
    }
}
