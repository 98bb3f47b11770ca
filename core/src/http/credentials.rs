//! Credentials of a request: cookies (RFC 6265), bearer tokens (RFC 6750) and Basic authentication (RFC 7617).

use core::{fmt, str};

use heapless::Vec;
use subtle::ConstantTimeEq;

use super::Request;
use crate::base64::{decode_in_place, is_base64};
use crate::grammar::characters::trim;
use crate::grammar::copy;
use crate::grammar::scan::split_once;

/// The longest *user-id:password* of [`Request::basic`], in bytes. Longer credentials count as none.
pub const MAX_BASIC: usize = 192;

impl<B: AsRef<[u8]>> Request<B> {
    /// The cookies of all `Cookie` fields as name and value, in order (RFC 6265 §4.2). A part without `=` is skipped.
    ///
    /// A value is as sent: percent-encoding and quotes are part of it. A pair that is not UTF-8 is skipped.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> + use<'_, B> {
        self.header_all("cookie").flat_map(|field| field.split(|byte| *byte == b';')).filter_map(|pair| {
            let (name, value) = split_once(pair, b'=')?;
            Some((str::from_utf8(trim(name)).ok()?, str::from_utf8(trim(value)).ok()?))
        })
    }

    /// The value of the first cookie named `name`, with case.
    ///
    /// If several cookies have the name, the first has the longest path (RFC 6265 §5.4). Another host of the same domain can
    /// set a cookie of any name except one that begins with `__Host-`: name a session's cookie so.
    ///
    /// ```
    /// use goldcrest_core::http::{MAX_FIELDS, Request};
    ///
    /// let head = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: theme=dark; __Host-session=31d4d96e407aad42\r\n\r\n";
    /// let request = Request::parse(head, head.len(), MAX_FIELDS).unwrap();
    /// assert_eq!(request.cookie("__Host-session"), Some("31d4d96e407aad42"));
    /// assert_eq!(request.cookie("session"), None);
    /// ```
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The token of `Authorization: Bearer` (RFC 6750 §2.1). Compare it with [`constant_time_eq`].
    ///
    /// `None` without the field, with two of them, with another scheme, or with a token that is malformed.
    ///
    /// ```
    /// use goldcrest_core::http::{MAX_FIELDS, Request, constant_time_eq};
    ///
    /// let head = b"POST /orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer mF_9.B5f-4.1JqM\r\n\r\n";
    /// let request = Request::parse(head, head.len(), MAX_FIELDS).unwrap();
    /// assert!(request.bearer().is_some_and(|token| constant_time_eq(token, "mF_9.B5f-4.1JqM")));
    /// ```
    pub fn bearer(&self) -> Option<&str> {
        let token = self.credentials("bearer")?;
        let end = token.iter().rposition(|byte| *byte != b'=')?;
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
        let digits = token.get(..=end)?;
        if digits.iter().all(valid) { str::from_utf8(token).ok() } else { None }
    }

    /// The credentials of `Authorization: Basic` (RFC 7617 §2). Check them with [`BasicCredentials::matches`].
    ///
    /// `None` without the field, with two of them, with another scheme, or with credentials that are malformed, longer than
    /// [`MAX_BASIC`], not UTF-8 (§2.1), or that have control characters.
    ///
    /// ```
    /// use goldcrest_core::http::{MAX_FIELDS, Request};
    ///
    /// let head = b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    /// let request = Request::parse(head, head.len(), MAX_FIELDS).unwrap();
    /// let basic = request.basic().unwrap();
    /// assert_eq!((basic.user(), basic.password()), ("Aladdin", "open sesame"));
    /// assert!(basic.matches("Aladdin", "open sesame") && !basic.matches("Aladdin", "open"));
    /// ```
    pub fn basic(&self) -> Option<BasicCredentials> {
        let letters = self.credentials("basic")?;
        if !is_base64(letters) {
            return None;
        }
        let mut decoded = Vec::new();
        for letters in letters.chunks(4) {
            let mut group = [0; 4];
            copy(letters, &mut group);
            let length = decode_in_place(&mut group);
            for byte in group.iter().take(length) {
                decoded.push(*byte).ok()?;
            }
        }
        let text = str::from_utf8(&decoded).ok()?;
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        // A user-id has no colon (§2).
        let colon = text.find(':')?;
        Some(BasicCredentials { decoded, colon })
    }

    /// The rest of the only `Authorization` field after `scheme`, which is in lower case (RFC 9110 §11.6.2).
    fn credentials(&self, scheme: &str) -> Option<&[u8]> {
        let mut fields = self.header_all("authorization");
        let (found, rest) = split_once(fields.next()?, b' ')?;
        let only = fields.next().is_none();
        let rest = trim(rest);
        (only && found.eq_ignore_ascii_case(scheme.as_bytes()) && !rest.is_empty()).then_some(rest)
    }
}

/// User id and password (RFC 7617), of at most [`MAX_BASIC`] bytes together with the colon between them.
///
/// Its `Debug` output has no password.
#[derive(Clone)]
pub struct BasicCredentials {
    /// *user-id:password*, UTF-8 without control characters.
    decoded: Vec<u8, MAX_BASIC>,
    colon: usize,
}

impl BasicCredentials {
    /// The user id; it may be empty.
    pub fn user(&self) -> &str {
        self.text(0, self.colon)
    }

    /// The password; it may be empty and may have colons.
    pub fn password(&self) -> &str {
        self.text(self.colon.wrapping_add(1), self.decoded.len())
    }

    /// Compares both with the expected ones. The time does not depend on the number of equal characters ([`constant_time_eq`]).
    #[must_use]
    pub fn matches(&self, user: &str, password: &str) -> bool {
        let user = constant_time_eq(self.user(), user);
        let password = constant_time_eq(self.password(), password);
        user & password
    }

    fn text(&self, from: usize, to: usize) -> &str {
        self.decoded.get(from..to).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("user", &self.user()).finish_non_exhaustive()
    }
}

/// Whether both are equal, in a time that depends on their lengths only: for tokens, digests and passwords.
///
/// A comparison by `==` ends at the first difference, so its time reveals the number of equal bytes to a client that guesses.
///
/// ```
/// use goldcrest_core::http::constant_time_eq;
///
/// assert!(constant_time_eq("31d4d96e", "31d4d96e"));
/// assert!(!constant_time_eq("31d4d96e", b"31d4d96f"));
/// ```
#[must_use]
pub fn constant_time_eq(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> bool {
    one.as_ref().ct_eq(other.as_ref()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MAX_FIELDS;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn request(fields: &str) -> Request<Vec<u8>> {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
        let length = head.len();
        Request::parse(head, length, MAX_FIELDS).unwrap()
    }

    fn basic(decoded: &[u8]) -> Option<(String, String)> {
        let request = request(&format!("Authorization: Basic {}\r\n", STANDARD.encode(decoded)));
        request.basic().map(|it| (it.user().to_string(), it.password().to_string()))
    }

    fn text(from: char, to: char, most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::char::range(from, to), 0..most).prop_map(String::from_iter)
    }

    #[test]
    fn cookies_of_all_fields_are_one_list_in_order() {
        let request = request("Cookie: a=1; b=\"2\";c = 3=4 ;d\r\nCookie: a=5; e=\r\n");
        let cookies: Vec<_> = request.cookies().collect();
        assert_eq!(cookies, [("a", "1"), ("b", "\"2\""), ("c", "3=4"), ("a", "5"), ("e", "")]);
        assert_eq!(request.cookie("a"), Some("1"));
        assert_eq!(request.cookie("A"), None);
        assert_eq!(request.cookie("d"), None);
    }

    #[test]
    fn a_cookie_that_is_not_utf_8_is_skipped() {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=\xff; b=2\r\n\r\n".to_vec();
        let length = head.len();
        let request = Request::parse(&mut head[..], length, MAX_FIELDS).unwrap();
        assert_eq!(request.cookies().collect::<Vec<_>>(), [("b", "2")]);
    }

    #[test]
    fn a_bearer_token_has_the_syntax_of_rfc_6750() {
        for (fields, token) in [
            ("Authorization: Bearer mF_9.B5f-4.1JqM\r\n", Some("mF_9.B5f-4.1JqM")),
            ("authorization: bearer   YQ==\r\n", Some("YQ==")),
            ("Authorization: Bearer a~+/-b\r\n", Some("a~+/-b")),
            ("Authorization: Bearer\r\n", None),
            ("Authorization: Bearer \r\n", None),
            ("Authorization: Bearer ==\r\n", None),
            ("Authorization: Bearer a=b\r\n", None),
            ("Authorization: Bearer a b\r\n", None),
            ("Authorization: Bearer a,b\r\n", None),
            ("Authorization: Bearera\r\n", None),
            ("Authorization: Basic YTpi\r\n", None),
            ("Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", None),
            ("", None),
        ] {
            assert_eq!(request(fields).bearer(), token, "{fields}");
        }
    }

    #[test]
    fn basic_credentials_end_at_the_first_colon() {
        for (decoded, pair) in [
            (&b"Aladdin:open sesame"[..], Some(("Aladdin", "open sesame"))),
            (b"test:123\xc2\xa3", Some(("test", "123£"))),
            (b"a:b:c", Some(("a", "b:c"))),
            (b":", Some(("", ""))),
            (b"a", None),
            (b"a:\xa3", None),
            (b"a:\n", None),
            (b"a\0:b", None),
            (b"a:\x7f", None),
        ] {
            let pair = pair.map(|(user, password)| (user.to_string(), password.to_string()));
            assert_eq!(basic(decoded), pair, "{decoded:?}");
        }
        assert!(request("Authorization: BASIC YTpi\r\n").basic().is_some());
        for malformed in ["Basic", "Basic YTpi YTpi", "Basic YTpiYw", "Basic Y:==", "Basic YTpi, a=b", "Bearer YTpi"] {
            assert!(request(&format!("Authorization: {malformed}\r\n")).basic().is_none(), "{malformed}");
        }
    }

    #[test]
    fn basic_credentials_are_at_most_192_bytes() {
        let longest = [&b"a:"[..], &[b'p'; MAX_BASIC - 2]].concat();
        assert_eq!(basic(&longest), Some(("a".into(), "p".repeat(MAX_BASIC - 2))));
        assert_eq!(basic(&[&longest[..], b"p"].concat()), None);
    }

    #[test]
    fn debug_output_has_no_password() {
        let basic = request("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n").basic();
        assert_eq!(format!("{basic:?}"), "Some(BasicCredentials { user: \"Aladdin\", .. })");
    }

    proptest! {
        #[test]
        fn any_cookies_are_read_as_written(
            cookies in prop::collection::vec((text('a', 'e', 3), text('<', '~', 6)), 0..5),
            wanted in text('a', 'e', 3),
        ) {
            let joined: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = request(&format!("Cookie: {}\r\n", joined.join("; ")));
            let expected: Vec<_> = cookies.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(request.cookies().collect::<Vec<_>>(), &expected[..]);
            let first = expected.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
            prop_assert_eq!(request.cookie(&wanted), first);
        }

        #[test]
        fn any_basic_credentials_are_decoded_as_encoded(user in text('!', '\u{3fff}', 20), password in text(' ', '\u{3fff}', 20)) {
            let whole = format!("{user}:{password}");
            let valid = !user.contains(':') && !whole.bytes().any(|byte| byte.is_ascii_control());
            prop_assume!(valid);
            prop_assert_eq!(basic(whole.as_bytes()), Some((user, password)));
        }

        #[test]
        fn any_bytes_are_accepted_or_rejected_without_a_panic(value in prop::collection::vec(32_u8..=255, 0..60)) {
            for field in [&b"Authorization: "[..], b"Authorization: Basic ", b"Authorization: Bearer ", b"Cookie: "] {
                let head = [b"GET / HTTP/1.1\r\nHost: a\r\n", field, &value, b"\r\n\r\n"].concat();
                let length = head.len();
                let Ok(request) = Request::parse(head, length, MAX_FIELDS) else { continue };
                if let Some(basic) = request.basic() {
                    let whole = format!("{}:{}", basic.user(), basic.password());
                    prop_assert!(trim(&value).ends_with(STANDARD.encode(whole).as_bytes()));
                }
                prop_assert!(request.bearer().is_none_or(|token| trim(&value).ends_with(token.as_bytes())));
                prop_assert!(request.cookies().count() <= value.iter().filter(|byte| **byte == b'=').count());
            }
        }

        #[test]
        fn constant_time_comparison_agrees_with_equality(one: Vec<u8>, other: Vec<u8>, flipped: prop::sample::Index) {
            prop_assert_eq!(constant_time_eq(&one, &other), one == other);
            prop_assert!(constant_time_eq(&one, one.clone()));
            let mut changed = one.clone();
            if let Some(bit) = changed.len().checked_mul(8).filter(|bits| *bits > 0).map(|bits| flipped.index(bits)) {
                changed[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!constant_time_eq(&one, &changed));
            }
        }
    }
}
