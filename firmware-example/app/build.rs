//! Packs the page: the chip sends it as it is.

use std::io::Write;
use std::path::PathBuf;
use std::{env, fs, io};

use flate2::{Compression, GzBuilder};

/// The most that the packed page may take of the flash.
const MOST: usize = 8 * 1024;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=page.html");
    let page = fs::read("page.html")?;
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(&page)?;
    let packed = packed.finish()?;
    assert!(packed.len() <= MOST, "the page is {} bytes packed, which is more than {MOST}", packed.len());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("page.html.gz"), packed)
}
