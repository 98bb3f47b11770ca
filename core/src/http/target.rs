//! The request target in its four forms (RFC 9112 §3.2).

use super::{Method, RequestError};
use crate::grammar::characters::is_target;
use crate::grammar::host::{is_port, split_host};
use crate::grammar::scan::split_once;

/// The parts of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Host and port of absolute-form and authority-form.
    pub(crate) authority: Option<&'a [u8]>,
    /// Begins with `/`, or is `*`. Empty in authority-form.
    pub(crate) path: &'a [u8],
    pub(crate) query: Option<&'a [u8]>,
}

/// Checks that a target has a form that its method permits (RFC 9112 §3.2).
pub(crate) fn validate(target: &[u8], method: Method<'_>) -> Result<(), RequestError> {
    let is_legal = match target {
        [] => false,
        _ if method == Method::Connect => {
            split_host(target).is_some_and(|(host, port)| !host.is_empty() && port.len() > 1 && is_port(port))
        }
        b"*" => method == Method::Options,
        [b'/', rest @ ..] => rest.iter().all(|&byte| is_target(byte)),
        _ => {
            let named = |authority| split_host(authority).is_some_and(|(host, port)| !host.is_empty() && is_port(port));
            target.iter().all(|&byte| is_target(byte)) && parts(target, false).authority.is_some_and(named)
        }
    };
    if is_legal { Ok(()) } else { Err(RequestError::Target) }
}

/// Splits a validated target. `connect`: it has authority-form.
pub(crate) fn parts(target: &[u8], connect: bool) -> Target<'_> {
    if connect {
        return Target { authority: Some(target), path: b"", query: None };
    }
    let (authority, rest) = match absolute(target) {
        Some(rest) => {
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            (Some(authority), rest)
        }
        None => (None, target),
    };
    let (path, query) = match split_once(rest, b'?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    Target { authority, path: if path.is_empty() { b"/" } else { path }, query }
}

/// The part after the scheme and `//` of an absolute-form target. The scheme is one of HTTP or WebSocket.
fn absolute(target: &[u8]) -> Option<&[u8]> {
    if matches!(target, [b'/', ..]) {
        return None;
    }
    let (scheme, rest) = split_once(target, b':')?;
    let known = ["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes()));
    rest.strip_prefix(b"//").filter(|_| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::characters::ascii;

    fn of(target: &str) -> Option<(Option<&str>, &str, Option<&str>)> {
        validate(target.as_bytes(), Method::Get).ok()?;
        let target = parts(target.as_bytes(), false);
        Some((target.authority.map(ascii), ascii(target.path), target.query.map(ascii)))
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
    fn other_targets_are_rejected() {
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
    fn asterisk_form_is_for_options_and_authority_form_for_connect() {
        assert_eq!(validate(b"*", Method::Options), Ok(()));
        assert_eq!(validate(b"*", Method::Post), Err(RequestError::Target));
        assert_eq!(validate(b"a:80", Method::Connect), Ok(()));
        for bad in ["/", "a", "http://a:80/", "a:", ":80", "a:x", "*"] {
            assert_eq!(validate(bad.as_bytes(), Method::Connect), Err(RequestError::Target), "{bad}");
        }
    }
}
