//! Media types that `Accept` names (RFC 9110 §12.5.1).

use crate::grammar::list::{HeaderList, parameter};

/// For each of `media_types` (`type/subtype`): whether a value of `Accept` lists it by name with a weight above 0. One
/// pass over the values.
///
/// A media range with `*` names no type. A range with a malformed weight is ignored.
pub(crate) fn named<'a, const N: usize>(values: impl Iterator<Item = &'a [u8]>, media_types: [&str; N]) -> [bool; N] {
    let mut found = [false; N];
    for value in values {
        for range in HeaderList::new(value) {
            let mut parts = HeaderList::parts(range);
            let range = parts.next_raw().unwrap_or_default();
            for (found, media_type) in found.iter_mut().zip(media_types) {
                if range.eq_ignore_ascii_case(media_type.as_bytes()) {
                    *found |= is_acceptable(parts);
                }
            }
        }
    }
    found
}

/// Whether the weight in `parameters` is valid and above 0. Without a weight it is 1.
// Not inlined on a chip: one copy for all media types saves flash.
#[cfg_attr(small_code, inline(never))]
fn is_acceptable(parameters: HeaderList<'_>) -> bool {
    for part in parameters {
        let (name, value) = parameter(part);
        if name.eq_ignore_ascii_case(b"q") {
            return is_positive(value);
        }
    }
    true
}

/// Whether `value` is a `qvalue` (RFC 9110 §12.4.2) above 0: a number up to 1 with up to three decimals.
fn is_positive(value: &[u8]) -> bool {
    match value {
        b"1" => true,
        [b'0', b'.', decimals @ ..] => {
            decimals.len() <= 3
                && decimals.iter().all(u8::is_ascii_digit)
                && decimals.iter().any(|digit| *digit != b'0')
        }
        [b'1', b'.', decimals @ ..] => decimals.len() <= 3 && decimals.iter().all(|digit| *digit == b'0'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_named(values: &[&str]) -> bool {
        let [found] = named(values.iter().map(|value| value.as_bytes()), ["text/event-stream"]);
        found
    }

    #[test]
    fn a_media_type_is_named_in_full() {
        for values in [
            &["text/event-stream"][..],
            &["*/*, Text/Event-Stream;q=0.25"],
            &["text/html", "text/event-stream"],
            &["text/event-stream;charset=utf-8;q=0.5"],
            &[r#"text/event-stream;x="a,b;q=0""#],
            &["text/event-stream;q=0, text/event-stream"],
        ] {
            assert!(is_named(values), "{values:?}");
        }
        for values in [
            &[][..],
            &[""],
            &["text/html"],
            &["*/*"],
            &["text/*;q=0.3, */*"],
            &["text/event-stream; q=0, */*"],
            &["text*", "/", "text/event-streams"],
        ] {
            assert!(!is_named(values), "{values:?}");
        }
    }

    #[test]
    fn several_media_types_are_matched_in_one_pass() {
        let values = [&b"application/json, text/event-stream;q=0.1"[..]];
        let types = ["text/event-stream", "application/x-ndjson", "application/json"];
        assert_eq!(named(values.into_iter(), types), [true, false, true]);
    }

    #[test]
    fn ranges_with_malformed_weights_are_ignored() {
        for bad in ["2", "-1", "1.001", "0.1234", "", ".5", "a", "1.5", "00"] {
            let value = std::format!("text/event-stream;q={bad}, */*;q=0.1");
            assert!(!is_named(&[&value]), "q={bad}");
        }
    }

    #[test]
    fn a_weight_has_up_to_three_decimals() {
        for weight in ["0.001", "0.9", "0.900", "1", "1.", "1.000"] {
            assert!(is_positive(weight.as_bytes()), "{weight}");
        }
        for weight in ["0", "0.", "0.0", "0.000"] {
            assert!(!is_positive(weight.as_bytes()), "{weight}");
        }
    }
}
