//! A reference to a cell of a hub.
//# `RefCell<StaticHub<
//# is not a hub
//# pass a reference to the hub itself, not to a reference, a cell or a lock of it
use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use goldcrest_core::{Channel, HubHandler, StaticHub};

fn main() {
    let hub = StaticHub::<NoopRawMutex, _, 1, 1>::new(1, [Channel::new("a", [0; 64])]);
    let _ = HubHandler::new(&RefCell::new(hub));
}
