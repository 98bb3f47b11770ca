//! Sets `cfg(small_code)` for chips: flash is scarcer than time there, so the compact form of a function is compiled.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(small_code)");
    if env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|width| width != "64") {
        println!("cargo:rustc-cfg=small_code");
    }
}
