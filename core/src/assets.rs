//! `goldcrest.js` and what belongs to it, as a browser loads them: a host and a chip serve the same bytes.
//!
//! | file | bytes packed | what it is |
//! | --- | --- | --- |
//! | [`GOLDCREST`] | at most 3 KiB | the module: `subscribe(url, options)` over the best transport that works |
//! | [`GOLDCREST_SHARED`] | at most 1.5 KiB | the same for several tabs, over one connection |
//! | [`TYPES`], [`SHARED_TYPES`] | | their types, for TypeScript |
//!
//! The module imports nothing; the one for tabs imports `./goldcrest.js`, so serve both from one folder. Sources and the
//! manual are in `core/js`. Who names none of these takes none of them into flash.
//!
//! ```
//! use goldcrest_core::assets::{self, GOLDCREST};
//!
//! assert_eq!(assets::file("/goldcrest.js"), Some(&GOLDCREST));
//! assert!(GOLDCREST.gzip.is_some_and(|packed| packed.len() <= 3 * 1024));
//! ```

use crate::http::{Method, Response, Status};
use crate::server::{Exchange, HandlerResult, Runtime};

/// A file that is compiled in and served as it is.
///
/// The plain bytes and the compressed ones have an `ETag` each, since both are strong (RFC 9110 §8.8.3.3). They are computed when the
/// value is constructed.
///
/// ```
/// use goldcrest_core::assets::StaticFile;
/// use goldcrest_core::server::{Exchange, Handler, HandlerResult, Runtime};
///
/// static PAGE: StaticFile = StaticFile::new("/", "text/html;charset=UTF-8", b"<!doctype html><title>Hello</title>\n");
/// // A name that changes with the content: browsers need not ask again.
/// static LOGO: StaticFile = StaticFile::new("/logo-1.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
///     .with_cache_control(StaticFile::IMMUTABLE);
///
/// struct Site;
///
/// impl Handler for Site {
///     async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
///         match [&PAGE, &LOGO].into_iter().find(|file| file.path == exchange.request().path()) {
///             Some(file) => file.answer(exchange).await,
///             None => exchange.not_found().await,
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaticFile {
    /// Where it is served: an absolute path, without a query.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// Its bytes in gzip (RFC 1952), where it has them.
    pub gzip: Option<&'static [u8]>,
    /// Its `Cache-Control` (RFC 9111 §5.2.2). Default: [`StaticFile::REVALIDATE`].
    pub cache_control: &'static str,
    plain_tag: EntityTag,
    gzip_tag: EntityTag,
}

const SCRIPT: &str = "text/javascript;charset=UTF-8";
const TYPESCRIPT: &str = "text/plain;charset=UTF-8";

/// The module.
pub const GOLDCREST: StaticFile = StaticFile::new("/goldcrest.js", SCRIPT, include_bytes!("../js/goldcrest.js"))
    .with_gzip(include_bytes!("../js/goldcrest.js.gz"));

/// The module for several tabs: one connection for all of them.
pub const GOLDCREST_SHARED: StaticFile =
    StaticFile::new("/goldcrest-shared.js", SCRIPT, include_bytes!("../js/goldcrest-shared.js"))
        .with_gzip(include_bytes!("../js/goldcrest-shared.js.gz"));

/// The types of [`GOLDCREST`].
pub const TYPES: StaticFile = StaticFile::new("/goldcrest.d.ts", TYPESCRIPT, include_bytes!("../js/goldcrest.d.ts"));

/// The types of [`GOLDCREST_SHARED`].
pub const SHARED_TYPES: StaticFile =
    StaticFile::new("/goldcrest-shared.d.ts", TYPESCRIPT, include_bytes!("../js/goldcrest-shared.d.ts"));

/// All of them.
pub const FILES: [StaticFile; 4] = [GOLDCREST, GOLDCREST_SHARED, TYPES, SHARED_TYPES];

/// The file that is served at `path` (without a query), if there is one.
#[must_use]
pub fn file(path: &str) -> Option<&'static StaticFile> {
    static ALL: [StaticFile; 4] = FILES;
    ALL.iter().find(|file| file.path == path)
}

/// The value of `ETag`: a quote, 16 hexadecimal digits, a quote.
type EntityTag = [u8; 18];

/// The tag of these bytes: FNV-1a of 64 bits. A program contains few files, so a tag has only to change with its file.
const fn entity_tag(mut bytes: &[u8]) -> EntityTag {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    while let [byte, rest @ ..] = bytes {
        sum = (sum ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        bytes = rest;
    }
    let mut tag = [b'"'; 18];
    let [_, digits @ .., _] = &mut tag;
    let mut rest: &mut [u8] = digits;
    while let [digit, after @ ..] = rest {
        sum = sum.rotate_left(4);
        let nibble = (sum & 0xf) as u8;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        rest = after;
    }
    tag
}

impl StaticFile {
    /// `Cache-Control` of a file that keeps its path when it changes: a browser asks each time, and receives 304 for an unchanged file.
    pub const REVALIDATE: &'static str = "no-cache";
    /// `Cache-Control` of a file whose path changes with its content: a browser keeps it for a year, and does not ask (RFC 8246).
    pub const IMMUTABLE: &'static str = "public, max-age=31536000, immutable";

    /// A file that is served at `path` as `content_type`.
    ///
    /// The tag takes a pass over the bytes. The compiler limits the time of a constant: construct a file of more than about 500 KiB at
    /// run time, as a `static` of the type `LazyLock`.
    #[must_use]
    pub const fn new(path: &'static str, content_type: &'static str, plain: &'static [u8]) -> Self {
        let plain_tag = entity_tag(plain);
        let cache_control = Self::REVALIDATE;
        Self { path, content_type, plain, gzip: None, cache_control, plain_tag, gzip_tag: plain_tag }
    }

    /// The same with its bytes in gzip, for clients that accept it.
    #[must_use]
    pub const fn with_gzip(self, gzip: &'static [u8]) -> Self {
        Self { gzip: Some(gzip), gzip_tag: entity_tag(gzip), ..self }
    }

    /// The same with other plain bytes, such as a hint for clients without gzip.
    #[must_use]
    pub const fn with_plain(self, plain: &'static [u8]) -> Self {
        Self { plain, plain_tag: entity_tag(plain), ..self }
    }

    /// The same with this `Cache-Control`.
    #[must_use]
    pub const fn with_cache_control(self, cache_control: &'static str) -> Self {
        Self { cache_control, ..self }
    }

    /// Answers GET and HEAD with the file: in gzip for clients that accept it (RFC 9110 §12.5.3), and 304 for those that have it
    /// (§13.1.2). Answers other methods with 405.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn answer<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let request = exchange.request();
        if !matches!(request.method(), Method::Get | Method::Head) {
            return exchange.method_not_allowed("GET, HEAD, OPTIONS").await;
        }
        let gzip = self.gzip.filter(|_| request.accepts_coding("gzip"));
        let tag = if gzip.is_some() { &self.gzip_tag } else { &self.plain_tag };
        let tag = core::str::from_utf8(tag).unwrap_or_default();
        let unchanged = request.matches_etag(tag);
        // A 304 has the fields of the 200 that a cache updates (§15.4.5). `Vary` is for files with two representations.
        let fields = [
            ("ETag", tag),
            ("Cache-Control", self.cache_control),
            ("Vary", "Accept-Encoding"),
            ("Content-Encoding", "gzip"),
        ];
        let count = match (self.gzip, gzip) {
            (Some(_), Some(_)) if !unchanged => 4,
            (Some(_), _) => 3,
            (None, _) => 2,
        };
        let headers = fields.get(..count).unwrap_or_default();
        let response = if unchanged {
            Response::empty(Status::NOT_MODIFIED)
        } else {
            Response::new(Status::OK, self.content_type, gzip.unwrap_or(self.plain))
        };
        exchange.respond(&response.with_headers(headers)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_modules_are_as_small_as_promised() {
        for (file, most) in [(GOLDCREST, 3 * 1024), (GOLDCREST_SHARED, 1536)] {
            let packed = file.gzip.unwrap();
            assert!(packed.len() <= most, "{}: {} bytes", file.path, packed.len());
            assert_eq!(packed[..2], [0x1f, 0x8b], "{} is gzip", file.path);
            let length = u32::from_le_bytes(*packed.last_chunk().unwrap());
            assert_eq!(length as usize, file.plain.len(), "{}: packed is another than plain", file.path);
        }
    }

    #[test]
    fn each_file_is_found_by_its_path_and_tagged_as_no_other() {
        let mut tags = BTreeSet::new();
        for file in FILES {
            assert_eq!(super::file(file.path), Some(&file));
            for body in [Some(file.plain), file.gzip].into_iter().flatten() {
                let tag = entity_tag(body);
                assert!(tag[1..17].iter().all(u8::is_ascii_hexdigit) && tag[17] == b'"');
                assert!(tags.insert(tag));
            }
        }
        assert_eq!(super::file("/goldcrest"), None);
    }
}
