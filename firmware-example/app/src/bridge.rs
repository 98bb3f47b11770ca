//! The bridge: a task that connects out to a hub and publishes the sensors there. A chip behind NAT is reached by nobody, but
//! reaches a server.
//!
//! The ids of the chip's own log are the idempotency keys. What the hub has not acknowledged is said again after a reconnect,
//! from the oldest event that the log still holds: nothing is lost that it holds, nothing is stored twice in a life of the hub that
//! still has the key (the last 64 of the channel). A hub that was restarted gets what its former life had not acknowledged.

use core::time::Duration as CoreDuration;

use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer};
use goldcrest_core::client::{Bridge, BridgeEvent, BridgeOptions, Buffers, ClientConfig, RuntimeParts};
use goldcrest_core::hub::{ChannelName, HubBackend as _};
use goldcrest_core::io::EmbassyClock;
use goldcrest_core::log::Position;
use goldcrest_core::sse::reconnect::ReconnectPolicy;
use goldcrest_core::ws::connection::NoEntropy;
use goldcrest_core::ws::keep_alive::KeepAliveConfig;
use log::info;

use crate::Board;
use crate::channels::{Channels, SENSORS};
use crate::outgoing::Outgoing;
use crate::plain::Plain;
use crate::secret::Secret;
use crate::sizes::{BRIDGE_EVENT, RECEIVE, TRANSMIT};

/// The channel to publish the sensors on, where the firmware was built with `GOLDCREST_HUB` set, to
/// `http://10.0.2.2:8080/events/device` for instance. Its host is an address: the chip looks no names up. Without it the
/// image has no client in it.
pub const HUB: Option<&str> = option_env!("GOLDCREST_HUB");

/// A hub that does not take what is published may have been set up wrong: it is tried again after so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A hub that is away is noticed, and found again, before the log of the sensors is overwritten.
const RECONNECT: ReconnectPolicy = ReconnectPolicy {
    reconnection_time: CoreDuration::from_secs(1),
    longest: CoreDuration::from_secs(5),
    ..ReconnectPolicy::DEFAULT
};
const HEARTBEAT: KeepAliveConfig =
    KeepAliveConfig { ping_interval: CoreDuration::from_secs(5), pong_deadline: CoreDuration::from_secs(5) };

/// Publishes what is published on `sensors` at `url`.
#[embassy_executor::task]
pub(crate) async fn publish_sensors(stack: Stack<'static>, hub: &'static Channels, board: &'static Board, url: &'static str) {
    let Ok(sensors) = ChannelName::new(SENSORS) else { return };
    let (mut receive, mut transmit) = ([0; RECEIVE], [0; TRANSMIT]);
    let secret = Secret::new(board.secret);
    let runtime = RuntimeParts {
        connector: Outgoing::new(TcpSocket::new(stack, &mut receive, &mut transmit)),
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
        let Ok(reader) = hub.open(sensors, true, None) else { return say("no place for the bridge") };
        let memory = Buffers { buffer: &mut buffer, location: &mut [] };
        let mut bridge = Bridge::new(&runtime, &config, url, reader, options, memory);
        while let Ok(told) = bridge.next().await {
            let told = match told {
                BridgeEvent::Stored { .. } => continue,
                BridgeEvent::Opened => "the hub is there",
                BridgeEvent::Lost { .. } => "the hub is away",
                BridgeEvent::Missed(_) => "events were overwritten before they reached the hub",
                BridgeEvent::Refused { .. } => "the hub does not take an event",
            };
            say(told);
        }
        options.start = Position::After(bridge.acknowledged());
        say("the hub takes no publications there");
        Timer::after(PATIENCE).await;
    }
}

#[inline(never)]
fn say(what: &'static str) {
    info!("{}", Plain(what));
}
