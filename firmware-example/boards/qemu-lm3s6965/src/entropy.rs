//! Random bits. The chip has no source of them: they are read from the emulator's host by semihosting.

use cortex_m_semihosting::nr::open;
use cortex_m_semihosting::syscall;

/// Eight bytes of the host's random source; without such a file, from the host's time and the chip's.
pub(crate) fn seed() -> u64 {
    const PATH: &[u8] = b"/dev/urandom\0";
    let mut bytes = [0; 8];
    // SAFETY: SYS_OPEN reads a path that ends in a zero, and its length without that.
    let file = unsafe { syscall!(OPEN, PATH.as_ptr(), open::R_BINARY, PATH.len() - 1) };
    if file != usize::MAX {
        // SAFETY: SYS_READ writes at most `bytes.len()` bytes, into `bytes`.
        let missing = unsafe { syscall!(READ, file, bytes.as_mut_ptr(), bytes.len()) };
        // SAFETY: SYS_CLOSE of the file that was opened.
        unsafe { syscall!(CLOSE, file) };
        if missing == 0 {
            return u64::from_le_bytes(bytes);
        }
    }
    // SAFETY: SYS_TIME takes nothing and returns the seconds since 1970.
    let seconds = unsafe { syscall!(TIME) };
    (seconds as u64) << 32 ^ embassy_time::Instant::now().as_ticks()
}
