//! Every future may be dropped at every poll.

use std::format;
use std::vec::Vec;

use super::net::{Net, seconds, serve_hub, subscribe};
use super::subscription::{WAYS, only, publish};
use crate::client::{ClientConfig, StartPosition, SubscriptionOptions};
use crate::io::{Pipe, PipeEnd};
use crate::server::tests::world::{World, hub, keep};

#[test]
fn a_subscription_whose_futures_are_dropped_at_every_poll_loses_and_repeats_nothing() {
    let rings: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 4] = [
        || keep(Pipe::<1>::new()).ends(),
        || keep(Pipe::<7>::new()).ends(),
        || keep(Pipe::<64>::new()).ends(),
        || keep(Pipe::<1072>::new()).ends(),
    ];
    for way in WAYS {
        for (index, ends) in rings.into_iter().enumerate() {
            let (world, hub) = (World::new(), keep(hub(32, 4096)));
            let net = Net::over(world, ends, serve_hub(world, hub));
            let options = SubscriptionOptions { start: StartPosition::Oldest, ..only(way) };
            let heard = subscribe(net, options, ClientConfig::default(), true);
            for number in 0..8 {
                publish(hub, &format!("event {number}"));
                world.round();
            }
            world.pass(seconds(60));
            let expected: Vec<_> = (0..8).map(|number| format!("{}=event {number}", number + 1)).collect();
            assert_eq!(heard.events(), expected, "{} over ring {index}: {:?}", way.as_str(), heard.all());
            assert_eq!(net.connections.get(), 1, "{} over ring {index}", way.as_str());
        }
    }
}
