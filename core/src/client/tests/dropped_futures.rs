//! Dropping each future after each poll.

use std::format;
use std::vec::Vec;

use super::network::{Network, seconds, serve_hub, subscribe};
use super::subscription::{TRANSPORTS, only, publish};
use crate::client::{ClientConfig, Position, SubscriptionOptions};
use crate::io::{Pipe, PipeEnd};
use crate::testing::{Simulation, hub, leak};

#[test]
fn dropping_every_future_loses_and_repeats_no_event() {
    let pipes: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 4] = [
        || leak(Pipe::<1>::new()).ends(),
        || leak(Pipe::<7>::new()).ends(),
        || leak(Pipe::<64>::new()).ends(),
        || leak(Pipe::<1072>::new()).ends(),
    ];
    for transport in TRANSPORTS {
        for (index, ends) in pipes.into_iter().enumerate() {
            let (sim, hub) = (Simulation::new(), leak(hub(32, 4096)));
            let net = Network::over(sim, ends, serve_hub(sim, hub));
            let options = SubscriptionOptions { start: Position::Oldest, ..only(transport) };
            let log = subscribe(net, options, ClientConfig::default(), true);
            for number in 0..8 {
                publish(hub, &format!("event {number}"));
                sim.round();
            }
            sim.pass(seconds(60));
            let expected: Vec<_> = (0..8).map(|number| format!("{}=event {number}", number + 1)).collect();
            assert_eq!(log.events(), expected, "{} over ring {index}: {:?}", transport.as_str(), log.all());
            assert_eq!(net.connections.get(), 1, "{} over ring {index}", transport.as_str());
        }
    }
}
