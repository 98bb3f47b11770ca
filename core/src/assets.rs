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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticFile {
    /// Where it is served: an absolute path, without a query.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// Its bytes in gzip (RFC 1952), where it has them.
    pub gzip: Option<&'static [u8]>,
}

const SCRIPT: &str = "text/javascript;charset=UTF-8";
const TYPESCRIPT: &str = "text/plain;charset=UTF-8";

/// The module.
pub const GOLDCREST: StaticFile = StaticFile {
    path: "/goldcrest.js",
    content_type: SCRIPT,
    plain: include_bytes!("../js/goldcrest.js"),
    gzip: Some(include_bytes!("../js/goldcrest.js.gz")),
};

/// The module for several tabs: one connection for all of them.
pub const GOLDCREST_SHARED: StaticFile = StaticFile {
    path: "/goldcrest-shared.js",
    content_type: SCRIPT,
    plain: include_bytes!("../js/goldcrest-shared.js"),
    gzip: Some(include_bytes!("../js/goldcrest-shared.js.gz")),
};

/// The types of [`GOLDCREST`].
pub const TYPES: StaticFile = StaticFile {
    path: "/goldcrest.d.ts",
    content_type: TYPESCRIPT,
    plain: include_bytes!("../js/goldcrest.d.ts"),
    gzip: None,
};

/// The types of [`GOLDCREST_SHARED`].
pub const SHARED_TYPES: StaticFile = StaticFile {
    path: "/goldcrest-shared.d.ts",
    content_type: TYPESCRIPT,
    plain: include_bytes!("../js/goldcrest-shared.d.ts"),
    gzip: None,
};

/// All of them.
pub const FILES: [StaticFile; 4] = [GOLDCREST, GOLDCREST_SHARED, TYPES, SHARED_TYPES];

/// The file that is served at `path` (without a query), if there is one.
#[must_use]
pub fn file(path: &str) -> Option<&'static StaticFile> {
    static ALL: [StaticFile; 4] = FILES;
    ALL.iter().find(|file| file.path == path)
}

/// The `ETag` of an answer: a quote, 16 hexadecimal digits, a quote.
type EntityTag = [u8; 18];

/// The tag of these bytes. They are compiled in, so no more is asked of it than to change when they do.
fn entity_tag(bytes: &[u8]) -> EntityTag {
    // FNV-1a of 64 bits.
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut tag = [b'"'; 18];
    for (at, digit) in tag.iter_mut().skip(1).take(16).enumerate() {
        let nibble = sum.rotate_left(4_u32.wrapping_mul((at as u32).wrapping_add(1))) & 0xf;
        *digit = b"0123456789abcdef".get(nibble as usize).copied().unwrap_or(b'0');
    }
    tag
}

impl StaticFile {
    /// Answers with the file: packed for who takes gzip (RFC 9110 §12.5.3), 304 for who has it (§13.1.2).
    pub async fn answer<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let request = exchange.request();
        if !matches!(request.method(), Method::Get | Method::Head) {
            return exchange.method_not_allowed("GET, HEAD, OPTIONS").await;
        }
        // Browsers say it so; who excludes it by a weight of 0 would not name it.
        let packed = self.gzip.filter(|_| request.header_has_token("accept-encoding", "gzip"));
        let body = packed.unwrap_or(self.plain);
        let tag = entity_tag(body);
        let tag = core::str::from_utf8(&tag).unwrap_or_default();
        let known = request.matches_etag(tag);
        let fields =
            [("ETag", tag), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding"), ("Content-Encoding", "gzip")];
        let (coded, plain) = (&fields[..], fields.split_last().map_or(&[][..], |(_, plain)| plain));
        let headers = if packed.is_some() && !known { coded } else { plain };
        let response = if known {
            Response { status: Status::NOT_MODIFIED, content_type: None, headers, body: b"" }
        } else {
            Response { status: Status::OK, content_type: Some(self.content_type), headers, body }
        };
        exchange.respond(&response).await
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
