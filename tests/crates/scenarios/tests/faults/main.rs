//! Faults: what goes wrong between a server and its clients, on purpose. Each time, no other client loses an event, and what
//! somebody lost is told to it as a gap.
//!
//! | file | what goes wrong |
//! | --- | --- |
//! | `proxy.rs` | connections come in pieces, late, and break in the middle |
//! | `link.rs` | packets are lost, late, doubled, out of order; peers vanish |
//! | `peers.rs` | peers half-close, reset, stop reading, read a byte a second |
//! | `drip.rs` | content that drips |
//! | `crowd.rs` | 10,000 connections, of which a tenth are slow |
//! | `descriptors.rs` | no descriptors are left |
//! | `restart.rs` | SIGTERM in the middle of a burst, and a server that comes back |
//! | `soak.rs` | all of it for a while: memory stays what it was |
//!
//! | file | what holds against it |
//! | --- | --- |
//! | `steadfast.rs` | a reader that comes back until it has an account of every event |

mod crowd;
mod descriptors;
mod drip;
mod link;
mod peers;
mod proxy;
mod restart;
mod soak;
mod steadfast;

use std::process::ExitCode;

use goldcrest_tests::List;

fn main() -> ExitCode {
    let mut list = List::new();
    proxy::scenarios(&mut list);
    link::scenarios(&mut list);
    peers::scenarios(&mut list);
    drip::scenarios(&mut list);
    crowd::scenarios(&mut list);
    descriptors::scenarios(&mut list);
    restart::scenarios(&mut list);
    soak::scenarios(&mut list);
    list.run(|| {})
}

/// The sequence number of an id.
fn seq(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| panic!("{id:?} is no id"))
}
