//! How much RAM there is and how much has been used. The radio's heap and the stacks of its tasks, which lie in it, are no part of it.

use core::ptr;

use goldcrest_app::Memory;

unsafe extern "C" {
    static _data_start: u32;
    static _stack_start_cpu0: u32;
    static _stack_end_cpu0: u32;
    /// The word near the stack's end that is watched: what writes to it is an overflow.
    static __stack_chk_guard: u32;
}

const PAINT: u32 = 0xC5C5_C5C5;

/// What [`paint_stack`] and an interrupt's first steps have of the stack: not painted.
const IN_USE: usize = 1_024;

/// The words of the stack that can be used, its last first: those above the guard.
fn stack() -> (*mut u32, usize) {
    let [start, guard] = [&raw const _stack_start_cpu0, &raw const __stack_chk_guard].map(|symbol| symbol as usize);
    let end = guard + size_of::<u32>();
    (end as *mut u32, (start - end) / size_of::<u32>())
}

/// Paints what is free of the stack. To be called once, on the main stack and before much of it is used.
#[inline(never)]
pub(crate) fn paint_stack() {
    let (end, _) = stack();
    let here = 0_u32;
    let free = ((&raw const here) as usize).saturating_sub(IN_USE + end as usize) / size_of::<u32>();
    for at in 0..free {
        // SAFETY: a word of the stack, aligned, above its guard and below all that is in use of it.
        unsafe { ptr::write_volatile(end.add(at), PAINT) };
    }
}

/// The figures of now: what has lost its paint has been used.
pub(crate) fn figures() -> Memory {
    let [data, bottom] = [&raw const _data_start, &raw const _stack_end_cpu0].map(|symbol| symbol as usize);
    let (end, words) = stack();
    // SAFETY: the words are the stack's: RAM and aligned.
    let painted = (0..words).take_while(|&at| unsafe { ptr::read_volatile(end.add(at)) } == PAINT).count();
    Memory { statics: bottom - data, stack: words * size_of::<u32>(), stack_used: (words - painted) * size_of::<u32>() }
}
