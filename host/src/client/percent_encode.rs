//! URLs as a person writes them.

use std::borrow::Cow;
use std::fmt::Write;

/// The URL with each byte of its path and its query that is not visible ASCII percent-encoded, as browsers do (WHATWG URL §4.4):
/// `http://host/events/grün` becomes `http://host/events/gr%C3%BCn`. What is percent-encoded already remains. The scheme is
/// optional. The host is not altered: a name beyond ASCII has to be written in its ASCII form.
///
/// ```
/// use goldcrest_host::client::percent_encode;
///
/// assert_eq!(percent_encode("http://host/events/grün%2F"), "http://host/events/gr%C3%BCn%2F");
/// ```
pub fn percent_encode(url: &str) -> Cow<'_, str> {
    let is_end = |byte: u8| matches!(byte, b'/' | b'?' | b'#');
    let find = |from: usize| url.bytes().skip(from).position(is_end).map_or(url.len(), |at| at + from);
    let first = find(0);
    let has_scheme = url[..first].ends_with(':') && url[first..].starts_with("//");
    let authority = if has_scheme { find(first + 2) } else { first };
    let (before, rest) = url.split_at(authority);
    if rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return url.into();
    }
    let mut encoded = before.to_owned();
    for byte in rest.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_visible_ascii_are_encoded_behind_the_host() {
        for (url, encoded) in [
            ("http://a/events/grün", "http://a/events/gr%C3%BCn"),
            ("a:80/events/日/x y?type=é", "a:80/events/%E6%97%A5/x%20y?type=%C3%A9"),
            (":8080/a\n\u{7f}", ":8080/a%0A%7F"),
            ("http://a?ä=http://b", "http://a?%C3%A4=http://b"),
            ("a/ä?u=http://b/ä", "a/%C3%A4?u=http://b/%C3%A4"),
        ] {
            assert_eq!(percent_encode(url), encoded);
        }
        for same in ["http://a/%C3%BC:@+%zz?#", "http://grün.example/x", "", "http://"] {
            assert!(matches!(percent_encode(same), Cow::Borrowed(text) if text == same), "{same}");
        }
    }
}
