//! The heap of the tests: 16 MiB of the board's that nothing else uses.

use embedded_alloc::LlffHeap;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

const BEGIN: usize = 0x2100_0000;
const SIZE: usize = 16 << 20;

/// Empties it. Called once, before anything is allocated.
pub(crate) fn init() {
    // SAFETY: the board has RAM there, of which the memory map knows nothing; called once from each reset.
    unsafe { HEAP.init(BEGIN, SIZE) };
}

/// Whether tests have left half of it behind.
pub(crate) fn is_half_leaked() -> bool {
    HEAP.used() > SIZE / 2
}
