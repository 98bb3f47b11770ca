//! `/led`: an LED that is switched from afar, by a WebSocket.
//!
//! `on`, `off` and `toggle` switch it, any of them is answered by what it is then. Whoever follows `sensors` is told too, by
//! an event of the type `led`.

use core::cell::Cell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use goldcrest_core::log::EventType;
use goldcrest_core::server::{AcceptOptions, Exchange, HandlerResult, Runtime};
use goldcrest_core::ws::close::{CloseCode, CloseReason};
use goldcrest_core::ws::connection::MessageKind;
use log::warn;

use crate::channels::{self, SENSORS};

static LIT: Mutex<CriticalSectionRawMutex, Cell<bool>> = Mutex::new(Cell::new(false));
static CHANGED: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Waits until the LED was switched: whether it is to be lit. For the board's one task that owns the pin.
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
    let told = EventType::new("led").map(|led| channels::publish(SENSORS, led, name(lit).as_bytes()));
    if !matches!(told, Ok(Ok(_))) {
        warn!("nobody was told of the LED");
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
    socket.close(CloseCode::NORMAL, CloseReason::NONE).await
}
