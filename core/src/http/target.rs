//! The request target in its four forms (RFC 9112 §3.2), and the host that it or `Host` names (RFC 3986 §3.2).

use super::class::{ascii, is_host, is_target};
use super::{Method, Refusal};

/// A target, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// What absolute-form and authority-form say, host and port.
    pub(crate) authority: Option<&'a str>,
    /// Begins with `/`, or is `*`, or is empty in authority-form.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

/// Judges a target for the method that it came with.
pub(crate) fn judge<'a>(target: &'a [u8], method: Method<'_>) -> Result<&'a str, Refusal> {
    if target.is_empty() || !target.iter().all(|&byte| is_target(byte)) {
        return Err(Refusal::Target);
    }
    let text = ascii(target);
    let is_legal = match (target, method) {
        (_, Method::Connect) => text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && !port.is_empty()),
        (b"*", method) => return if method == Method::Options { Ok(text) } else { Err(Refusal::Target) },
        ([b'/', ..], _) => return Ok(text),
        _ => parts(text, method).authority.is_some_and(|authority| !host_of(authority).is_empty()),
    };
    let is_valid = || parts(text, method).authority.is_some_and(|authority| is_host_and_port(authority.as_bytes()));
    if is_legal && is_valid() { Ok(text) } else { Err(Refusal::Target) }
}

/// Takes apart a target that was judged.
pub(crate) fn parts<'a>(target: &'a str, method: Method<'_>) -> Target<'a> {
    if method == Method::Connect {
        return Target { authority: Some(target), path: "", query: None };
    }
    let (authority, rest) = match absolute(target) {
        Some(rest) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Some(authority), rest)
        }
        None => (None, target),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    Target { authority, path: if path.is_empty() { "/" } else { path }, query }
}

/// What follows the scheme and `//` of an absolute-form target; only schemes that come over this connection.
fn absolute(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    ["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(rest)
}

fn host_of(authority: &str) -> &str {
    if authority.starts_with('[') { authority } else { authority.split(':').next().unwrap_or("") }
}

/// Whether `value` is `uri-host [ ":" port ]`; an empty host is one that names nobody (RFC 9110 §7.2).
pub(crate) fn is_host_and_port(value: &[u8]) -> bool {
    let (host_is_valid, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
            let (address, rest) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            (is_address(address), rest.get(1..).unwrap_or_default())
        }
        _ => {
            let end = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
            let (name, port) = value.split_at_checked(end).unwrap_or((value, &[]));
            (is_name(name), port)
        }
    };
    host_is_valid && is_port(port)
}

/// An address in brackets: IPv6, by its alphabet.
fn is_address(address: &[u8]) -> bool {
    address.iter().all(|&byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        && address.iter().filter(|&&byte| byte == b':').count() >= 2
}

fn is_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_host(*byte) => rest,
            _ => return false,
        };
    }
}

/// Nothing, or a colon and a number up to 65,535; the number may be left out.
fn is_port(port: &[u8]) -> bool {
    let Some((b':', digits)) = port.split_first() else { return port.is_empty() };
    digits.iter().all(u8::is_ascii_digit)
        && digits
            .iter()
            .fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0'))))
            <= 65_535
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> Option<(Option<&str>, &str, Option<&str>)> {
        let target = parts(judge(target.as_bytes(), Method::Get).ok()?, Method::Get);
        Some((target.authority, target.path, target.query))
    }

    #[test]
    fn origin_form_and_absolute_form_have_path_and_query() {
        assert_eq!(of("/"), Some((None, "/", None)));
        assert_eq!(of("/a//b?c?d=/"), Some((None, "/a//b", Some("c?d=/"))));
        assert_eq!(of("/http://a/"), Some((None, "/http://a/", None)));
        assert_eq!(of("http://a:80/b?c"), Some((Some("a:80"), "/b", Some("c"))));
        assert_eq!(of("HTTPS://[::1]:8"), Some((Some("[::1]:8"), "/", None)));
        assert_eq!(of("ws://a?b://c"), Some((Some("a"), "/", Some("b://c"))));
        assert_eq!(of("/a|b^\"<>%zz"), Some((None, "/a|b^\"<>%zz", None)));
    }

    #[test]
    fn other_targets_are_refused() {
        for bad in ["", "a", "a/b", "*", "*a", "?a", "http:/a", "http://", "http:///a", "http://:80/", "http://u@a/"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        for bad in
            ["ftp://a/", "://a/", "http://a b/", "/a#b", "/a b", "/\u{e9}", "a:80", "http://a:x/", "http://[::1/"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_asterisk_is_for_options_and_the_authority_for_connect() {
        assert_eq!(judge(b"*", Method::Options), Ok("*"));
        assert_eq!(judge(b"*", Method::Post), Err(Refusal::Target));
        assert_eq!(judge(b"a:80", Method::Connect), Ok("a:80"));
        for bad in ["/", "a", "http://a:80/", "a:", ":80", "a:x", "*"] {
            assert_eq!(judge(bad.as_bytes(), Method::Connect), Err(Refusal::Target), "{bad}");
        }
    }

    #[test]
    fn hosts_are_names_or_bracketed_addresses_with_a_port() {
        for good in
            ["", "localhost", "a.b-c_~", "a:80", "a:", "127.0.0.1:65535", "[::1]", "[::ffff:1.2.3.4]:8080", "%41"]
        {
            assert!(is_host_and_port(good.as_bytes()), "{good}");
        }
        for bad in ["a b", "a, b", "a/b", "a?b", "a#b", "a@b", "a\\b", "a:b", "a:80:80", "a:65536", "[::1", "[]", "[a]"]
        {
            assert!(!is_host_and_port(bad.as_bytes()), "{bad}");
        }
        for bad in ["::1", "[::1]a", "[::1]80", "[fe80::1%25eth0]", "%4", "%zz", "a\"", "<a>", "caf\u{e9}"] {
            assert!(!is_host_and_port(bad.as_bytes()), "{bad}");
        }
    }
}
