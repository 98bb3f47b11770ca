//! Prints the return addresses on the stack at a panic: `addr2line -fie ELF ADDRESS…` prints their lines.
//!
//! Messages would cost 8 KB of flash: every message, every location, and their formatting.

use core::fmt::Write;
use core::panic::PanicInfo;

use cortex_m::register::msp;
use cortex_m_semihosting::debug;

use crate::uart::Uart;

/// The largest number of addresses; the first ones are those of the panic itself.
const ADDRESSES: usize = 16;

unsafe extern "C" {
    static __stext: u32;
    static __etext: u32;
    static _stack_start: u32;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    // Writing to the UART cannot fail.
    let _ = Uart.write_str("panic; addr2line -fie ELF");
    let code = (&raw const __stext as u32)..(&raw const __etext as u32);
    let words = ((&raw const _stack_start as u32).saturating_sub(msp::read()) / 4) as usize;
    let top = msp::read() as *const u32;
    // SAFETY: the words from the stack pointer up to the start of the stack belong to the stack.
    let stack = (0..words).map(|at| unsafe { top.add(at).read_volatile() });
    // Return addresses of Thumb code are odd. The call is the instruction before.
    for call in stack.filter(|word| word & 1 == 1 && code.contains(word)).map(|word| word - 3).take(ADDRESSES) {
        let _ = Uart.write_str(" ");
        for digit in (0..u32::BITS).step_by(4).rev() {
            let _ = Uart.write_char(char::from_digit(call >> digit & 0xf, 16).unwrap_or_default());
        }
    }
    let _ = Uart.write_str("\n");
    stop()
}

/// Ends the emulator with exit status 1.
pub(crate) fn stop() -> ! {
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
