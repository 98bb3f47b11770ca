//! The page of the admin listener: plain files, compiled in.
//!
//! It loads only these files, reads `/summary` each second and `/channels` each two seconds, and runs under
//! `Content-Security-Policy: default-src 'self'`.

use crate::page::PageFile;

/// The file that is served at `path`.
pub(super) fn file(path: &str) -> Option<&'static PageFile> {
    FILES.iter().find(|file| file.path == path)
}

static FILES: [PageFile; 4] = [
    PageFile::new("/", "text/html; charset=utf-8", include_bytes!("index.html")),
    PageFile::new("/admin.css", "text/css; charset=utf-8", include_bytes!("admin.css")),
    PageFile::new("/admin.js", "text/javascript; charset=utf-8", include_bytes!("admin.js")),
    PageFile::new("/icon.svg", "image/svg+xml", include_bytes!("../../page/icon.svg")),
];
