//! The bridge: a task that connects to another hub and publishes the sensors there. A chip behind NAT accepts no connections from
//! outside, but can open one.
//!
//! The ids of the chip's log are the idempotency keys. After a reconnect unacknowledged events are published again, from the oldest
//! one in the log. The hub stores none twice while it remembers the key (the last 64 of the channel). A restarted hub gets the
//! events that were not acknowledged before.

use core::time::Duration as CoreDuration;

use embassy_net::Stack;
use embassy_time::{Duration, Timer};
use goldcrest_core::client::{Bridge, BridgeEvent, BridgeOptions, Buffers, ClientConfig, RuntimeParts};
use goldcrest_core::embassy::{Connector, EmbassyClock, SocketBuffers};
use goldcrest_core::hub::{ChannelName, HubBackend as _};
use goldcrest_core::log::Position;
use goldcrest_core::sse::reconnect::ReconnectPolicy;
use goldcrest_core::ws::connection::NoEntropy;
use goldcrest_core::ws::keep_alive::KeepAliveConfig;
use log::info;

use crate::Board;
use crate::channels::{Channels, SENSORS};
use crate::plain::Plain;
use crate::secret::Secret;
use crate::sizes::{BRIDGE_EVENT, RECEIVE, TRANSMIT};

/// The delay after a hub has rejected publications, which may be misconfigured.
const PATIENCE: Duration = Duration::from_secs(30);

// A disconnect is detected, and a hub found again, before the log of the sensors overwrites its oldest event.
const RECONNECT: ReconnectPolicy = ReconnectPolicy {
    reconnection_time: CoreDuration::from_secs(1),
    longest: CoreDuration::from_secs(5),
    ..ReconnectPolicy::DEFAULT
};
const HEARTBEAT: KeepAliveConfig =
    KeepAliveConfig { ping_interval: CoreDuration::from_secs(5), pong_deadline: CoreDuration::from_secs(5) };

/// Publishes the events of `sensors` at `url`.
#[embassy_executor::task]
pub(crate) async fn publish_sensors(
    stack: Stack<'static>,
    hub: &'static Channels,
    board: &'static Board,
    url: &'static str,
) {
    let Ok(sensors) = ChannelName::new(SENSORS) else { return };
    let mut buffers = SocketBuffers::<RECEIVE, TRANSMIT>::new();
    let secret = Secret::new(board.secret);
    let runtime = RuntimeParts {
        connector: Connector::new(stack, &mut buffers),
        clock: EmbassyClock,
        random: || secret.next().ok_or(NoEntropy),
    };
    let config = ClientConfig {
        connect_timeout: CoreDuration::from_secs(5),
        response_timeout: CoreDuration::from_secs(5),
        write_timeout: CoreDuration::from_secs(10),
        keep_alive: HEARTBEAT,
        ..ClientConfig::default()
    };
    let mut buffer = [0; BRIDGE_EVENT];
    let mut options = BridgeOptions { reconnect: RECONNECT, seed: board.seed as u32, ..BridgeOptions::default() };
    stack.wait_config_up().await;
    loop {
        let Ok(reader) = hub.open(sensors, true, None) else { return say("all readers are in use: no bridge") };
        let memory = Buffers { buffer: &mut buffer, location: &mut [] };
        let mut bridge = Bridge::new(&runtime, &config, url, reader, options, memory);
        while let Ok(event) = bridge.next().await {
            let text = match event {
                BridgeEvent::Stored { .. } => continue,
                BridgeEvent::Opened => "connected to the hub",
                BridgeEvent::Disconnected { .. } => "disconnected from the hub",
                BridgeEvent::Gap(_) => "events were overwritten before they reached the hub",
                BridgeEvent::Rejected { .. } => "the hub rejects an event",
            };
            say(text);
        }
        options.start = Position::After(bridge.acknowledged());
        say("the hub rejects publications");
        Timer::after(PATIENCE).await;
    }
}

#[inline(never)]
fn say(text: &'static str) {
    info!("{}", Plain(text));
}
