//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §4.1, §4.2.2).
//!
//! ```
//! use goldcrest_core::ws::handshake::key::{WebSocketKey, accept_key};
//!
//! // The example of RFC 6455 §1.3.
//! let key = WebSocketKey::parse(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
//! assert_eq!(key, WebSocketKey::new(*b"the sample nonce"));
//! assert_eq!(&accept_key(key), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
//! assert_eq!(WebSocketKey::parse(b"dGhlIHNhbXBsZSBub25jZQ="), None);
//! ```

use crate::base64::{encode, is_base64};
use crate::sha1::sha1;

/// Appended to the key before both are digested (RFC 6455 §1.3).
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A nonce of 16 bytes in base64, in the one form that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketKey([u8; 24]);

impl WebSocketKey {
    /// The key for a client's `nonce`, 16 bytes chosen at random for each connection.
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut key = [b'='; 24];
        encode(&nonce, &mut key);
        Self(key)
    }

    /// A field's value, if it is the base64 of 16 bytes: 22 digits, the last with its four spare bits zero, and `==`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let key: [u8; 24] = value.try_into().ok()?;
        (key.ends_with(b"==") && is_base64(&key)).then_some(Self(key))
    }

    /// The field's value.
    pub fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }
}

/// The `Sec-WebSocket-Accept` that answers `key`.
pub fn accept_key(key: WebSocketKey) -> [u8; 28] {
    let mut input = [0; 60];
    for (to, from) in input.iter_mut().zip(key.0.iter().chain(GUID)) {
        *to = *from;
    }
    let mut accept = [b'='; 28];
    encode(&sha1(&input), &mut accept);
    accept
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use core::ops::RangeInclusive;
    use proptest::prelude::*;
    use std::string::String;

    #[test]
    fn a_key_is_answered_by_its_digest() {
        for (key, accept) in [
            (b"x3JJHMbDL1EzLkh9GBhXDw==", b"HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
            (b"AAAAAAAAAAAAAAAAAAAAAA==", b"ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
        ] {
            assert_eq!(&accept_key(WebSocketKey::parse(key).unwrap()), accept);
        }
    }

    #[test]
    fn a_key_is_the_base64_of_16_bytes() {
        for value in [
            &b""[..],
            b"eHh4eHh4eHg=",              // 8 bytes
            b"!!!!!!!!!!!!!!!!!!!!!!==",  // not base64
            b"dGhlIHNhbXBsZSBub25jZQ",    // no padding
            b"dGhlIHNhbXBsZSBub25jZQ=",   // half of it
            b"dGhlIHNhbXBsZSBub25jZQ===", // too much of it
            b"dGhlIHNhbXBsZSBub25jZR==",  // a spare bit is set
            b"dGhlIHNhbXBsZSBub25jZQ=A",  // a digit after padding
            b"-_-_-_-_-_-_-_-_-_-_-w==",  // the other alphabet
            b"dGhlIHNhbXBsZSBub25jZQAA",  // 18 bytes
            b"dGhlIHNhbXBsZSBub25jZSE=",  // 17 bytes
            b"dGhlIHNhbXBs ZSBub25jZQ=",
        ] {
            assert_eq!(WebSocketKey::parse(value), None, "{:?}", core::str::from_utf8(value));
        }
    }

    /// So many of the first ones of the alphabet with its padding.
    fn letters(first: usize, count: RangeInclusive<usize>) -> impl Strategy<Value = String> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
        let letter = prop::sample::select(&ALPHABET[..first]).prop_map(char::from);
        proptest::collection::vec(letter, count).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn keys_equal_those_of_the_base64_crate(nonce: [u8; 16]) {
            let mut text = [0; 24];
            STANDARD.encode_slice(nonce, &mut text).unwrap();
            prop_assert_eq!(WebSocketKey::parse(&text), Some(WebSocketKey::new(nonce)));
        }

        #[test]
        fn any_24_letters_are_a_key_if_they_decode_to_16_bytes(letters in letters(64, 20..=22), end in letters(65, 2..=4)) {
            let text = letters + &end;
            let decodes = STANDARD.decode_slice(&text, &mut [0; 24]) == Ok(16);
            prop_assert_eq!(WebSocketKey::parse(text.as_bytes()).is_some(), decodes);
        }
    }
}
