//! A network stack as a runtime.
//# `Stack<'_>` is not a `Runtime` of goldcrest-core
//# on a chip, `embassy::Device::listen` has one, with the feature `embassy-net` of goldcrest-core
fn needs_runtime<R: goldcrest_core::Runtime>(_: R) {}

fn start(stack: embassy_net::Stack<'_>) {
    needs_runtime(stack);
}

fn main() {
    let _ = start;
}
