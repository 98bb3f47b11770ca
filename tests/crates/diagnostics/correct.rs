//! A correct program, which compiles.
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use goldcrest_core::{Channel, HubHandler, StaticHub};

fn main() {
    let hub = StaticHub::<NoopRawMutex, _, 1, 1>::new(1, [Channel::new("a", [0; 64])]);
    let _ = HubHandler::new(&hub);
}
