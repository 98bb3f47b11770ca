//! Publishes each line typed at UART0 on the channel `chat`, from the interrupt handler.

use core::cell::RefCell;

use cortex_m::peripheral::NVIC;
use critical_section::Mutex;
use goldcrest_app::EventType;
use heapless::Vec;
use lm3s6965::{Interrupt, interrupt};
use log::{info, warn};

use crate::register::registers;

registers!(0x4000_c000: DR = 0x00, FR = 0x18, IM = 0x38, ICR = 0x44);
const FR_RXFE: u32 = 1 << 4;
const RXIM: u32 = 1 << 4;
const RTIM: u32 = 1 << 6;

/// The longest line; a longer one is published in parts.
const LINE: usize = 120;

static TYPED: Mutex<RefCell<Vec<u8, LINE>>> = Mutex::new(RefCell::new(Vec::new()));

/// Enables the interrupt.
pub(crate) fn init() {
    IM.write(RXIM | RTIM);
    // SAFETY: its handler is below, and accesses shared state in a critical section.
    unsafe { NVIC::unmask(Interrupt::UART0) };
}

#[interrupt]
fn UART0() {
    ICR.write(RXIM | RTIM);
    critical_section::with(|cs| {
        let mut typed = TYPED.borrow(cs).borrow_mut();
        while FR.read() & FR_RXFE == 0 {
            let byte = DR.read() as u8;
            let ends = matches!(byte, b'\r' | b'\n');
            if !ends {
                let _ = typed.push(byte); // cannot fail: a full line has been published
            }
            if (ends && !typed.is_empty()) || typed.is_full() {
                match goldcrest_app::publish("chat", EventType::MESSAGE, &typed) {
                    Ok(id) => info!("published as {id}"),
                    Err(error) => warn!("not published: {error}"),
                }
                typed.clear();
            }
        }
    });
}
