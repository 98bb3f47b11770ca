//! Where a client's masking keys come from.

/// A random source that has nothing to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy;

impl core::fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no entropy for a masking key")
    }
}

impl core::error::Error for NoEntropy {}

/// A source of masking keys: unpredictable, a new one for each frame (RFC 6455 §5.3, §10.3).
///
/// A server never asks for one: it passes [`Unmasked`].
pub trait MaskingKeys {
    /// The next key.
    ///
    /// # Errors
    /// [`NoEntropy`]: the frame is then not begun, and may be tried again.
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy>;
}

impl<F: FnMut() -> Result<[u8; 4], NoEntropy>> MaskingKeys for F {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        self()
    }
}

/// The source of masking keys of a server, which masks nothing (RFC 6455 §5.1).
///
/// A client's connection that gets it by mistake fails with [`NoEntropy`], and sends no unmasked frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmasked;

impl MaskingKeys for Unmasked {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        Err(NoEntropy)
    }
}
