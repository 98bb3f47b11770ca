//! The limit on memory in all.
//!
//! Memory that grows with connections, readers and channels is reserved here before it is allocated. A reservation costs
//! one atomic addition, in steps, and off the hot paths.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The default of [`SocketLimits::memory`](crate::Limits::memory).
pub(crate) const MAX_MEMORY: usize = 1 << 30;

/// The reserved memory and its limit. A clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    reserved: AtomicUsize,
    /// The most that was reserved since [`Memory::has_fallen_by`] was last true.
    peak: AtomicUsize,
    limit: AtomicUsize,
    /// A reservation was refused, and that is logged.
    refused: AtomicBool,
}

/// The use of reserved memory, and its share of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Something large: a channel, a copy of one, a buffer that grows. Five eighths of the limit.
    Growth,
    /// For a small request: a connection, the first bytes of a buffer. Seven eighths of the limit, so that small requests
    /// still succeed while large ones get 503.
    First,
    /// Bytes that were received or are to be sent: without memory for them their connection breaks. The whole limit.
    Kept,
}

/// A reservation, released on drop.
#[derive(Debug)]
pub(crate) struct Reserved {
    memory: Memory,
    bytes: usize,
}

impl Default for Memory {
    /// Without a limit.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Memory {
    /// `limit` bytes, of which none are reserved.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State {
            reserved: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            refused: AtomicBool::new(false),
        };
        Self { state: Arc::new(state) }
    }

    /// Changes the limit.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.state.limit.store(limit, Ordering::Relaxed);
    }

    /// The limit, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.state.limit.load(Ordering::Relaxed)
    }

    /// Reserves `bytes`; `false` past the share of the use.
    pub(crate) fn try_reserve(&self, bytes: usize, purpose: Use) -> bool {
        let State { reserved, peak, refused, .. } = &*self.state;
        let limit = self.limit();
        let share = match purpose {
            Use::Growth => limit / 8 * 5,
            Use::First => limit - limit / 8,
            Use::Kept => limit,
        };
        let before = reserved.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|after| after <= share);
        if !fits {
            reserved.fetch_sub(bytes, Ordering::Relaxed);
            if !refused.swap(true, Ordering::Relaxed) {
                tracing::warn!(limit, "the memory limit is reached; raise it with --max-memory");
            }
        }
        // Most reservations do not reach the peak, and only load it.
        if fits && before + bytes > peak.load(Ordering::Relaxed) {
            peak.fetch_max(before + bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Whether at least `bytes` less are reserved than at the peak since this was last `true`. Then so much freed memory is worth
    /// returning to the system, even after a short peak.
    pub(crate) fn has_fallen_by(&self, bytes: usize) -> bool {
        let reserved = self.reserved();
        let fallen = self.state.peak.load(Ordering::Relaxed).saturating_sub(reserved) >= bytes;
        if fallen {
            self.state.peak.store(reserved, Ordering::Relaxed);
        }
        fallen
    }

    /// Releases `bytes` of reserved memory.
    pub(crate) fn release(&self, bytes: usize) {
        self.state.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A reservation of `bytes` for [`Use::Growth`]; `None` past its share.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reserved> {
        self.reserve_for(bytes, Use::Growth)
    }

    /// A reservation of `bytes`; `None` past the share of the use.
    pub(crate) fn reserve_for(&self, bytes: usize, purpose: Use) -> Option<Reserved> {
        self.try_reserve(bytes, purpose).then(|| Reserved { memory: self.clone(), bytes })
    }

    /// Whether more than half of the limit is reserved: caches free their memory then.
    pub(crate) fn is_scarce(&self) -> bool {
        self.reserved() > self.limit() / 2
    }

    /// The bytes that are reserved.
    pub(crate) fn reserved(&self) -> usize {
        self.state.reserved.load(Ordering::Relaxed)
    }
}

impl Reserved {
    /// Reserves `bytes` more; `false` past the share of [`Use::Growth`].
    pub(crate) fn try_grow(&mut self, bytes: usize) -> bool {
        let grown = self.memory.try_reserve(bytes, Use::Growth);
        if grown {
            self.bytes += bytes;
        }
        grown
    }

    /// Releases `bytes` of the reservation.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.release(bytes);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.release(self.bytes);
    }
}

/// Returns freed memory to the system (`malloc_trim`): glibc's allocator otherwise keeps the gaps between live blocks.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(
    unsafe_code,
    reason = "malloc_trim has no precondition: it is callable from any thread at any time (malloc_trim(3), MT-Safe)"
)]
pub(crate) fn trim() {
    // SAFETY: see above.
    unsafe { libc::malloc_trim(0) };
}

/// Does nothing: other allocators return freed memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_has_its_share_of_the_limit() {
        let memory = Memory::new(800);
        assert!(memory.try_reserve(400, Use::Growth) && !memory.is_scarce());
        assert!(!memory.try_reserve(101, Use::Growth) && memory.try_reserve(100, Use::Growth) && memory.is_scarce());
        assert!(!memory.try_reserve(1, Use::Growth));
        assert!(memory.try_reserve(200, Use::First) && !memory.try_reserve(1, Use::First));
        assert!(memory.try_reserve(100, Use::Kept) && !memory.try_reserve(1, Use::Kept));
        assert_eq!(memory.reserved(), 800);
        assert!(!memory.has_fallen_by(1));
        memory.release(800);
        assert_eq!(memory.reserved(), 0);
        assert!(memory.has_fallen_by(800) && !memory.has_fallen_by(1), "once for each fall");
        assert!(!memory.try_reserve(usize::MAX, Use::Kept), "no sum overflows");
        memory.set_limit(usize::MAX);
        assert!(memory.try_reserve(usize::MAX / 2, Use::Growth));
    }
}
