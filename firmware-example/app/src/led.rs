//! An LED that is switched from afar.

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;

static LIT: Signal<CriticalSectionRawMutex, bool> = Signal::new();

/// Switches it.
pub fn set(lit: bool) {
    LIT.signal(lit);
}

/// Waits until it is switched; whether it is to be lit. For the board's one task that owns the pin.
pub async fn changed() -> bool {
    LIT.wait().await
}
