//! Faults between a server and its clients, on purpose. Each time, no other client loses an event, and lost events are reported
//! as a gap.
//!
//! | file | fault |
//! | --- | --- |
//! | `proxy.rs` | connections come in pieces, late, and break in the middle |
//! | `packet_loss.rs` | packets are lost, late, doubled, out of order; peers vanish |
//! | `peers.rs` | peers half-close, reset, stop reading, read a byte a second |
//! | `slow_content.rs` | content that drips |
//! | `many_connections.rs` | 10,000 connections, of which a tenth are slow |
//! | `descriptors.rs` | no descriptors are left |
//! | `restart.rs` | SIGTERM in the middle of a burst, and a server that comes back |
//! | `soak.rs` | all of it for a while: memory does not grow |
//!
//! | file | helper |
//! | --- | --- |
//! | `resilient_reader.rs` | a reader that comes back until it has an account of every event |

mod descriptors;
mod many_connections;
mod packet_loss;
mod peers;
mod proxy;
mod resilient_reader;
mod restart;
mod slow_content;
mod soak;

use std::process::ExitCode;

use goldcrest_tests::List;

fn main() -> ExitCode {
    let mut list = List::new();
    proxy::scenarios(&mut list);
    packet_loss::scenarios(&mut list);
    peers::scenarios(&mut list);
    slow_content::scenarios(&mut list);
    many_connections::scenarios(&mut list);
    descriptors::scenarios(&mut list);
    restart::scenarios(&mut list);
    soak::scenarios(&mut list);
    list.run(|| {})
}

/// The sequence number of an id.
fn seq(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| panic!("{id:?} is no id"))
}
