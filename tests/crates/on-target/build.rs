//! Makes the modules of the core the modules of this program, compiled as for their tests.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let core = fs::canonicalize("../../../core/src")?;
    println!("cargo:rerun-if-changed={}", core.display());
    println!("cargo:rustc-cfg=test");
    println!("cargo:rustc-cfg=feature=\"embassy-net\"");
    // As core/build.rs has it: this program runs on a chip.
    println!("cargo:rustc-check-cfg=cfg(small_code)");
    println!("cargo:rustc-cfg=small_code");
    println!("cargo:rustc-check-cfg=cfg(feature, values(\"defmt\", \"embassy-net\", \"embedded-tls\", \"log\"))");

    // Modules of macros come first, as in the core.
    let (mut macros, mut modules) = (String::new(), String::new());
    let mut has_macros = false;
    for line in fs::read_to_string(core.join("lib.rs"))?.lines() {
        let Some(name) = line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
        else {
            has_macros = line.trim() == "#[macro_use]";
            continue;
        };
        let paths = [core.join(name).join("mod.rs"), core.join(name).with_extension("rs")];
        let path = paths.iter().find(|path| path.exists()).ok_or(io::ErrorKind::NotFound)?;
        let (attribute, list) = if has_macros { ("#[macro_use]\n", &mut macros) } else { ("", &mut modules) };
        let _ = writeln!(list, "{attribute}#[path = {path:?}]\npub mod {name};");
        has_macros = false;
    }
    fs::write(out.join("core.rs"), macros + &modules)?;

    println!("cargo:rerun-if-changed=memory.x");
    fs::copy("memory.x", out.join("memory.x"))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg=--nmagic");
    println!("cargo:rustc-link-arg=-Tlink.x");
    Ok(())
}
