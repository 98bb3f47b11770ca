//! The log, over UART0 (a PL011): output only, waiting for room.

use core::fmt::{self, Write};

use log::{LevelFilter, Log, Metadata, Record};

use crate::register::registers;

registers!(0x4000_c000: DR = 0x00, FR = 0x18);
const FR_TXFF: u32 = 1 << 5;

/// UART0. Writing waits until the bytes are in its FIFO.
pub(crate) struct Uart;

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while FR.read() & FR_TXFF != 0 {}
            DR.write(byte.into());
        }
        Ok(())
    }
}

struct UartLog;

impl Log for UartLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // The UART's writing cannot fail; a `Display` that does has printed what it could.
        let _ = Uart.write_str(record.level().as_str());
        let _ = writeln!(Uart, " {}", record.args());
    }

    fn flush(&self) {}
}

/// Sends what is logged to UART0.
pub(crate) fn init() {
    // Fails only where a logger is set already: then that one logs.
    let _ = log::set_logger(&UartLog).map(|()| log::set_max_level(LevelFilter::Info));
}
