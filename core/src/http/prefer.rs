//! `Prefer: wait=N` (RFC 7240 §4.3).

use crate::grammar::list::{HeaderList, parameter};

/// The seconds of the first `wait` preference in the values of all `Prefer` fields. Too large a number saturates. A
/// value that is not a number is ignored.
pub(crate) fn wait<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<u32> {
    for value in values {
        for preference in HeaderList::new(value) {
            let Some(first) = HeaderList::parts(preference).next_raw() else { continue };
            let (name, word) = parameter(first);
            if name.eq_ignore_ascii_case(b"wait") {
                return seconds_of(unquote(word));
            }
        }
    }
    None
}

fn unquote(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word)
}

/// Parses digits as a number of seconds. Too large a number saturates.
pub(crate) fn seconds_of(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0')))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_preference_is_used_at_any_place() {
        let of = |values: &[&str]| wait(values.iter().map(|value| value.as_bytes()));
        assert_eq!(of(&["wait=25"]), Some(25));
        assert_eq!(of(&["respond-async, Wait = \"10\"; x=1, wait=3"]), Some(10));
        assert_eq!(of(&["return=minimal", "wait=7"]), Some(7));
        assert_eq!(of(&["wait=99999999999"]), Some(u32::MAX));
        assert_eq!(of(&[]), None);
        for none in ["wait", "wait=", "wait=-1", "wait=1.5", "waits=4", "foo;wait=4", "wait=\"\""] {
            assert_eq!(of(&[none]), None, "{none}");
        }
    }
}
