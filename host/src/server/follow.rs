//! Channels of other hubs, followed: what is published there is published here.
//!
//! A thread of its own reads them all, each by one subscription. Where that resumes is the id of the last event that was
//! stored, and that id is the event's idempotency key here: neither a lost connection nor a second way to the same channel
//! gives an event twice. (A channel remembers its last 64 keys.)

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::str::FromStr;
use std::task::{Poll, Waker};
use std::time::Duration;
use std::{cell::RefCell, rc::Rc};

use goldcrest_core::client::url::{Url, UrlError};
use goldcrest_core::client::{
    Buffers, ClientConfig, ClientRuntime, Error, Event, EventData, StartPosition, Subscription, SubscriptionEvent,
    SubscriptionOptions,
};
use goldcrest_core::http::PercentEncoded;
use goldcrest_core::hub::{ChannelName, NewEvent, PublishError, PublishOutcome};
use goldcrest_core::io::{Clock, Timer};
use goldcrest_core::log::{Encoding, EventId, EventType};
use goldcrest_core::server;
use goldcrest_core::sse::reconnect::ReconnectPolicy;

use super::ShutdownHandle;
use crate::client::{SmolRuntime, TlsOptions};
use crate::hub::Hub;

/// How soon a lost channel is asked for again.
const RECONNECT: ReconnectPolicy = ReconnectPolicy {
    reconnection_time: Duration::from_secs(1),
    longest: Duration::from_secs(15),
    ..ReconnectPolicy::DEFAULT
};

/// A channel that is not served there may be soon, and there may be a place for one here.
const PATIENCE: Duration = Duration::from_secs(15);

/// JSON writes a byte by six at most; beside the data there are the id and the type.
const ESCAPED: usize = 6;
const BESIDE: usize = 1024;

/// A channel of another hub, and the one of ours that its events appear in.
///
/// What the other hub keeps is taken over, from its oldest event; then what comes. After a loss it goes on where it was; what
/// was overwritten there meanwhile is said in the log, and readers here see none of it, since their ids are of this hub. A
/// hub that is restarted takes over anew what the other one still keeps. Events of servers that give no ids of this form have
/// no key: after a loss they may come twice.
///
/// **No circles.** An event that comes back is a new one for the hub that it came from, and would go round for ever. A channel
/// that would follow itself is noticed and given up; a circle over two hubs cannot be: let two hubs that are to share
/// their events each follow the other's into a channel of another name.
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

/// Why a text does not say what to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// Its URL is none.
    Url(UrlError),
    /// The URL does not end in the name of a channel, and none is given before it.
    Channel,
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Channel => f.write_str("no channel to publish in: say CHANNEL=URL"),
        }
    }
}

impl std::error::Error for UpstreamError {}

impl FromStr for UpstreamChannel {
    type Err = UpstreamError;

    /// `URL`, or `CHANNEL=URL` where ours has another name.
    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        // No name of a channel has a colon, and each URL has one before its first equals sign.
        let named = text.split_once('=').filter(|(name, _)| ChannelName::new(name).is_ok());
        let (name, url) = named.map_or((None, text), |(name, url)| (Some(name), url));
        Url::parse(url).map_err(UpstreamError::Url)?;
        let last = without_query(url).rsplit('/').next().unwrap_or_default();
        // Percent-encoded unreserved characters in a path are the characters (RFC 3986 §6.2.2.2).
        let channel = name.map_or_else(|| PercentEncoded::new(last).bytes().map(char::from).collect(), str::to_owned);
        ChannelName::new(&channel).map_err(|_| UpstreamError::Channel)?;
        Ok(Self { url: url.into(), channel })
    }
}

/// Where it goes, without the query: a token may stand there.
impl fmt::Display for UpstreamChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(without_query(&self.url))
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl UpstreamChannel {
    /// The channel of ours.
    pub fn channel(&self) -> &str {
        &self.channel
    }
}

/// How the hubs are asked whose channels are followed.
#[derive(Clone, Debug, Default)]
pub struct UpstreamOptions {
    /// Whom to trust.
    pub tls: TlsOptions,
    /// Fields to send with every request, to all of them, such as `Authorization`:
    /// [`validate_header`](goldcrest_core::client::validate_header) says which can be.
    pub headers: Vec<(String, String)>,
}

/// Follows all of these until the server is stopped. `most` bytes of data is the longest event that is taken.
pub(super) fn run(
    follows: Vec<UpstreamChannel>,
    options: UpstreamOptions,
    hub: &Hub,
    stopper: &ShutdownHandle,
    most: usize,
) -> io::Result<()> {
    let headers: Rc<[(String, String)]> = options.headers.into();
    let waiting: Rc<RefCell<Option<Waker>>> = Rc::default();
    let told = Rc::clone(&waiting);
    let between = || {
        if stopper.is_stopping()
            && let Some(waker) = told.borrow_mut().take()
        {
            waker.wake();
        }
        0
    };
    SmolRuntime::block_on_beside(
        options.tls,
        |notifier| stopper.register(notifier),
        between,
        async |runtime| {
            let mut tasks = Vec::new();
            for follow in follows {
                let (hub, clients, headers) = (hub.clone(), runtime.clone(), Rc::clone(&headers));
                tasks.push(runtime.spawn(async move { carry(&follow, &headers, &hub, &clients, most).await }));
            }
            poll_fn(|cx| {
                *waiting.borrow_mut() = Some(cx.waker().clone());
                if stopper.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        },
    )
}

/// Why a subscription is given up.
enum Over {
    /// It is begun again after a while.
    Again,
    /// Where it stands cannot be passed: it goes on after what is the newest by then.
    Skip,
    /// For good.
    Done,
}

async fn carry(follow: &UpstreamChannel, headers: &[(String, String)], hub: &Hub, runtime: &SmolRuntime, most: usize) {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let mut buffer = vec![0; most.saturating_mul(ESCAPED).saturating_add(BESIDE)];
    let mut location = [0; 2048];
    let mut cursor = None::<String>;
    let mut skipping = false;
    loop {
        let start = match &cursor {
            _ if skipping => StartPosition::Newest,
            Some(id) => StartPosition::After(id),
            None => StartPosition::Oldest,
        };
        let options = SubscriptionOptions {
            start,
            reconnect: RECONNECT,
            seed: fastrand::u32(..),
            ..SubscriptionOptions::default()
        };
        let config = ClientConfig { headers: &headers, ..ClientConfig::default() };
        let memory = Buffers { buffer: &mut buffer, location: &mut location };
        let mut subscription = Subscription::new(runtime, &config, &follow.url, options, memory);
        let over = read(follow, hub, runtime, &mut subscription).await;
        let reached = subscription.cursor().to_owned();
        if !reached.is_empty() {
            cursor = Some(reached);
        }
        match over {
            Over::Done => return,
            Over::Again => skipping = false,
            Over::Skip => skipping = true,
        }
        pause(runtime, PATIENCE).await;
    }
}

/// Reads until the subscription is over, and publishes what comes.
async fn read<R: ClientRuntime>(
    follow: &UpstreamChannel,
    hub: &Hub,
    runtime: &R,
    subscription: &mut Subscription<'_, R>,
) -> Over {
    let channel = follow.channel();
    let wait = server::ServerConfig::default().publish_wait;
    loop {
        match subscription.next().await {
            Ok(SubscriptionEvent::Opened { transport }) => {
                tracing::info!(channel, from = %follow, by = transport.as_str(), "following");
            }
            Ok(SubscriptionEvent::Event(event)) => {
                // An epoch is one log's alone.
                let came_from = event.id.parse::<EventId>().ok().map(|id| id.epoch);
                if came_from.is_some() && came_from == hub.epoch(channel) {
                    tracing::error!(channel, from = %follow, "the channel would follow itself; it does not");
                    return Over::Done;
                }
                hub.wait_for_followers(channel, pause(runtime, wait)).await;
                let mut stored = store(hub, channel, &event);
                while matches!(stored, Err(PublishError::TooManyChannels | PublishError::OutOfMemory)) {
                    tracing::warn!(channel, from = %follow, "there is no place for the channel now");
                    pause(runtime, PATIENCE).await;
                    stored = store(hub, channel, &event);
                }
                match stored {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        tracing::warn!(channel, from = %follow, id = event.id, "its type is reserved: left out")
                    }
                    Err(PublishError::ShuttingDown) => return Over::Done,
                    Err(error) => {
                        tracing::warn!(channel, from = %follow, id = event.id, %error, "an event is left out")
                    }
                }
            }
            Ok(SubscriptionEvent::Gap { missed }) => {
                tracing::warn!(channel, from = %follow, missed, "events are missing: they are not kept there any more");
            }
            Ok(SubscriptionEvent::Lost { error, delay, .. }) => {
                tracing::warn!(channel, from = %follow, ?error, ?delay, "lost, trying again");
            }
            Err(Error::Status { status: 204, .. }) => {
                tracing::warn!(channel, from = %follow, "the other hub says that there is nothing to follow");
                return Over::Done;
            }
            Err(Error::TooLarge | Error::Stream(_)) => {
                tracing::error!(channel, from = %follow, "an event is longer than may be; what is kept there is left out");
                return Over::Skip;
            }
            Err(error) => {
                tracing::error!(channel, from = %follow, ?error, "not followed, trying again");
                return Over::Again;
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
    let channel = ChannelName::new(channel).map_err(|_| PublishError::NoSuchChannel)?;
    hub.publish_event(channel, &publication).map(Some)
}

async fn pause<R: ClientRuntime>(runtime: &R, time: Duration) {
    let mut timer = runtime.clock().timer();
    let deadline = runtime.clock().now() + time;
    poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}
