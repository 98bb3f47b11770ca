//! Closing in order: the closing handshake (RFC 6455 §7.1.2).

use std::format;

use super::network::{Log, Network, Then, buffers, poll_once, script, seconds};
use super::websocket::accepting;
use crate::client::{
    Bridge, BridgeEvent, BridgeOptions, ClientConfig, Position, Subscription, SubscriptionEvent, SubscriptionOptions,
    Transport,
};
use crate::hub::{ChannelName, HubBackend};
use crate::server::{
    AcceptOptions as Serving, Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve,
};
use crate::testing::{Simulation, hub, leak};

/// Receives messages and logs the close code.
struct Listens(Log);

impl Handler for Listens {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let options = Serving { protocols: &["goldcrest.v1"], ..Serving::default() };
        let mut socket = exchange.websocket(&options).await?;
        while socket.recv(&mut [0; 512]).await?.is_some() {}
        self.0.push(format!("{:?}", socket.peer_close().map(|close| close.code)));
        socket.close().await
    }
}

fn listens(sim: &'static Simulation, told: &Log) -> &'static Network {
    let (config, handler) = (leak(ServerConfig::default()), leak(Listens(told.clone())));
    Network::new(sim, move |mut end, _| {
        sim.spawn(async move { serve(&mut end, &sim.runtime, config, handler).await });
    })
}

fn leave(sim: &'static Simulation, net: &'static Network, log: &Log, dropping: bool) {
    let told = log.clone();
    sim.spawn(async move {
        let options = SubscriptionOptions {
            transports: &[Transport::WebSocket],
            start: Position::Oldest,
            ..SubscriptionOptions::default()
        };
        let config = leak(ClientConfig::default());
        let mut subscription = Subscription::new(net, config, "http://localhost/events/a", options, buffers(512));
        assert!(matches!(subscription.next().await, Ok(SubscriptionEvent::Opened { .. })));
        while dropping && poll_once(subscription.close()).await.is_none() {}
        subscription.close().await;
        told.push(format!("{:?}", subscription.next().await.map(|_| ())));
        Disconnect::Closed
    });
    sim.pass(seconds(60));
    assert_eq!(sim.running(), 0, "both sides have closed");
}

#[test]
fn subscription_close_performs_the_closing_handshake() {
    for dropping in [false, true] {
        let (sim, log) = (Simulation::new(), Log::default());
        leave(sim, listens(sim, &log), &log, dropping);
        assert_eq!(log.all(), ["Some(Some(CloseCode(1000)))", "Err(Closed)"]);
    }
}

#[test]
fn close_times_out_without_the_servers_close_frame() {
    let (sim, log) = (Simulation::new(), Log::default());
    let mute = script(sim, |_, request| {
        (accepting(request, "Sec-WebSocket-Protocol: goldcrest.v1\r\n").into_bytes(), Then::Hold)
    });
    leave(sim, Network::new(sim, mute), &log, false);
    assert_eq!(log.all(), ["Err(Closed)"]);
}

#[test]
fn bridge_close_performs_the_closing_handshake() {
    let (sim, log, home) = (Simulation::new(), Log::default(), leak(hub(16, 2048)));
    let (net, told) = (listens(sim, &log), log.clone());
    sim.spawn(async move {
        let reader = home.open(ChannelName::new("a").unwrap(), true, None).unwrap();
        let (config, options) = (leak(ClientConfig::default()), BridgeOptions::default());
        let mut bridge = Bridge::new(net, config, "ws://localhost/events/a", reader, options, buffers(400));
        assert!(matches!(bridge.next().await, Ok(BridgeEvent::Opened)));
        bridge.close().await;
        told.push(format!("{:?}", bridge.next().await.map(|_| ())));
        Disconnect::Closed
    });
    sim.pass(seconds(60));
    assert_eq!(log.all(), ["Some(Some(CloseCode(1000)))", "Err(Closed)"]);
}
