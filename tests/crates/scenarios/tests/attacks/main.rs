//! Attacks of a hostile or careless client on a server. Each scenario states the value that holds meanwhile: the latency
//! of other clients, the memory of the process, the channels that are left.
//!
//! | file | attack |
//! | --- | --- |
//! | `burst.rs` | a publisher sends more events in one write than a channel keeps |
//! | `channels.rs` | requests that name one new channel each |
//! | `copies.rs` | readers of every full channel on every thread |
//! | `fairness.rs` | one connection sends as fast as it can, beside others on the same thread |
//! | `memory.rs` | incomplete requests and full channels, as many as the limits permit |
//! | `slow_messages.rs` | messages and control frames that never end |

mod burst;
mod channels;
mod copies;
mod fairness;
mod memory;
mod slow_messages;

use std::process::ExitCode;

use goldcrest_tests::List;

fn main() -> ExitCode {
    let mut list = List::new();
    burst::scenarios(&mut list);
    channels::scenarios(&mut list);
    copies::scenarios(&mut list);
    fairness::scenarios(&mut list);
    memory::scenarios(&mut list);
    slow_messages::scenarios(&mut list);
    list.run(|| {})
}
