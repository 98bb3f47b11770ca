//! The query of a request target as `application/x-www-form-urlencoded` (WHATWG URL §5.1).

use crate::grammar::characters::ascii;
use crate::grammar::scan::split_once;

/// The `name=value` pairs of a query, in order. Empty pairs are skipped.
///
/// ```
/// use goldcrest_core::http::Query;
///
/// let mut buffer = [0; 16];
/// let (name, value) = Query::new("&after=a%2Bb+c").next().unwrap();
/// assert!(name.is("after"));
/// assert_eq!(value.decode(&mut buffer), Some(&b"a+b c"[..]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Query<'a> {
    /// The pairs of `query`, given without its `?`.
    pub const fn new(query: &'a str) -> Self {
        Self { rest: Some(query.as_bytes()) }
    }

    /// The value of the first pair with this name.
    pub fn param(mut self, name: &str) -> Option<PercentEncoded<'a>> {
        self.find(|(other, _)| other.is(name)).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Query<'a> {
    type Item = (PercentEncoded<'a>, PercentEncoded<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            let (pair, after) = match split_once(rest, b'&') {
                Some((pair, after)) => (pair, Some(after)),
                None => (rest, None),
            };
            self.rest = after;
            if !pair.is_empty() {
                let (name, value) = split_once(pair, b'=').unwrap_or((pair, &[]));
                return Some((PercentEncoded(name), PercentEncoded(value)));
            }
        }
    }
}

/// A percent-encoded name or value. `+` is a space. A `%` without two hexadecimal digits is literal.
#[derive(Clone, Copy, Debug)]
pub struct PercentEncoded<'a>(&'a [u8]);

impl<'a> PercentEncoded<'a> {
    /// A part of a path. A `+` in it is decoded to a space as well.
    pub const fn new(part: &'a str) -> Self {
        Self(part.as_bytes())
    }

    /// The text as sent.
    pub fn raw(self) -> &'a str {
        ascii(self.0)
    }

    /// Whether the decoded text is `text`.
    pub fn is(self, text: &str) -> bool {
        self.bytes().eq(text.bytes())
    }

    /// The decoded bytes. They may not be UTF-8.
    pub fn bytes(self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (byte, after) = match rest {
                [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    (nibble(*high) << 4 | nibble(*low), after)
                }
                [b'+', after @ ..] => (b' ', after),
                [byte, after @ ..] => (*byte, after),
                [] => return None,
            };
            rest = after;
            Some(byte)
        })
    }

    /// Decodes into `buffer`. `None` if it is too short. The length of [`raw`](Self::raw) always suffices.
    pub fn decode(self, buffer: &mut [u8]) -> Option<&[u8]> {
        let mut length = 0_usize;
        for byte in self.bytes() {
            *buffer.get_mut(length)? = byte;
            length = length.wrapping_add(1);
        }
        buffer.get(..length)
    }
}

/// The value of a hexadecimal digit.
pub(crate) const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit.wrapping_sub(b'0'),
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn pairs(query: &str) -> Vec<(String, String)> {
        let text = |part: PercentEncoded<'_>| String::from_utf8(part.bytes().collect()).unwrap();
        Query::new(query).map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn pairs_are_split_at_ampersands_and_decoded() {
        let own = |name: &str, value: &str| (String::from(name), String::from(value));
        assert_eq!(pairs("a=1&&b&=c&d=e=f&"), [own("a", "1"), own("b", ""), own("", "c"), own("d", "e=f")]);
        assert_eq!(pairs("%61%2B+=%C3%A9%4a"), [own("a+ ", "éJ")]);
        assert_eq!(pairs("a=%zz%4&b=%"), [own("a", "%zz%4"), own("b", "%")]);
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn the_first_pair_of_a_name_is_found_in_any_encoding() {
        assert_eq!(Query::new("x=0&%61fter=1&after=2").param("after").unwrap().raw(), "1");
        assert!(Query::new("afterr=1&afte=2").param("after").is_none());
    }

    #[test]
    fn decoding_into_a_short_buffer_fails() {
        let value = Query::new("a=b%20c").param("a").unwrap();
        assert_eq!(value.decode(&mut [0; 2]), None);
        assert_eq!(value.decode(&mut [0; 3]), Some(&b"b c"[..]));
    }
}
