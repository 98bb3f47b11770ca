//! Subprotocols (RFC 6455 §1.9, §4.2.2).
//!
//! ```
//! use goldcrest_core::ws::handshake::protocol::choose;
//!
//! // The server's order decides, not the client's.
//! let offer: [&[u8]; 2] = [b"foo, chat", b"superchat"];
//! assert_eq!(choose(offer.into_iter(), &["superchat", "chat"]), Ok(Some("superchat")));
//! assert_eq!(choose(offer.into_iter(), &["other"]), Ok(None));
//! assert!(choose([&b"chat, chat"[..]].into_iter(), &["chat"]).is_err());
//! ```

use crate::grammar::characters::all_token;
use crate::grammar::list::HeaderList;

/// An offer that is not a list of distinct tokens, or has more than [`OFFER_MAX`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubprotocolError;

/// The most subprotocols that an offer may name: each is compared with all before it.
pub const OFFER_MAX: usize = 64;

/// The first of `preferred` that is offered by the field values, names being compared with their case.
///
/// # Errors
/// [`SubprotocolError`], which is answered by 400.
pub fn choose<'v, 'p>(
    values: impl Iterator<Item = &'v [u8]> + Clone,
    preferred: &[&'p str],
) -> Result<Option<&'p str>, SubprotocolError> {
    let count = |name: &[u8]| {
        values.clone().fold(0usize, |sum, value| {
            HeaderList::new(value).fold(sum, |sum, element| sum.saturating_add(usize::from(element == name)))
        })
    };
    // Short first: every name is looked for among all.
    let mut left = OFFER_MAX;
    for value in values.clone() {
        left = HeaderList::new(value).try_fold(left, |left, _| left.checked_sub(1)).ok_or(SubprotocolError)?;
    }
    for value in values.clone() {
        if HeaderList::new(value).any(|name| !all_token(name) || count(name) > 1) {
            return Err(SubprotocolError);
        }
    }
    Ok(preferred.iter().find(|name| count(name.as_bytes()) > 0).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn an_offer_is_distinct_tokens() {
        for (offer, expected) in [
            (&[][..], Ok(None)),
            (&["chat"], Ok(Some("chat"))),
            (&["foo, superchat, chat"], Ok(Some("chat"))),
            (&["foo", "superchat"], Ok(Some("superchat"))),
            (&["CHAT"], Ok(None)),
            (&["nope"], Ok(None)),
            (&["", ",chat,"], Ok(Some("chat"))),
            (&["a b"], Err(SubprotocolError)),
            (&["chat\r\nX: y"], Err(SubprotocolError)),
            (&["chat;q=1"], Err(SubprotocolError)),
            (&["chat, chat"], Err(SubprotocolError)),
            (&["nope", "chat", "nope"], Err(SubprotocolError)),
        ] {
            let values = offer.iter().map(|value: &&str| value.as_bytes());
            assert_eq!(choose(values, &["chat", "superchat"]), expected, "{offer:?}");
        }
    }

    #[test]
    fn an_offer_has_an_end() {
        let names: Vec<String> = (0..=OFFER_MAX).map(|i| format!("p{i}")).collect();
        let most = names[..OFFER_MAX].join(",");
        assert_eq!(choose([most.as_bytes()].into_iter(), &["p63"]), Ok(Some("p63")));
        let more = names.join(",");
        assert_eq!(choose([more.as_bytes()].into_iter(), &["p63"]), Err(SubprotocolError));
    }
}
