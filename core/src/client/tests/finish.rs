//! Who leaves in order says so: the server gets a Close, and answers it.

use std::format;

use super::net::{Heard, Net, Then, memory, once, script, seconds};
use super::web_socket::accepting;
use crate::client::{
    Bridge, BridgeEvent, BridgeOptions, ClientConfig, Position, Subscription, SubscriptionEvent, SubscriptionOptions,
    Transport,
};
use crate::hub::{ChannelName, HubBackend};
use crate::server::{
    AcceptOptions as Serving, Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve,
};
use crate::testing::{Simulation, hub, leak};

/// Takes what comes, and tells how it ended.
struct Listens(Heard);

impl Handler for Listens {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let options = Serving { protocols: &["goldcrest.v1"], ..Serving::default() };
        let mut socket = exchange.websocket(&options).await?;
        while socket.recv(&mut [0; 512]).await?.is_some() {}
        self.0.push(format!("{:?}", socket.peer_close().map(|close| close.code)));
        socket.close().await
    }
}

fn listens(sim: &'static Simulation, told: &Heard) -> &'static Net {
    let (config, handler) = (leak(ServerConfig::default()), leak(Listens(told.clone())));
    Net::new(sim, move |mut end, _| {
        sim.spawn(async move { serve(&mut end, &sim.runtime, config, handler).await });
    })
}

fn leave(sim: &'static Simulation, net: &'static Net, heard: &Heard, dropping: bool) {
    let told = heard.clone();
    sim.spawn(async move {
        let options = SubscriptionOptions {
            transports: &[Transport::WebSocket],
            start: Position::Oldest,
            ..SubscriptionOptions::default()
        };
        let config = leak(ClientConfig::default());
        let mut subscription = Subscription::new(net, config, "http://localhost/events/a", options, memory(512));
        assert!(matches!(subscription.next().await, Ok(SubscriptionEvent::Opened { .. })));
        while dropping && once(subscription.close()).await.is_none() {}
        subscription.close().await;
        told.push(format!("{:?}", subscription.next().await.map(|_| ())));
        Disconnect::Closed
    });
    sim.pass(seconds(60));
    assert_eq!(sim.running(), 0, "both sides have left");
}

#[test]
fn a_subscription_that_finishes_closes_its_websocket_in_order() {
    for dropping in [false, true] {
        let (sim, heard) = (Simulation::new(), Heard::default());
        leave(sim, listens(sim, &heard), &heard, dropping);
        assert_eq!(heard.all(), ["Some(Some(CloseCode(1000)))", "Err(Closed)"]);
    }
}

#[test]
fn a_server_that_does_not_answer_a_close_holds_nobody_up() {
    let (sim, heard) = (Simulation::new(), Heard::default());
    let mute = script(sim, |_, request| {
        (accepting(request, "Sec-WebSocket-Protocol: goldcrest.v1\r\n").into_bytes(), Then::Hold)
    });
    leave(sim, Net::new(sim, mute), &heard, false);
    assert_eq!(heard.all(), ["Err(Closed)"]);
}

#[test]
fn a_bridge_that_finishes_closes_its_websocket_in_order() {
    let (sim, heard, home) = (Simulation::new(), Heard::default(), leak(hub(16, 2048)));
    let (net, told) = (listens(sim, &heard), heard.clone());
    sim.spawn(async move {
        let reader = home.open(ChannelName::new("a").unwrap(), true, None).unwrap();
        let (config, options) = (leak(ClientConfig::default()), BridgeOptions::default());
        let mut bridge = Bridge::new(net, config, "ws://localhost/events/a", reader, options, memory(400));
        assert!(matches!(bridge.next().await, Ok(BridgeEvent::Opened)));
        bridge.close().await;
        told.push(format!("{:?}", bridge.next().await.map(|_| ())));
        Disconnect::Closed
    });
    sim.pass(seconds(60));
    assert_eq!(heard.all(), ["Some(Some(CloseCode(1000)))", "Err(Closed)"]);
}
