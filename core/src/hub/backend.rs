//! The interface between a hub and its transports.

use core::fmt;
use core::net::IpAddr;
use core::task::{Context, Poll};

use super::{ChannelName, ChannelNameError, NamePolicy, NewEvent, PublishError, PublishOutcome};
use crate::format::Transport;
use crate::log::{GapPolicy, LogReader};

/// Channels by name: [`StaticHub`](super::StaticHub) on a chip; a host has a hub that creates channels on first use.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a hub",
    label = "expected a `HubBackend`, such as `StaticHub`",
    note = "pass a reference to the hub itself, not to a reference, a cell or a lock of it: `HubHandler::new(hub)` with `hub: &StaticHub<…>`",
    note = "the storage of a `StaticHub` is an array or a slice of `u8`, and its mutex is a `RawMutex` of embassy-sync 0.8"
)]
pub trait HubBackend {
    /// A reader of one channel.
    type Reader<'a>: ChannelReader
    where
        Self: 'a;

    /// Memory for the name of a channel while a request is prepared.
    type NameBuffer: AsMut<[u8]>;

    /// The names that its channels may have.
    fn name_policy(&self) -> NamePolicy;

    /// Memory for the longest name that [`HubBackend::name_policy`] permits. A longer name is invalid.
    fn name_buffer(&self) -> Self::NameBuffer;

    /// A reader of `channel`. One that is `following` is woken by new events, and counts as a follower until it is dropped.
    ///
    /// `peer` is the network of the client ([`Socket::peer_network`](crate::io::Socket::peer_network)), by which a hub may limit
    /// new channels; `None` where clients are not distinguished.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::TooManyChannels`] also where the clients of `peer` have created their share of channels.
    fn open(
        &self,
        channel: ChannelName<'_>,
        following: bool,
        peer: Option<IpAddr>,
    ) -> Result<Self::Reader<'_>, OpenError>;

    /// Appends to `channel` and wakes its followers. It never waits. `peer` is as in [`HubBackend::open`].
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored. [`PublishError::TooManyChannels`] also where the clients of `peer` have created their
    /// share of channels.
    fn publish(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError>;

    /// How readers continue once their next event has been overwritten.
    fn gap_policy(&self, channel: ChannelName<'_>) -> GapPolicy;
}

/// A reader of a channel.
pub trait ChannelReader: LogReader {
    /// Appends to the channel, as [`HubBackend::publish`]. A connection that reads needs no memory for the name.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    fn publish(&self, event: &NewEvent<'_>, peer: Option<IpAddr>) -> Result<PublishOutcome, PublishError>;

    /// Ready once there is an event after `after`; else the task is woken when one is appended.
    ///
    /// A reader that does not follow never wakes it.
    fn poll_new_event(&mut self, cx: &mut Context<'_>, after: u64) -> Poll<()>;

    /// Ready while an event of up to half the log's memory can be appended to the channel without overwriting one that a follower
    /// has not read yet. Else the task is woken once that may have changed. A connection waits for it before it publishes, up to
    /// [`ServerConfig::publish_wait`](crate::server::ServerConfig::publish_wait). [`HubBackend::publish`] does not wait.
    ///
    /// Each follower counts from the time that it has caught up with the log until [`ChannelReader::ignore_slow_followers`].
    /// [`Waker::noop`](core::task::Waker::noop) is not stored. Default: always ready.
    fn poll_publish_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Reports, before its first seek, that the reader serves `transport`. `resumes` where the client continues a position of its own.
    /// Default: no report.
    fn begin(&mut self, _transport: Transport, _resumes: bool) {}

    /// Reports that the events up to sequence number `after` were written to the connection. It may repeat a number. Default: no
    /// report.
    fn sent(&self, _after: u64) {}

    /// Publishers of the channel no longer wait for the followers that are behind now, until these have caught up.
    fn ignore_slow_followers(&mut self) {}
}

/// Why a channel was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The hub permits no such name.
    InvalidName(ChannelNameError),
    /// No channel has that name, and none may be created.
    NoSuchChannel,
    /// There is no room for another channel now.
    TooManyChannels,
    /// There is no room for another follower.
    TooManyFollowers,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidName(ChannelNameError(policy)) => policy.text(),
            Self::NoSuchChannel => "there is no such channel",
            Self::TooManyChannels => "too many channels",
            Self::TooManyFollowers => "too many followers",
        })
    }
}

impl core::error::Error for OpenError {}

impl From<ChannelNameError> for OpenError {
    fn from(error: ChannelNameError) -> Self {
        Self::InvalidName(error)
    }
}
