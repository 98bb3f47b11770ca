//! `/led`: switches an LED by a WebSocket.
//!
//! The messages `on`, `off` and `toggle` switch it; each is answered by the new state. A change is also published on `sensors`, as an
//! event of the type `led`.

use core::cell::Cell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use goldcrest_core::log::EventType;
use goldcrest_core::server::{AcceptOptions, Exchange, HandlerResult, Runtime};
use goldcrest_core::ws::connection::MessageKind;
use log::warn;

use crate::channels::{self, SENSORS};

static LIT: Mutex<CriticalSectionRawMutex, Cell<bool>> = Mutex::new(Cell::new(false));
static CHANGED: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Waits until the LED is switched, and returns the new state. For the one task of the board that owns the pin.
pub async fn changed() -> bool {
    CHANGED.wait().await;
    is_lit()
}

fn is_lit() -> bool {
    LIT.lock(Cell::get)
}

fn switch(lit: bool) {
    if LIT.lock(|it| it.replace(lit)) == lit {
        return;
    }
    CHANGED.signal(());
    let published = EventType::new("led").map(|led| channels::publish(SENSORS, led, name(lit).as_bytes()));
    if !matches!(published, Ok(Ok(_))) {
        warn!("LED event not published");
    }
}

fn name(lit: bool) -> &'static str {
    if lit { "on" } else { "off" }
}

pub(crate) async fn answer<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let mut socket = exchange.websocket(&AcceptOptions { max_message: 16, ..Default::default() }).await?;
    socket.send(MessageKind::Text, name(is_lit()).as_bytes()).await?;
    let mut word = [0; 16];
    while let Some(message) = socket.recv(&mut word).await? {
        match message.payload {
            b"on" => switch(true),
            b"off" => switch(false),
            b"toggle" => switch(!is_lit()),
            _ => {
                socket.send(MessageKind::Text, b"say on, off or toggle").await?;
                continue;
            }
        }
        socket.send(MessageKind::Text, name(is_lit()).as_bytes()).await?;
    }
    socket.close().await
}
