//! Measures the RAM, without the radio's heap, which includes the stacks of the radio's tasks.

use core::ptr;

use goldcrest_app::Memory;

unsafe extern "C" {
    static _data_start: u32;
    static _stack_start_cpu0: u32;
    static _stack_end_cpu0: u32;
    /// The guard word near the stack's end: a write to it is an overflow.
    static __stack_chk_guard: u32;
}

const PAINT: u32 = 0xC5C5_C5C5;

/// Bytes of the stack in use by [`paint_stack`] and an interrupt's entry: not painted.
const IN_USE: usize = 1_024;

/// The usable words of the stack above the guard, from its end on, and their number.
fn stack() -> (*mut u32, usize) {
    let [start, guard] = [&raw const _stack_start_cpu0, &raw const __stack_chk_guard].map(|symbol| symbol as usize);
    let end = guard + size_of::<u32>();
    (end as *mut u32, (start - end) / size_of::<u32>())
}

/// Paints the free part of the stack. To be called once, on the main stack, at boot.
#[inline(never)]
pub(crate) fn paint_stack() {
    let (end, _) = stack();
    let here = 0_u32;
    let free = ((&raw const here) as usize).saturating_sub(IN_USE + end as usize) / size_of::<u32>();
    for at in 0..free {
        // SAFETY: an aligned word of the stack, above its guard and below the part in use.
        unsafe { ptr::write_volatile(end.add(at), PAINT) };
    }
}

/// Measures the RAM. The stack without paint has been used.
pub(crate) fn figures() -> Memory {
    let [data, bottom] = [&raw const _data_start, &raw const _stack_end_cpu0].map(|symbol| symbol as usize);
    let (end, words) = stack();
    // SAFETY: the words belong to the stack: RAM, and aligned.
    let painted = (0..words).take_while(|&at| unsafe { ptr::read_volatile(end.add(at)) } == PAINT).count();
    Memory { statics: bottom - data, stack: words * size_of::<u32>(), stack_used: (words - painted) * size_of::<u32>() }
}
