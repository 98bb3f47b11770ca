//! Input that no compiler knows, and a panic handler that does not link.

use core::hint::black_box;
use core::panic::PanicInfo;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_is_reachable() -> !;
    }
    // What it would say keeps the kinds of panics apart.
    black_box(info);
    // SAFETY: there is no such function, and what calls it does not link.
    unsafe { a_panic_is_reachable() }
}

static mut ROOM: [u8; 512] = [0; 512];
static mut INPUT: [u8; 512] = [0; 512];

/// A slice of any length, with anything in it.
pub fn room() -> &'static mut [u8] {
    // SAFETY: nobody runs this.
    black_box(unsafe { &mut *(&raw mut ROOM) })
}

/// Another one.
pub fn input() -> &'static mut [u8] {
    // SAFETY: nobody runs this.
    black_box(unsafe { &mut *(&raw mut INPUT) })
}

/// Any text.
pub fn text() -> &'static str {
    black_box(core::str::from_utf8(input()).unwrap_or_default())
}

/// Any number.
pub fn number() -> u64 {
    black_box(0)
}

/// Any answer to a question.
#[allow(dead_code, reason = "the machines ask no questions")]
pub fn chance() -> bool {
    black_box(true)
}
