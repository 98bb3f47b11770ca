//! Extension offers (RFC 6455 §9.1).
//!
//! Offers are parsed, and an implementation of an extension may accept one. This crate has none, so the response declines
//! every offer by leaving it out.
//!
//! ```
//! use goldcrest_core::ws::handshake::extension::offers;
//!
//! let mut found = offers(b"permessage-deflate; server_max_window_bits=\"12\"; client_max_window_bits, x-foo");
//! let deflate = found.next().unwrap().unwrap();
//! assert_eq!(deflate.name(), "permessage-deflate");
//! let mut parameters = deflate.parameters();
//! let (name, value) = parameters.next().unwrap();
//! assert_eq!((name, value.unwrap().is("12")), ("server_max_window_bits", true));
//! assert_eq!(parameters.next(), Some(("client_max_window_bits", None)));
//! assert_eq!(found.next().unwrap().unwrap().name(), "x-foo");
//! assert!(found.next().is_none());
//! ```

use crate::grammar::characters::is_token;

/// A field value that does not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionError;

/// An extension that is offered, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionOffer<'a> {
    name: &'a str,
    /// The validated bytes between the name and the next offer.
    parameters: &'a [u8],
}

impl<'a> ExtensionOffer<'a> {
    /// The extension's name as it was written.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The parameters in order: a name and, if there is one, its value.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, Option<ParameterValue<'a>>)> + use<'a> {
        let mut rest = Scanner { rest: self.parameters };
        core::iter::from_fn(move || rest.parameter().ok().flatten())
    }
}

/// A parameter's value: a token, perhaps written as a quoted string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterValue<'a> {
    /// Without the quotation marks, with the backslashes.
    raw: &'a [u8],
}

impl<'a> ParameterValue<'a> {
    /// The bytes of the value without quoting.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        // A token has no backslash, so each one here begins a quoted-pair (RFC 9110 §5.6.4).
        self.raw.iter().copied().filter(|byte| *byte != b'\\')
    }

    /// Whether the value is `text`.
    pub fn is(&self, text: &str) -> bool {
        self.bytes().eq(text.bytes())
    }
}

/// The offers in one field's value, in order. An error is the last item.
pub fn offers(value: &[u8]) -> impl Iterator<Item = Result<ExtensionOffer<'_>, ExtensionError>> {
    let mut scanner = Scanner { rest: value };
    core::iter::from_fn(move || {
        let offer = scanner.offer().transpose()?;
        if offer.is_err() {
            scanner.rest = &[];
        }
        Some(offer)
    })
}

/// The rest of a field value.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// The next offer, together with its separator. `None` at the end.
    fn offer(&mut self) -> Result<Option<ExtensionOffer<'a>>, ExtensionError> {
        self.skip_space();
        while self.eat(b',') {
            self.skip_space();
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let name = self.token()?;
        let begin = self.rest;
        while self.parameter()?.is_some() {}
        let parameters = begin.get(..begin.len().saturating_sub(self.rest.len())).unwrap_or_default();
        self.skip_space();
        if self.rest.is_empty() || self.eat(b',') {
            Ok(Some(ExtensionOffer { name, parameters }))
        } else {
            Err(ExtensionError)
        }
    }

    /// The next `; name` or `; name=value`; `None` if no semicolon follows.
    fn parameter(&mut self) -> Result<Option<(&'a str, Option<ParameterValue<'a>>)>, ExtensionError> {
        self.skip_space();
        if !self.eat(b';') {
            return Ok(None);
        }
        self.skip_space();
        let name = self.token()?;
        self.skip_space();
        if !self.eat(b'=') {
            return Ok(Some((name, None)));
        }
        self.skip_space();
        let raw = if self.eat(b'"') { self.quoted()? } else { self.token()?.as_bytes() };
        Ok(Some((name, Some(ParameterValue { raw }))))
    }

    fn token(&mut self) -> Result<&'a str, ExtensionError> {
        let begin = self.rest;
        while let Some((_, rest)) = self.rest.split_first().filter(|(byte, _)| is_token(**byte)) {
            self.rest = rest;
        }
        match core::str::from_utf8(begin.get(..begin.len().saturating_sub(self.rest.len())).unwrap_or_default()) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(ExtensionError),
        }
    }

    /// The text before the closing quotation mark. Without its quoting it has to be a token (RFC 6455 §9.1).
    fn quoted(&mut self) -> Result<&'a [u8], ExtensionError> {
        let begin = self.rest;
        let mut any = false;
        loop {
            let before = begin.len().saturating_sub(self.rest.len());
            let (mut byte, mut rest) = self.rest.split_first().ok_or(ExtensionError)?;
            if *byte == b'"' {
                self.rest = rest;
                return if any { Ok(begin.get(..before).unwrap_or_default()) } else { Err(ExtensionError) };
            }
            if *byte == b'\\' {
                (byte, rest) = rest.split_first().ok_or(ExtensionError)?;
            }
            if !is_token(*byte) {
                return Err(ExtensionError);
            }
            any = true;
            self.rest = rest;
        }
    }

    fn skip_space(&mut self) {
        while self.eat(b' ') || self.eat(b'\t') {}
    }

    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;

    fn parsed(value: &str) -> Result<Vec<String>, ExtensionError> {
        offers(value.as_bytes())
            .map(|offer| {
                let offer = offer?;
                let mut text = String::from(offer.name());
                for (name, value) in offer.parameters() {
                    text += ";";
                    text += name;
                    if let Some(value) = value {
                        text += "=";
                        text.extend(value.bytes().map(char::from));
                    }
                }
                Ok(text)
            })
            .collect()
    }

    #[test]
    fn offers_follow_the_grammar() {
        for (value, expected) in [
            ("", &[][..]),
            (" , ,", &[]),
            ("a", &["a"]),
            ("a, b ,c", &["a", "b", "c"]),
            ("a;b;c=d", &["a;b;c=d"]),
            ("a ; b ; c = d , e", &["a;b;c=d", "e"]),
            ("a; b=\"12\"", &["a;b=12"]),
            ("a; b=\"1\\2\", c", &["a;b=12", "c"]),
            ("x-foo; a=1; b=\"cd\", y", &["x-foo;a=1;b=cd", "y"]),
        ] {
            assert_eq!(parsed(value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn a_grammar_error_is_reported() {
        for value in [
            "; a=b",
            "a;",
            "a; ",
            "a;;b",
            "a=b",
            "a; b=",
            "a; b=,c",
            "a b",
            "a/b",
            "a; b c",
            "a; b=\"",
            "a; b=\"c",
            "a; b=\"\"",
            "a; b=\"c d\"",
            "a; b=\"c\\",
            "a; b=\"\\ \"",
            "a; b=\"c\"d",
            "a; b=\"c,d\"",
            "a; =b",
            "a, ;b",
            "\u{e4}",
            "a; b=\"c\\\"\"",
        ] {
            assert_eq!(parsed(value), Err(ExtensionError), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(value in proptest::collection::vec(prop_oneof![Just(b','), Just(b';'), Just(b'='),
            Just(b'"'), Just(b'\\'), Just(b' '), Just(b'a'), any::<u8>()], 0..40)) {
            prop_assert!(offers(&value).count() <= value.len());
        }
    }
}
