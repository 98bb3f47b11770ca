//! Numbers that spread the delays of many clients.

/// A xorshift generator (Marsaglia 2003) of 32 bits: not for secrets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread(u32);

impl Spread {
    pub(super) const fn new(seed: u32) -> Self {
        Self(if seed == 0 { 0x9e37_79b9 } else { seed })
    }

    pub(super) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}
