//! Measures the RAM of a Cortex-M that `cortex-m-rt` has started.
#![no_std]

use core::ptr;

use cortex_m_rt::STACK_PAINT_VALUE;
use goldcrest_app::Memory;

unsafe extern "C" {
    static __sdata: u32;
    static __euninit: u32;
    static _stack_start: u32;
    static _stack_end: u32;
}

/// Measures the RAM. cortex-m-rt paints the stack at reset: the part without paint has been used.
pub fn figures() -> Memory {
    let [data, uninit] = [&raw const __sdata, &raw const __euninit].map(|symbol| symbol as usize);
    let (end, start) = (&raw const _stack_end, &raw const _stack_start);
    let stack = (start as usize) - (end as usize);
    let words = stack / size_of::<u32>();
    // SAFETY: the words between the two symbols belong to the stack: RAM, aligned, and below this function's frame.
    let painted = (0..words).take_while(|&at| unsafe { ptr::read_volatile(end.add(at)) } == STACK_PAINT_VALUE).count();
    Memory { statics: uninit - data, stack, stack_used: stack - painted * size_of::<u32>() }
}

/// The initial stack pointer; the stack grows down.
pub fn top_of_stack() -> *const u32 {
    &raw const _stack_start
}
