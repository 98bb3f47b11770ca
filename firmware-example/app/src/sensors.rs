//! The sensors: a task that publishes measurements once a second.

use embassy_time::{Duration, Instant, Ticker};
use goldcrest_core::log::EventType;
use goldcrest_core::output::{Output, ResumableWriter};
use log::warn;

use crate::Board;
use crate::channels::{Channels, SENSORS};
use crate::memory;

const EVERY: Duration = Duration::from_secs(1);

/// Publishes `{"temperature":21.5,"uptime":60,"statics":40000,"stack":8192,"stack_used":2100}`: degrees Celsius, seconds,
/// bytes.
#[embassy_executor::task]
pub(crate) async fn measure(hub: &'static Channels, board: &'static Board) -> ! {
    let mut ticker = Ticker::every(EVERY);
    loop {
        let uptime = Instant::now().as_secs() as u32;
        let tenths = temperature(uptime);
        let mut text = [0; 128]; // holds the longest figures
        let mut out = ResumableWriter::new(&mut text, 0);
        out.put(b"{\"temperature\":");
        out.put_decimal((tenths / 10).into());
        out.put(b".");
        out.put_decimal((tenths % 10).into());
        out.put(b",\"uptime\":");
        out.put_decimal(uptime.into());
        out.put(b",");
        memory::figures(board, &mut out);
        let written = out.written();
        let text = text.get(..written).unwrap_or_default();
        if let Err(error) = hub.publish(SENSORS, EventType::MESSAGE, text) {
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
