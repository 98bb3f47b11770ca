//! Runs one test after another, over as many resets as failures and leaks ask for.

use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};

use crate::heap;

/// A test, as `#[test]` lays it into the section `tests`.
#[repr(C)]
pub struct Test {
    /// Its path.
    pub name: &'static str,
    /// Panics where the promise of its name is broken.
    pub run: fn(),
}

unsafe extern "C" {
    static __start_tests: u8;
    static __stop_tests: u8;
}

/// State that survives a reset.
struct Kept {
    /// Set after the first start: the RAM's content at power-on is undefined.
    sign: AtomicU32,
    next: AtomicU32,
    failed: AtomicU32,
    large: AtomicU32,
}

/// So many tests may need more memory than the board has: some build hundreds of small worlds, each of which stays until the end.
/// The core itself allocates nothing.
const MOST_LARGE: u32 = 10;

const SIGN: u32 = 0x676f_6c64;

#[unsafe(link_section = ".uninit.kept")]
static KEPT: MaybeUninit<Kept> = MaybeUninit::uninit();

fn kept() -> &'static Kept {
    // SAFETY: any bits are numbers.
    unsafe { KEPT.assume_init_ref() }
}

fn tests() -> &'static [Test] {
    let [begin, end] = [&raw const __start_tests, &raw const __stop_tests].map(<*const u8>::cast::<Test>);
    // SAFETY: the linker places the two around the entries of `#[test]`, and nothing else is in that section.
    unsafe { slice::from_raw_parts(begin, end.offset_from_unsigned(begin)) }
}

#[entry]
fn main() -> ! {
    heap::init();
    let (kept, tests) = (kept(), tests());
    if kept.sign.swap(SIGN, Ordering::Relaxed) != SIGN {
        kept.next.store(0, Ordering::Relaxed);
        kept.failed.store(0, Ordering::Relaxed);
        kept.large.store(0, Ordering::Relaxed);
        hprintln!("running {} tests", tests.len());
    }
    while let Some(test) = tests.get(kept.next.fetch_add(1, Ordering::Relaxed) as usize) {
        (test.run)();
        hprintln!("test {} ... ok", test.name);
        if heap::is_half_leaked() {
            SCB::sys_reset();
        }
    }
    let [failed, large] = [&kept.failed, &kept.large].map(|count| count.load(Ordering::Relaxed));
    hprintln!("{} ran, {failed} failed; {large} need more memory than there is", tests.len() as u32 - large);
    end(failed == 0 && large <= MOST_LARGE && !tests.is_empty())
}

fn end(well: bool) -> ! {
    loop {
        debug::exit(if well { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

fn fail(count: &AtomicU32, verdict: &str) -> ! {
    count.fetch_add(1, Ordering::Relaxed);
    let running = kept().next.load(Ordering::Relaxed).wrapping_sub(1);
    match tests().get(running as usize) {
        Some(test) => hprintln!("test {} ... {}", test.name, verdict),
        None => end(false),
    }
    SCB::sys_reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // Where the allocator finds nothing, the library panics there.
    if info.location().is_some_and(|location| location.file().ends_with("alloc/src/alloc.rs")) {
        fail(&kept().large, "ignored: it needs more memory");
    }
    hprintln!("{}", info);
    fail(&kept().failed, "FAILED")
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    hprintln!("HardFault at {:#x}", frame.pc());
    fail(&kept().failed, "FAILED")
}
