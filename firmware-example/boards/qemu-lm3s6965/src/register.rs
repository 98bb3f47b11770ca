//! Device registers.

/// One 32-bit register of the chip.
#[derive(Clone, Copy)]
pub(crate) struct Register(*mut u32);

impl Register {
    /// # Safety
    /// `address` is that of a 32-bit register of this chip, whose reads and writes access no memory of Rust.
    pub(crate) const unsafe fn at(address: usize) -> Self {
        Self(core::ptr::without_provenance_mut(address))
    }

    pub(crate) fn read(self) -> u32 {
        // SAFETY: a register, as `at` requires.
        unsafe { self.0.read_volatile() }
    }

    pub(crate) fn write(self, value: u32) {
        // SAFETY: a register, as `at` requires.
        unsafe { self.0.write_volatile(value) }
    }

    /// Sets these bits, leaving the others.
    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }
}

/// Declares the registers of one device: `registers!(0x4000_c000: DR = 0x00, FR = 0x18)`. The addresses must be those of the data
/// sheet.
macro_rules! registers {
    ($base:literal: $($name:ident = $offset:literal),+ $(,)?) => {
        $(
            // SAFETY: the address of a register in the data sheet.
            const $name: $crate::register::Register = unsafe { $crate::register::Register::at($base + $offset) };
        )+
    };
}
pub(crate) use registers;
