//! The hub's handler: one URL, five transports, and publishing.
//!
//! | request to `/events/{channel}`, the first match wins | transport |
//! | --- | --- |
//! | `Upgrade: websocket` | WebSocket (`websocket.rs`) |
//! | `Accept: text/event-stream` | SSE (`follow.rs`) |
//! | `Accept: application/x-ndjson` | streaming (`follow.rs`) |
//! | `Prefer: wait=SECONDS` (RFC 7240), or `?wait=` | long polling (`poll.rs`) |
//! | any other GET | polling (`poll.rs`) |
//! | POST | publish (`publish.rs`) |
//!
//! `?transport=` chooses instead of the fields, for clients that cannot set them.

mod ask;
mod follow;
mod full;
mod poll;
mod publish;
mod spoken;
mod websocket;

pub use ask::Transport;
pub use full::Full;

use core::mem;
use core::task::{Context, Poll, Waker};

use super::exchange::Exchange;
use super::line::Line;
use super::{Handler, Outcome, Runtime, Ticket};
use crate::delivery::EitherForm;
use crate::http::{Method, Response, Status};
use crate::hub::{ChannelName, Channels, MAX_CHANNEL_NAME, OpenError};
use ask::{Ask, AskError};

/// The methods that a channel answers.
const ALLOW: &str = "GET, HEAD, POST, OPTIONS";

const NAME: &str = "a channel name is 1 to 64 of A-Z a-z 0-9 . _ ~ -\n";

/// Serves the channels of a hub below `/events/`.
///
/// As a [`Handler`] it answers that path alone; [`Events::answer`] maps any other request to a channel.
#[derive(Debug)]
pub struct Events<'h, H> {
    hub: &'h H,
}

impl<H> Clone for Events<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Events<'_, H> {}

impl<'h, H: Channels> Events<'h, H> {
    /// Serves `hub`.
    pub fn new(hub: &'h H) -> Self {
        Self { hub }
    }

    /// Whether the path is one of a channel: `/events/` and a name.
    pub fn is_channel(path: &str) -> bool {
        channel_of(path).is_some()
    }

    /// Answers a request of any path with the channel `channel`.
    ///
    /// # Errors
    /// How the connection ended.
    pub fn answer<R: Runtime>(&self, exchange: Exchange<'_, '_, R>, channel: &str) -> impl Future<Output = Outcome> {
        async move {
            let Ok(channel) = ChannelName::new(channel) else {
                return exchange.respond(&Response::text(Status::BAD_REQUEST, NAME)).await;
            };
            let ask = match exchange.request().method() {
                Method::Get | Method::Head => match Ask::read(exchange.request(), exchange.line.config) {
                    Ok(ask) => ask,
                    Err(error) => return refuse_ask(exchange, error).await,
                },
                Method::Post => return publish::answer(self.hub, channel, exchange).await,
                _ => return exchange.allow(ALLOW).await,
            };
            let policy = self.hub.gap_policy(channel);
            let following = ask.transport != Transport::Poll && !exchange.is_head_only();
            let reader = match self.hub.open(channel, following) {
                Ok(reader) => reader,
                Err(error) => return refuse_open(exchange, ask.transport, error).await,
            };
            match ask.transport {
                Transport::WebSocket => websocket::answer(self.hub, channel, reader, &ask, policy, exchange).await,
                Transport::Sse | Transport::Stream => {
                    let sse = ask.transport == Transport::Sse;
                    let form = if sse { EitherForm::EventStream } else { EitherForm::Ndjson };
                    follow::answer(form, reader, &ask, policy, exchange).await
                }
                Transport::LongPoll | Transport::Poll | Transport::Publish => {
                    poll::answer(reader, &ask, policy, exchange).await
                }
            }
        }
    }
}

impl<H: Channels> Handler for Events<'_, H> {
    fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> impl Future<Output = Outcome> {
        async move {
            let Some(channel) = channel_of(exchange.request().path()) else { return exchange.not_found().await };
            // The name outlives the request, whose buffer is given back while a reader waits.
            let mut name = heapless::String::<MAX_CHANNEL_NAME>::new();
            if name.push_str(channel).is_err() {
                return exchange.respond(&Response::text(Status::BAD_REQUEST, NAME)).await;
            }
            self.answer(exchange, &name).await
        }
    }
}

fn channel_of(path: &str) -> Option<&str> {
    path.strip_prefix("/events/").filter(|name| !name.is_empty() && !name.bytes().any(|byte| byte == b'/'))
}

async fn refuse_ask<R: Runtime>(exchange: Exchange<'_, '_, R>, error: AskError) -> Outcome {
    let AskError::Transport = error;
    let text = "transport is one of poll, longpoll, stream, sse, websocket\n";
    exchange.respond(&Response::text(Status::BAD_REQUEST, text)).await
}

/// Answers that a channel cannot be read.
async fn refuse_open<R: Runtime>(exchange: Exchange<'_, '_, R>, transport: Transport, error: OpenError) -> Outcome {
    match error {
        OpenError::NoSuchChannel => {
            exchange.respond(&Response::text(Status::NOT_FOUND, "there is no such channel\n")).await
        }
        OpenError::TooManyChannels | OpenError::TooManyFollowers => full::answer(exchange, transport).await,
    }
}

/// Says to an exchange's ticket what the connection has moved.
struct Count<T: Ticket> {
    ticket: T,
}

impl<T: Ticket> Count<T> {
    /// Counts from the request on, whose head is in.
    fn new<R: Runtime<Ticket = T>>(exchange: &mut Exchange<'_, '_, R>, transport: Transport) -> Self {
        (exchange.line.received, exchange.line.sent) = (0, 0);
        let mut ticket = exchange.line.runtime.ticket(exchange.request(), transport);
        ticket.received(exchange.request().head().len() as u64);
        Self { ticket }
    }

    /// Tells what has moved since, `payload` of it event payload.
    fn tally<R: Runtime<Ticket = T>>(&mut self, line: &mut Line<'_, R>, payload: u64) {
        let (received, sent) = (mem::take(&mut line.received), mem::take(&mut line.sent));
        if received > 0 {
            self.ticket.received(received as u64);
        }
        if sent > 0 || payload > 0 {
            self.ticket.sent(sent as u64, payload);
        }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ticket.poll_cut(cx)
    }

    /// Whether the connection is to be broken now.
    fn is_cut(&mut self) -> bool {
        self.ticket.poll_cut(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}
