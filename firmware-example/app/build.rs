//! Compresses the page: the chip serves it with Content-Encoding: gzip.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::{Compression, GzBuilder};

/// The largest permitted size of the page and its modules in flash, with gzip.
const MOST: u64 = 8 * 1024;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=page.html");
    // Without indentation and comment lines.
    let page = fs::read_to_string("page.html")?;
    let lines = page.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let page = lines.map(|line| format!("{line}\n")).collect::<String>();
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(page.as_bytes())?;
    let packed = packed.finish()?;
    let mut bytes = packed.len() as u64;
    for module in ["goldcrest.js.gz", "goldcrest-shared.js.gz"] {
        bytes += fs::metadata(Path::new("../../core/js").join(module))?.len();
    }
    assert!(bytes <= MOST, "the page and its modules have {bytes} bytes with gzip, more than the permitted {MOST}");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("page.html.gz"), packed)
}
