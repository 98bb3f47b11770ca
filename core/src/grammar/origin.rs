//! Access from web pages: validation of `Origin` against `Host` (RFC 6454, RFC 6455 §10.2).
//!
//! ```
//! use goldcrest_core::server::OriginPolicy;
//!
//! let same = OriginPolicy::Same;
//! assert!(same.permits(None, b"h")); // not a browser
//! assert!(same.permits(Some(b"http://h"), b"h:80"));
//! assert!(!same.permits(Some(b"http://evil.example"), b"h"));
//! assert!(OriginPolicy::List(&["https://app.example"]).permits(Some(b"https://app.example"), b"h"));
//! ```

use core::fmt::{self, Write as _};
use core::net::{Ipv4Addr, Ipv6Addr};

/// The origins that are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginPolicy<'a> {
    /// The origin of the server: its host and port equal those of `Host`.
    #[default]
    Same,
    /// Every origin, `null` included.
    Any,
    /// The same origin and these, each in a browser's form, such as `https://app.example:8443`. [`validate_origin`]
    /// reports an entry that no browser can send.
    ///
    /// `file://` and `null` are compared literally. Electron, Cordova and libraries for microcontrollers send `file://`.
    /// Sandboxed frames of every site send `null`.
    List(&'a [&'a str]),
}

/// The rule of an [`OriginPolicy`] that permits a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginMatch {
    /// The request has no `Origin`.
    #[default]
    Absent,
    /// The origin is that of the server.
    Same,
    /// Every origin is permitted.
    Any,
    /// The origin is listed, so its pages may send credentials (Fetch, CORS protocol and credentials).
    Listed,
    /// `null` is listed. It identifies no single origin, so its pages may not send credentials.
    Null,
}

impl OriginPolicy<'_> {
    /// Whether a request with this `Origin` and this `Host` is answered.
    ///
    /// A request without `Origin` is permitted: pages of other origins always send the field. A scheme's default port is
    /// optional. The scheme is not compared with the server's, because it differs behind a proxy that terminates TLS.
    pub fn permits(&self, origin: Option<&[u8]>, host: &[u8]) -> bool {
        self.find(origin, host).is_some()
    }

    /// The rule that permits the request, or `None`. See [`OriginPolicy::permits`].
    pub fn find(&self, origin: Option<&[u8]>, host: &[u8]) -> Option<OriginMatch> {
        let list: &[&str] = match self {
            Self::Any => return Some(OriginMatch::Any),
            Self::List(list) => list,
            Self::Same => &[],
        };
        let Some(text) = origin else { return Some(OriginMatch::Absent) };
        let origin = Origin::parse(text);
        let listed = |entry: &&str| {
            let entry = entry.as_bytes();
            (!entry.is_empty() && entry.eq_ignore_ascii_case(text))
                || (origin.is_some() && Origin::parse(entry) == origin)
        };
        if list.iter().any(listed) {
            return Some(if origin.is_none() && text.eq_ignore_ascii_case(NULL) {
                OriginMatch::Null
            } else {
                OriginMatch::Listed
            });
        }
        origin.filter(|origin| origin.is_at(host)).map(|_| OriginMatch::Same)
    }
}

/// The serialization of an opaque origin (RFC 6454 §6.1).
const NULL: &[u8] = b"null";

/// The origin of a local file in clients that do not send `null`.
const FILE: &str = "file://";

/// The reason that no browser's `Origin` matches an entry of [`OriginPolicy::List`]. The text names the right form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError<'e> {
    /// Not an origin.
    Malformed,
    /// No scheme, such as `app.example`. The value is the part after `://`.
    NoScheme(&'e str),
    /// A WebSocket URL, such as `wss://app.example`. The values are the scheme of its pages and the part after `://`.
    WebSocket(&'static str, &'e str),
    /// A path, as in `https://app.example/`. The value is the part before it.
    Path(&'e str),
    /// A wildcard, such as `https://*.example.com`.
    Wildcard,
    /// Letters outside ASCII.
    NotAscii,
    /// An IPv6 address that browsers shorten. The value is the address.
    Address(Ipv6Addr),
}

impl fmt::Display for OriginError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("an origin is SCHEME://HOST or SCHEME://HOST:PORT, such as https://app.example")
            }
            Self::NoScheme(rest) => write!(f, "an origin has a scheme; write https://{rest} or http://{rest}"),
            Self::WebSocket(scheme, rest) => {
                write!(f, "an origin is that of a page, not of a WebSocket; write {scheme}://{rest}")
            }
            Self::Path(origin) => write!(f, "an origin has no path; write {origin}"),
            Self::Wildcard => f.write_str("an origin has no wildcard; list each origin, or allow all of them"),
            Self::NotAscii => f.write_str("browsers send a name in ASCII, such as https://xn--bcher-kva.example"),
            Self::Address(address) => write!(f, "browsers send this address as [{address}]"),
        }
    }
}

impl core::error::Error for OriginError<'_> {}

/// Checks that `entry`, as an entry of [`OriginPolicy::List`], can match a browser's `Origin`. Case and a scheme's
/// default port are ignored.
///
/// # Errors
/// The reason that no `Origin` matches, with the right form.
///
/// ```
/// use goldcrest_core::server::validate_origin;
///
/// assert!(validate_origin("https://app.example").is_ok() && validate_origin("null").is_ok());
/// let error = validate_origin("https://app.example/").unwrap_err();
/// assert_eq!(error.to_string(), "an origin has no path; write https://app.example");
/// ```
pub fn validate_origin(entry: &str) -> Result<(), OriginError<'_>> {
    if [NULL, FILE.as_bytes()].iter().any(|known| entry.as_bytes().eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    if !entry.is_ascii() {
        return Err(OriginError::NotAscii);
    }
    if entry.contains('*') {
        return Err(OriginError::Wildcard);
    }
    let origin_of = |text: &'_ str| Origin::parse(text.as_bytes()).is_some();
    let Some((scheme, rest)) = entry.split_once("://") else {
        let rest = without_path(entry);
        return Err(if split_port(rest.as_bytes()).is_some() {
            OriginError::NoScheme(rest)
        } else {
            OriginError::Malformed
        });
    };
    let authority = without_path(rest);
    let (origin, _) = entry.split_at_checked(entry.len() - (rest.len() - authority.len())).unwrap_or((entry, ""));
    if !origin_of(origin) && !origin.eq_ignore_ascii_case(FILE) {
        return Err(OriginError::Malformed);
    }
    for (socket, page) in [("ws", "http"), ("wss", "https")] {
        if scheme.eq_ignore_ascii_case(socket) {
            return Err(OriginError::WebSocket(page, authority));
        }
    }
    if authority.len() < rest.len() {
        return Err(OriginError::Path(origin));
    }
    let known = default_port(scheme.as_bytes()).is_some();
    let host = split_port(authority.as_bytes()).map_or(&[][..], |(host, _)| host);
    if known { validate_address(host) } else { Ok(()) }
}

fn without_path(text: &str) -> &str {
    text.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Checks that an address has its normal form, as browsers send it (WHATWG URL §3.5).
fn validate_address(host: &[u8]) -> Result<(), OriginError<'static>> {
    let text = core::str::from_utf8(host).unwrap_or_default();
    if let Some(address) = text.strip_prefix('[') {
        let address = address.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
        let address = address.ok_or(OriginError::Malformed)?;
        let mut normal = heapless::String::<48>::new();
        let written = write!(normal, "[{address}]").is_ok();
        // `core::fmt` writes an IPv4-mapped address in another form than browsers do.
        let is_normal = !written || normal.eq_ignore_ascii_case(text) || address.to_ipv4_mapped().is_some();
        return if is_normal { Ok(()) } else { Err(OriginError::Address(address)) };
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.parse::<Ipv4Addr>().is_err() { Err(OriginError::Malformed) } else { Ok(()) }
}

/// A scheme, a host and a port, compared without case. The scheme's default port equals no port.
#[derive(Clone, Copy)]
struct Origin<'a> {
    scheme: &'a [u8],
    host: &'a [u8],
    port: Option<u16>,
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && self.host.eq_ignore_ascii_case(other.host)
            && self.port == other.port
    }
}

impl<'a> Origin<'a> {
    /// Parses exactly `scheme://host` or `scheme://host:port`. `null` does not parse.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let at = text.windows(3).position(|window| window == b"://")?;
        let (scheme, rest) = text.split_at_checked(at)?;
        let (host, port) = split_port(rest.get(3..)?)?;
        let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if scheme.is_empty() || !scheme.iter().all(known) {
            return None;
        }
        Some(Self { scheme, host, port: port.or_else(|| default_port(scheme)) })
    }

    /// Whether the origin is that of a server with this `Host`.
    fn is_at(&self, host: &[u8]) -> bool {
        let Some(default) = default_port(self.scheme) else { return false };
        let Some((host, port)) = split_port(host) else { return false };
        self.host.eq_ignore_ascii_case(host) && self.port == Some(port.unwrap_or(default))
    }
}

/// The default port of the scheme of a web page.
fn default_port(scheme: &[u8]) -> Option<u16> {
    if scheme.eq_ignore_ascii_case(b"http") {
        Some(80)
    } else if scheme.eq_ignore_ascii_case(b"https") {
        Some(443)
    } else {
        None
    }
}

/// Splits a host, which may be an address in brackets, from its port.
fn split_port(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let end = match authority.first()? {
        b'[' => authority.iter().position(|byte| *byte == b']')? + 1,
        _ => authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_host = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'?' | b'#' | b'\\' | b',');
    if host.is_empty() || !host.iter().all(is_host) {
        return None;
    }
    let port = match port {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(digits.iter().try_fold(0u16, |sum, digit| match digit {
            b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u16::from(digit - b'0')),
            _ => None,
        })?),
        _ => return None,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn the_same_origin_is_the_same_host_and_port() {
        for (origin, host, may) in [
            ("http://h", "h", true),
            ("http://h", "h:80", true),
            ("http://h:80", "h", true),
            ("https://h", "h", true),
            ("https://h", "h:443", true),
            ("http://H.Example", "h.example", true),
            ("http://h:8080", "h:8080", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://[::1]", "[::1]", true),
            ("http://h", "h:", true),
            ("http://h", "h:443", false),
            ("https://h", "h:80", false),
            ("https://h:80", "h", false),
            ("http://h:8080", "h", false),
            ("http://h", "h:8080", false),
            ("http://h:8080", "h:8081", false),
            ("http://evil", "h", false),
            ("http://h.evil", "h", false),
            ("http://xh", "h", false),
            ("null", "h", false),
            ("null", "null", false),
            ("", "h", false),
            ("h", "h", false),
            ("://h", "h", false),
            ("http://", "", false),
            ("http://h/", "h", false),
            ("http://h/path", "h", false),
            ("http://u@h", "h", false),
            ("http://h:65616", "h", false), // 80 after an overflow
            ("http://h:+80", "h", false),
            ("http://h http://evil", "h", false),
            ("chrome-extension://h", "h", false),
            ("http://h", "", false),
        ] {
            assert_eq!(OriginPolicy::Same.permits(Some(origin.as_bytes()), host.as_bytes()), may, "{origin} at {host}");
        }
    }

    #[test]
    fn a_list_adds_to_the_same_origin() {
        let policy = OriginPolicy::List(&["https://app.example", "chrome-extension://abc", "null", "file://", ""]);
        for (origin, may) in [
            ("https://app.example", true),
            ("https://APP.example:443", true),
            ("https://app.example:444", false),
            ("http://app.example", false),
            ("chrome-extension://abc", true),
            ("http://h", true),
            ("http://other", false),
            ("null", true),
            ("file://", true),
            ("", false),
        ] {
            assert_eq!(policy.permits(Some(origin.as_bytes()), b"h"), may, "{origin}");
        }
    }

    #[test]
    fn an_unmatchable_origin_is_an_error_with_the_right_form() {
        for entry in [
            "https://app.example",
            "HTTPS://App.Example",
            "https://app.example:443",
            "http://app.example:8080",
            "http://[::1]:3000",
            "http://127.0.0.1",
            "null",
            "file://",
            "FILE://",
            "chrome-extension://abc",
            "capacitor://localhost",
            "app://.",
        ] {
            assert_eq!(validate_origin(entry), Ok(()), "{entry}");
            let host = if entry.contains("example") { "other" } else { "app.example" };
            assert!(OriginPolicy::List(&[entry]).permits(Some(entry.as_bytes()), host.as_bytes()), "{entry}");
        }
        for (entry, right) in [
            ("https://app.example/", "write https://app.example"),
            ("https://app.example/path", "write https://app.example"),
            ("https://app.example?x", "write https://app.example"),
            ("app.example", "write https://app.example or http://app.example"),
            ("localhost:3000", "or http://localhost:3000"),
            ("app.example/", "or http://app.example"),
            ("wss://app.example", "write https://app.example"),
            ("ws://h:1/events", "write http://h:1"),
            ("https://*.example.com", "list each origin"),
            ("*", "list each origin"),
            ("https://b\u{fc}cher.example", "https://xn--"),
            ("http://[0:0::1]", "[::1]"),
            ("file:///", "write file://"),
            ("http://127.1", "SCHEME://HOST"),
            ("http://[::1", "SCHEME://HOST"),
            ("https://u@app.example", "SCHEME://HOST"),
            ("https://a.example,https://b.example", "SCHEME://HOST"),
            ("https://app.example:65536", "SCHEME://HOST"),
            ("https://app.example:x", "SCHEME://HOST"),
            ("https:app.example", "SCHEME://HOST"),
            ("https://", "SCHEME://HOST"),
            (" https://app.example", "SCHEME://HOST"),
            ("", "SCHEME://HOST"),
        ] {
            let error = validate_origin(entry).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|text| text.contains(right)), "{entry:?}: {error:?}");
        }
    }

    #[test]
    fn credentials_require_a_listed_origin_other_than_null() {
        let listed = OriginPolicy::List(&["https://app.example", "null", "file://"]);
        for (policy, origin, found) in [
            (listed, Some("https://app.example"), Some(OriginMatch::Listed)),
            (listed, Some("file://"), Some(OriginMatch::Listed)),
            (listed, Some("null"), Some(OriginMatch::Null)),
            (listed, Some("http://h"), Some(OriginMatch::Same)),
            (listed, None, Some(OriginMatch::Absent)),
            (listed, Some("https://other.example"), None),
            (OriginPolicy::Any, Some("https://app.example"), Some(OriginMatch::Any)),
            (OriginPolicy::Any, None, Some(OriginMatch::Any)),
            (OriginPolicy::Same, Some("http://h"), Some(OriginMatch::Same)),
            (OriginPolicy::Same, Some("null"), None),
        ] {
            assert_eq!(policy.find(origin.map(str::as_bytes), b"h"), found, "{origin:?} by {policy:?}");
        }
    }

    #[test]
    fn requests_without_origin_are_permitted_by_every_policy() {
        for policy in [OriginPolicy::Same, OriginPolicy::Any, OriginPolicy::List(&[])] {
            assert!(policy.permits(None, b"h"));
            assert_eq!(policy.permits(Some(b"null"), b"h"), policy == OriginPolicy::Any);
        }
    }
}
