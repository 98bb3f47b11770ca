//! The status LED: bit 0 of GPIO port F.

use log::info;

use crate::register::registers;

registers!(0x4002_5000: DIR = 0x400, DEN = 0x51c, PIN_0 = 0x004);
const PIN: u32 = 1 << 0;

registers!(0x400f_e000: RCGC2 = 0x108);
const RCGC2_PORT_F: u32 = 1 << 5;

/// Switches the LED for the application, and logs it, since the emulator shows no LED.
#[embassy_executor::task]
pub(crate) async fn follow() -> ! {
    RCGC2.set(RCGC2_PORT_F);
    DIR.set(PIN);
    DEN.set(PIN);
    loop {
        let lit = goldcrest_app::led::changed().await;
        PIN_0.write(if lit { PIN } else { 0 });
        if lit {
            info!("LED on");
        } else {
            info!("LED off");
        }
    }
}
