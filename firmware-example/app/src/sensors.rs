//! The sensors: a task that publishes what it measures, once a second.

use core::fmt::Write;

use embassy_time::{Duration, Instant, Ticker};
use goldcrest_core::log::EventType;
use heapless::String;
use log::warn;

use crate::Board;
use crate::channels::{Channels, SENSORS};

const EVERY: Duration = Duration::from_secs(1);

/// Publishes `{"temperature":21.5,"uptime":60,"statics":40000,"stack":8192,"stack_used":2100}`: degrees Celsius, seconds,
/// bytes.
#[embassy_executor::task]
pub(crate) async fn measure(hub: &'static Channels, board: &'static Board) -> ! {
    let mut ticker = Ticker::every(EVERY);
    loop {
        let uptime = Instant::now().as_secs() as u32;
        let tenths = temperature(uptime);
        let figures = (board.memory)();
        let mut text = String::<128>::new();
        let _ = write!(
            text, // holds the longest figures
            "{{\"temperature\":{}.{},\"uptime\":{uptime},\"statics\":{},\"stack\":{},\"stack_used\":{}}}",
            tenths / 10,
            tenths % 10,
            figures.statics,
            figures.stack,
            figures.stack_used,
        );
        if let Err(error) = hub.publish(SENSORS, EventType::MESSAGE, text.as_bytes()) {
            warn!("the sensors were not published: {error}");
        }
        ticker.next().await;
    }
}

/// A simulated thermometer, in tenths of a degree: a slow wave between 18.0 and 24.0, and a little noise.
fn temperature(second: u32) -> u32 {
    let [slow, noise] = [second % 120, second.wrapping_mul(0x9e37_79b9) >> 8 & 3];
    let wave = if slow < 60 { slow } else { 120 - slow };
    180 + wave.min(57) + noise
}
