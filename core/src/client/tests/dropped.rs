//! Every future may be dropped at every poll.

use std::format;
use std::vec::Vec;

use super::net::{Net, seconds, serve_hub, subscribe};
use super::subscription::{WAYS, only, publish};
use crate::client::{ClientConfig, Position, SubscriptionOptions};
use crate::io::{Pipe, PipeEnd};
use crate::testing::{Simulation, hub, leak};

#[test]
fn dropped_subscription_futures_lose_and_repeat_nothing() {
    let rings: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 4] = [
        || leak(Pipe::<1>::new()).ends(),
        || leak(Pipe::<7>::new()).ends(),
        || leak(Pipe::<64>::new()).ends(),
        || leak(Pipe::<1072>::new()).ends(),
    ];
    for way in WAYS {
        for (index, ends) in rings.into_iter().enumerate() {
            let (sim, hub) = (Simulation::new(), leak(hub(32, 4096)));
            let net = Net::over(sim, ends, serve_hub(sim, hub));
            let options = SubscriptionOptions { start: Position::Oldest, ..only(way) };
            let heard = subscribe(net, options, ClientConfig::default(), true);
            for number in 0..8 {
                publish(hub, &format!("event {number}"));
                sim.round();
            }
            sim.pass(seconds(60));
            let expected: Vec<_> = (0..8).map(|number| format!("{}=event {number}", number + 1)).collect();
            assert_eq!(heard.events(), expected, "{} over ring {index}: {:?}", way.as_str(), heard.all());
            assert_eq!(net.connections.get(), 1, "{} over ring {index}", way.as_str());
        }
    }
}
