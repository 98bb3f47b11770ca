//! Upstream channels: events of other hubs are published here too.
//!
//! A separate thread reads all of them, each by one subscription. It resumes after the last event that was stored. The
//! id of an upstream event is its idempotency key here, so neither a lost connection nor a second path to the same
//! channel duplicates an event. (A channel remembers its last 64 keys.)

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::str::FromStr;
use std::task::{Poll, Waker};
use std::time::Duration;
use std::{cell::RefCell, rc::Rc};

use goldcrest_core::client::url::{Url, UrlError};
use goldcrest_core::client::{
    Buffers, ClientConfig, ClientRuntime, Error, Event, EventData, Gap, Position, Subscription, SubscriptionEvent,
    SubscriptionOptions,
};
use goldcrest_core::http::PercentEncoded;
use goldcrest_core::hub::{ChannelName, ChannelNameError, NamePolicy, NewEvent, PublishError, PublishOutcome};
use goldcrest_core::io::{Clock, Timer};
use goldcrest_core::log::{Encoding, EventId, EventType};
use goldcrest_core::server;
use goldcrest_core::sse::reconnect::ReconnectPolicy;

use super::ShutdownHandle;
use crate::client::{SmolRuntime, TlsOptions, percent_encode};
use crate::hub::Hub;

/// The delays between attempts to reconnect.
const RECONNECT: ReconnectPolicy = ReconnectPolicy {
    reconnection_time: Duration::from_secs(1),
    longest: Duration::from_secs(15),
    ..ReconnectPolicy::DEFAULT
};

/// Delay before another attempt where the upstream has no such channel, or this hub has no space for one.
const RETRY_DELAY: Duration = Duration::from_secs(15);

/// JSON escapes a byte by at most six (`\u001f`). The rest of the envelope is the id and the type.
const MAX_ESCAPE: usize = 6;
const ENVELOPE: usize = 1024;

/// A channel of another hub, and the local channel for its events.
///
/// The subscription starts at the oldest event that the upstream keeps. After a lost connection it resumes. Events that
/// were overwritten upstream meanwhile are logged as missed; local readers see no gap, since the ids are local. After a
/// restart of this hub, the events that the upstream still keeps are published again. Events of servers without ids of
/// this form have no idempotency key: after a lost connection they may be duplicated.
///
/// **No cycles.** A forwarded event is a new event for the hub that published it first, and would circulate without
/// end. A channel that follows itself is detected and given up; a cycle over two hubs is not detected. Two hubs that
/// share events each follow the channel of the other one into a channel of another name.
///
/// ```
/// use goldcrest_host::UpstreamChannel;
///
/// let follow: UpstreamChannel = "https://hub.example/events/news".parse()?;
/// assert_eq!(follow.channel(), "news");
/// let follow: UpstreamChannel = "their-news=https://hub.example/events/news?token=7f".parse()?;
/// assert_eq!((follow.channel(), follow.to_string()), ("their-news", "https://hub.example/events/news".into()));
/// # Ok::<(), goldcrest_host::UpstreamError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamChannel {
    url: String,
    channel: String,
}

/// The text is not `[CHANNEL=]URL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// The URL is malformed.
    Url(UrlError),
    /// The URL does not end in the name of a channel, and no name precedes it. A hub may permit fewer names
    /// ([`ChannelLimits::names`](crate::ChannelLimits::names)).
    Channel(ChannelNameError),
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Channel(error) => write!(f, "the URL does not end in a channel name; give CHANNEL=URL; {error}"),
        }
    }
}

impl std::error::Error for UpstreamError {}

impl FromStr for UpstreamChannel {
    type Err = UpstreamError;

    /// `URL`, or `CHANNEL=URL` where the local channel has another name. Characters of the URL beyond ASCII are percent-encoded.
    /// The name of a URL is what follows `/events/`, or else the last segment of the path.
    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let policy = NamePolicy::EXTENDED;
        // No channel name has an empty segment, and each URL has one before its first equals sign.
        let named = text.split_once('=').filter(|(name, _)| policy.permits(name));
        let (name, url) = named.map_or((None, text), |(name, url)| (Some(name), url));
        let url = percent_encode(url).into_owned();
        Url::parse(&url).map_err(UpstreamError::Url)?;
        let channel = match name {
            Some(name) => name.to_owned(),
            None => {
                let path = without_query(&url);
                let encoded = path.split_once("/events/").or_else(|| path.rsplit_once('/')).unwrap_or_default().1;
                // Percent-encoded characters in a path are the characters (RFC 3986 §6.2.2.2). Without UTF-8 it is no name.
                String::from_utf8(PercentEncoded::new(encoded).bytes().collect()).unwrap_or_default()
            }
        };
        ChannelName::with_policy(&channel, policy).map_err(UpstreamError::Channel)?;
        Ok(Self { url, channel })
    }
}

/// The URL without its query, which may contain a token.
impl fmt::Display for UpstreamChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(without_query(&self.url))
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl UpstreamChannel {
    /// The local channel.
    pub fn channel(&self) -> &str {
        &self.channel
    }
}

/// TLS and header fields of the requests to upstream hubs.
#[derive(Clone, Debug, Default)]
pub struct UpstreamOptions {
    /// The trusted certificate authorities.
    pub tls: TlsOptions,
    /// Header fields of every request to every upstream, such as `Authorization`.
    /// [`validate_header`](goldcrest_core::client::validate_header) checks one.
    pub headers: Vec<(String, String)>,
}

/// Forwards the events of all `upstreams` until the shutdown. `max_event` bounds the data of an event, in bytes.
pub(super) fn run(
    upstreams: Vec<UpstreamChannel>,
    options: UpstreamOptions,
    hub: &Hub,
    shutdown: &ShutdownHandle,
    max_event: usize,
) -> io::Result<()> {
    let headers: Rc<[(String, String)]> = options.headers.into();
    let waiting: Rc<RefCell<Option<Waker>>> = Rc::default();
    let shutdown_waker = Rc::clone(&waiting);
    let between = || {
        if shutdown.is_shutting_down()
            && let Some(waker) = shutdown_waker.borrow_mut().take()
        {
            waker.wake();
        }
        0
    };
    SmolRuntime::block_on_beside(
        options.tls,
        |notifier| shutdown.register(notifier),
        between,
        async |runtime| {
            let mut tasks = Vec::new();
            for upstream in upstreams {
                let (hub, clients, headers) = (hub.clone(), runtime.clone(), Rc::clone(&headers));
                tasks.push(runtime.spawn(async move { forward(&upstream, &headers, &hub, &clients, max_event).await }));
            }
            poll_fn(|cx| {
                *waiting.borrow_mut() = Some(cx.waker().clone());
                if shutdown.is_shutting_down() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        },
    )
}

/// The reason for which a subscription ended.
enum SubscriptionEnd {
    /// A new attempt after a delay.
    Retry,
    /// The next event cannot be stored here: reading resumes after the newest event.
    SkipEvent,
    /// No further attempt.
    Stop,
}

async fn forward(
    upstream: &UpstreamChannel,
    headers: &[(String, String)],
    hub: &Hub,
    runtime: &SmolRuntime,
    max_event: usize,
) {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let mut buffer = vec![0; max_event.saturating_mul(MAX_ESCAPE).saturating_add(ENVELOPE)];
    let mut location = [0; 2048];
    let mut cursor = None::<String>;
    let mut skipping = false;
    loop {
        let start = match &cursor {
            _ if skipping => Position::Newest,
            Some(id) => Position::After(id.as_str()),
            None => Position::Oldest,
        };
        let options = SubscriptionOptions {
            start,
            reconnect: RECONNECT,
            seed: fastrand::u32(..),
            ..SubscriptionOptions::default()
        };
        let config = ClientConfig { headers: &headers, ..ClientConfig::default() };
        let memory = Buffers { buffer: &mut buffer, location: &mut location };
        let mut subscription = Subscription::new(runtime, &config, &upstream.url, options, memory);
        let end = forward_events(upstream, hub, runtime, &mut subscription).await;
        let newest = subscription.cursor().to_owned();
        if !newest.is_empty() {
            cursor = Some(newest);
        }
        match end {
            SubscriptionEnd::Stop => return,
            SubscriptionEnd::Retry => skipping = false,
            SubscriptionEnd::SkipEvent => skipping = true,
        }
        pause(runtime, RETRY_DELAY).await;
    }
}

/// Publishes each event of the subscription until it ends.
async fn forward_events<R: ClientRuntime>(
    upstream: &UpstreamChannel,
    hub: &Hub,
    runtime: &R,
    subscription: &mut Subscription<'_, R>,
) -> SubscriptionEnd {
    let channel = upstream.channel();
    let wait = server::ServerConfig::default().publish_wait;
    loop {
        match subscription.next().await {
            Ok(SubscriptionEvent::Opened { transport }) => {
                tracing::info!(channel, from = %upstream, by = transport.as_str(), "following");
            }
            Ok(SubscriptionEvent::Event(event)) => {
                // An epoch identifies one log.
                let epoch = event.id.parse::<EventId>().ok().map(|id| id.epoch);
                if epoch.is_some() && epoch == hub.epoch(channel) {
                    tracing::error!(channel, from = %upstream, "the channel would follow itself; it is not followed");
                    return SubscriptionEnd::Stop;
                }
                hub.wait_for_followers(channel, pause(runtime, wait)).await;
                let mut stored = store(hub, channel, &event);
                while matches!(stored, Err(PublishError::TooManyChannels | PublishError::OutOfMemory)) {
                    tracing::warn!(channel, from = %upstream, "no channel is free for the events; retrying");
                    pause(runtime, RETRY_DELAY).await;
                    stored = store(hub, channel, &event);
                }
                match stored {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        tracing::warn!(channel, from = %upstream, id = event.id, "the event type is reserved; the event is skipped")
                    }
                    Err(PublishError::ShuttingDown) => return SubscriptionEnd::Stop,
                    Err(error) => {
                        tracing::warn!(channel, from = %upstream, id = event.id, %error, "the event cannot be stored and is skipped")
                    }
                }
            }
            Ok(SubscriptionEvent::Gap(Gap { missed })) => {
                tracing::warn!(channel, from = %upstream, missed, "events are missing: the upstream no longer keeps them");
            }
            Ok(SubscriptionEvent::Disconnected { error, delay, .. }) => {
                tracing::warn!(channel, from = %upstream, ?error, ?delay, "connection lost; reconnecting");
            }
            Err(Error::Status { status: 204, .. }) => {
                tracing::warn!(channel, from = %upstream, "the upstream has no such channel (204)");
                return SubscriptionEnd::Stop;
            }
            Err(Error::TooLarge | Error::EventStream(_)) => {
                tracing::error!(channel, from = %upstream, "an event is larger than the limit; the events that the upstream keeps are skipped");
                return SubscriptionEnd::SkipEvent;
            }
            Err(error) => {
                tracing::error!(channel, from = %upstream, ?error, "the upstream cannot be followed; retrying");
                return SubscriptionEnd::Retry;
            }
        }
    }
}

/// Publishes an event of another hub once; `None` where its type cannot be one here.
fn store(hub: &Hub, channel: &str, event: &Event<'_>) -> Result<Option<PublishOutcome>, PublishError> {
    let Ok(event_type) = EventType::new(event.event_type) else { return Ok(None) };
    let encoding = match event.data {
        EventData::Text(_) => Encoding::Text,
        EventData::Binary(_) => Encoding::Binary,
    };
    // The last event ID of a foreign server may be that of several events.
    let key = event.id.parse::<EventId>().is_ok().then_some(event.id.as_bytes());
    let publication = NewEvent { event_type, encoding, data: event.data.as_bytes(), idempotency_key: key };
    hub.publish_event(hub.channel_name(channel)?, &publication, None).map(Some)
}

async fn pause<R: ClientRuntime>(runtime: &R, time: Duration) {
    let mut timer = runtime.clock().timer();
    let deadline = runtime.clock().now() + time;
    poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}
