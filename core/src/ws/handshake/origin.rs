//! Who may ask from a browser: the `Origin` field judged against the `Host` (RFC 6454, RFC 6455 §10.2).
//!
//! ```
//! use goldcrest_core::ws::handshake::origin::OriginPolicy;
//!
//! let same = OriginPolicy::Same;
//! assert!(same.judge(None, b"h")); // not a browser
//! assert!(same.judge(Some(b"http://h"), b"h:80"));
//! assert!(!same.judge(Some(b"http://evil.example"), b"h"));
//! assert!(OriginPolicy::List(&["https://app.example"]).judge(Some(b"https://app.example"), b"h"));
//! ```

use super::list::same;

/// Which origins are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginPolicy<'a> {
    /// The origin of the page has to be that of the server: its host and port are those of `Host`.
    #[default]
    Same,
    /// Every origin, `null` too.
    Any,
    /// The same origin, and these: each as a browser writes it, such as `https://app.example:8443`.
    List(&'a [&'a str]),
}

impl OriginPolicy<'_> {
    /// Whether a request with this `Origin` and this `Host` is answered.
    ///
    /// A request without `Origin` comes from no page of another origin, and is. A scheme's default port may be there
    /// or not. The scheme is not compared with ours: behind a proxy that ends TLS it differs.
    pub fn judge(&self, origin: Option<&[u8]>, host: &[u8]) -> bool {
        let Some(origin) = origin else { return true };
        if *self == Self::Any {
            return true;
        }
        let Some(origin) = Origin::parse(origin) else { return false };
        let listed = match self {
            Self::List(list) => list.iter().filter_map(|entry| Origin::parse(entry.as_bytes())).any(|it| it == origin),
            Self::Same | Self::Any => false,
        };
        listed || origin.is_at(host)
    }
}

/// A scheme, a host and a port, compared without case; a port that is the scheme's own is as good as none.
#[derive(Clone, Copy)]
struct Origin<'a> {
    scheme: &'a [u8],
    host: &'a [u8],
    port: Option<u16>,
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        same(self.scheme, other.scheme) && same(self.host, other.host) && self.port == other.port
    }
}

impl<'a> Origin<'a> {
    /// `scheme://host` or `scheme://host:port` and nothing else; `null` is none.
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

    /// Whether a server whose `Host` this is serves the origin.
    fn is_at(&self, host: &[u8]) -> bool {
        let Some(default) = default_port(self.scheme) else { return false };
        let Some((host, port)) = split_port(host) else { return false };
        same(self.host, host) && self.port == Some(port.unwrap_or(default))
    }
}

/// The port that a web page's scheme has when none is written.
fn default_port(scheme: &[u8]) -> Option<u16> {
    if same(scheme, b"http") {
        Some(80)
    } else if same(scheme, b"https") {
        Some(443)
    } else {
        None
    }
}

/// A host, perhaps an address in brackets, and its port.
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
            assert_eq!(OriginPolicy::Same.judge(Some(origin.as_bytes()), host.as_bytes()), may, "{origin} at {host}");
        }
    }

    #[test]
    fn a_list_adds_to_the_same_origin() {
        let policy = OriginPolicy::List(&["https://app.example", "chrome-extension://abc", "null"]);
        for (origin, may) in [
            ("https://app.example", true),
            ("https://APP.example:443", true),
            ("https://app.example:444", false),
            ("http://app.example", false),
            ("chrome-extension://abc", true),
            ("http://h", true),
            ("http://other", false),
            ("null", false),
        ] {
            assert_eq!(policy.judge(Some(origin.as_bytes()), b"h"), may, "{origin}");
        }
    }

    #[test]
    fn no_origin_is_answered_by_every_policy_and_null_by_any_alone() {
        for policy in [OriginPolicy::Same, OriginPolicy::Any, OriginPolicy::List(&[])] {
            assert!(policy.judge(None, b"h"));
            assert_eq!(policy.judge(Some(b"null"), b"h"), policy == OriginPolicy::Any);
        }
    }
}
