//! A time as a clock.
//# `Duration` is not a `Clock` of goldcrest-core
//# `embassy::EmbassyClock` is the clock of embassy-time
fn needs_clock<C: goldcrest_core::Clock>(_: C) {}

fn main() {
    needs_clock(core::time::Duration::ZERO);
}
