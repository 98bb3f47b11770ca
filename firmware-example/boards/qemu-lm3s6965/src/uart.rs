//! The log, over UART0 (a PL011): output only, blocking.

use core::fmt::{self, Write};

use log::{LevelFilter, Log, Metadata, Record};

use crate::register::registers;

registers!(0x4000_c000: DR = 0x00, FR = 0x18);
const FR_TXFF: u32 = 1 << 5;

/// UART0. Writing waits until the bytes are in its FIFO.
pub(crate) struct Uart;

impl Uart {
    fn send(byte: u8) {
        while FR.read() & FR_TXFF != 0 {}
        DR.write(byte.into());
    }
}

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(Self::send);
        Ok(())
    }

    /// A character outside ASCII becomes `?`: only padding is written by this method, and encoding UTF-8 needs 300 bytes of flash.
    fn write_char(&mut self, character: char) -> fmt::Result {
        Self::send(if character.is_ascii() { character as u8 } else { b'?' });
        Ok(())
    }
}

struct UartLog;

impl Log for UartLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Writing to the UART cannot fail; a `Display` that fails has printed a part.
        let _ = Uart.write_str(record.level().as_str());
        let _ = writeln!(Uart, " {}", record.args());
    }

    fn flush(&self) {}
}

/// Sends the log to UART0.
pub(crate) fn init() {
    // Fails only if another logger is set already, which is then used.
    let _ = log::set_logger(&UartLog).map(|()| log::set_max_level(LevelFilter::Info));
}
