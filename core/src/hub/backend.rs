//! What the transports need of a hub.

use core::fmt;
use core::net::IpAddr;
use core::task::{Context, Poll};

use super::{ChannelName, NewEvent, PublishError, PublishOutcome};
use crate::log::{GapPolicy, LogReader};

/// Channels by name: [`StaticHub`](super::StaticHub) on a chip; a host has its own, which makes them on first use.
pub trait HubBackend {
    /// A reader of one channel.
    type Reader<'a>: ChannelReader
    where
        Self: 'a;

    /// A reader of `channel`. A follower takes a waker, which it keeps until it is dropped, and counts as listening.
    ///
    /// `peer` is the network of the client ([`Socket::peer_network`](crate::io::Socket::peer_network)), by which a hub may limit
    /// new channels; `None` where clients are not told apart.
    ///
    /// # Errors
    /// [`OpenError`]: there is no such channel, or no place for one more. [`OpenError::TooManyChannels`] also where the client has
    /// made its share of new channels.
    fn open(
        &self,
        channel: ChannelName<'_>,
        following: bool,
        peer: Option<IpAddr>,
    ) -> Result<Self::Reader<'_>, OpenError>;

    /// Appends to `channel` and wakes its followers. It never waits. `peer` is as in [`HubBackend::open`].
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored. [`PublishError::TooManyChannels`] also where the client has made its share of new
    /// channels.
    fn publish(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError>;

    /// What happens to readers whose next event is not kept any more.
    fn gap_policy(&self, channel: ChannelName<'_>) -> GapPolicy;
}

/// A place in the row of those that read a channel.
pub trait ChannelReader: LogReader {
    /// Ready once there is an event after `after`; else the task is woken when one is appended.
    ///
    /// Of a reader that does not follow it is never woken.
    fn poll_new_event(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()>;

    /// Ready while an event of up to half the log's memory can be appended to the channel without overwriting an event that a
    /// follower has not taken yet; else the task is woken once that may have changed. A connection waits for it, up to
    /// [`Config::publish_wait`](crate::server::ServerConfig::publish_wait), before it publishes; [`HubBackend::publish`] does not.
    ///
    /// Only followers that have caught up with the log are waited for: each from then on until [`ChannelReader::ignore_slow_followers`].
    /// With [`Waker::noop`](core::task::Waker::noop) it is only a look. Default: always ready.
    fn poll_publish_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Publishers of the channel no longer wait for the followers that are behind now, until these have caught up.
    fn ignore_slow_followers(&mut self) {}
}

/// Why a channel cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// No channel has that name, and none may be made.
    NoSuchChannel,
    /// There is no room for another channel now.
    TooManyChannels,
    /// All wakers are taken.
    TooManyFollowers,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchChannel => "there is no such channel",
            Self::TooManyChannels => "there are as many channels as may be",
            Self::TooManyFollowers => "there are as many followers as may be",
        })
    }
}

impl core::error::Error for OpenError {}
