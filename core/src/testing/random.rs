//! Reproducible numbers.

use core::cell::Cell;

use crate::ws::connection::{MaskingKeys, NoEntropy};

/// A sequence of numbers that depends on its seed alone, or one number again and again.
#[derive(Debug)]
pub struct Random {
    state: Cell<u32>,
    is_fixed: Cell<bool>,
    is_available: Cell<bool>,
}

impl Random {
    /// The sequence that begins at `seed`.
    pub const fn seeded(seed: u32) -> Self {
        Self { state: Cell::new(seed), is_fixed: Cell::new(false), is_available: Cell::new(true) }
    }

    /// `number`, each time.
    pub const fn fixed(number: u32) -> Self {
        Self { is_fixed: Cell::new(true), ..Self::seeded(number) }
    }

    /// Changes the number of [`Random::fixed`], or the seed.
    pub fn set(&self, number: u32) {
        self.state.set(number);
    }

    /// Whether [`Random::bytes`] succeeds.
    pub fn set_available(&self, is_available: bool) {
        self.is_available.set(is_available);
    }

    /// The next number.
    pub fn number(&self) -> u32 {
        if !self.is_fixed.get() {
            self.state.set(self.state.get().wrapping_mul(0x9e37_79b1).wrapping_add(7));
        }
        self.state.get()
    }

    /// The next number, as bytes.
    ///
    /// # Errors
    /// [`NoEntropy`] after [`Random::set_available`] with `false`.
    pub fn bytes(&self) -> Result<[u8; 4], NoEntropy> {
        if self.is_available.get() { Ok(self.number().to_be_bytes()) } else { Err(NoEntropy) }
    }
}

impl MaskingKeys for Random {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        self.bytes()
    }
}
