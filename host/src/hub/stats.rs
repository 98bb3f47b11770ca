//! Statistics of the channels of a hub, and their deletion.

use goldcrest_core::hub::{ChannelName, ChannelNameError};

use super::channel_stats::ChannelStats;
use super::master::Master;
use super::registry::{ChannelLookup, Hub};
use crate::counters::PublishSums;
use crate::sync::Arc;

/// The logs of all channels.
pub(crate) struct LogTotals {
    pub(crate) channels: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

impl Hub {
    /// The statistics of the channels whose names begin with `prefix` and follow `after` in byte order: the first `limit` of them.
    ///
    /// ```
    /// use goldcrest_host::{EventType, Hub};
    ///
    /// let hub = Hub::new(Default::default())?;
    /// for channel in ["user.1", "user.2", "news"] {
    ///     hub.publish(channel, EventType::MESSAGE, "hello")?;
    /// }
    /// let page = hub.channel_stats("user.", "user.1", 10);
    /// assert_eq!((page.len(), page[0].name.as_str(), page[0].events), (1, "user.2", 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn channel_stats(&self, prefix: &str, after: &str, limit: usize) -> Vec<ChannelStats> {
        let mut masters = self.masters(|name| name.starts_with(prefix) && name > after);
        let by_name = |a: &Arc<Master>, b: &Arc<Master>| a.name().cmp(b.name());
        if limit < masters.len() {
            masters.select_nth_unstable_by(limit, by_name);
            masters.truncate(limit);
        }
        masters.sort_unstable_by(by_name);
        masters.iter().map(|master| master.stats(self.seconds())).collect()
    }

    /// The statistics of one channel; `None` where there is none of that name.
    pub fn channel(&self, name: &str) -> Option<ChannelStats> {
        match self.find(self.channel_name(name).ok()?) {
            ChannelLookup::Found(master) => Some(master.stats(self.seconds())),
            ChannelLookup::Missing { .. } => None,
        }
    }

    /// Deletes the events of a channel, and begins its next epoch: cursors of before are unknown from then on. Returns whether there
    /// was such a channel.
    ///
    /// A channel without followers is removed. Otherwise its followers stay, sequence numbers continue, and a follower that has not
    /// read an event that was deleted gets a gap by [`ChannelLimits::gap_policy`](crate::ChannelLimits::gap_policy).
    ///
    /// # Errors
    /// The hub permits no channel of that name.
    pub fn delete_channel(&self, name: &str) -> Result<bool, ChannelNameError> {
        let name: ChannelName<'_> = self.channel_name(name)?;
        Ok(self.delete(name))
    }

    /// The sizes of all logs.
    pub(crate) fn log_totals(&self) -> LogTotals {
        let masters = self.masters(|_| true);
        let mut totals = LogTotals { channels: masters.len() as u64, events: 0, bytes: 0 };
        for master in masters {
            let (events, bytes) = master.log_size();
            totals.events += events as u64;
            totals.bytes += bytes as u64;
        }
        totals
    }

    /// The sums of its publications.
    pub(crate) fn publications(&self) -> PublishSums {
        self.publish_counters().sums()
    }
}
