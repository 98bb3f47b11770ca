//! Evaluation of `Accept` (RFC 9110 §12.5.1).

use crate::grammar::list::{HeaderList, parameter};
use crate::grammar::scan::split_once;

/// The specificity of the media range that matched, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Specificity {
    /// No range matched.
    Unmatched,
    /// The request has no `Accept`: every media type is acceptable.
    Absent,
    /// `*/*`
    Any,
    /// `type/*`
    Type,
    /// `type/subtype`, with or without parameters.
    Exact,
}

/// The quality of a media type by `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptMatch {
    /// The quality value in thousandths: 0 (not acceptable) to 1,000.
    pub quality: u16,
    /// The media range that set the quality.
    pub specificity: Specificity,
}

impl AcceptMatch {
    /// Whether the media type is listed by its full name, and not excluded by `q=0`.
    pub fn is_named(self) -> bool {
        self.specificity == Specificity::Exact && self.quality > 0
    }

    /// Whether the media type may be sent.
    pub fn is_acceptable(self) -> bool {
        self.quality > 0
    }
}

/// Matches each of `media_types` against the values of all `Accept` fields, in one pass.
///
/// The most specific range takes precedence (RFC 9110 §12.5.1), and the highest weight among equals. A range with a
/// malformed weight is ignored.
pub(crate) fn match_media_type<'a, const N: usize>(
    values: impl Iterator<Item = &'a [u8]>,
    media_types: [&str; N],
) -> [AcceptMatch; N] {
    let mut all = [AcceptMatch { quality: 1000, specificity: Specificity::Absent }; N];
    let mut absent = true;
    for value in values {
        if absent {
            absent = false;
            all = [AcceptMatch { quality: 0, specificity: Specificity::Unmatched }; N];
        }
        for range in HeaderList::new(value) {
            let mut parts = HeaderList::parts(range);
            let range = parts.next_raw().unwrap_or_default();
            for (best, media_type) in all.iter_mut().zip(media_types) {
                let Some(precedence) = matched(range, media_type) else { continue };
                let Some(quality) = weight(parts) else { continue };
                if (precedence, quality) > (best.specificity, best.quality) {
                    *best = AcceptMatch { quality, specificity: precedence };
                }
            }
        }
    }
    all
}

// Not inlined on a chip: one copy for all media types saves flash.
#[cfg_attr(small_code, inline(never))]
fn matched(range: &[u8], media_type: &str) -> Option<Specificity> {
    if range == b"*/*" {
        return Some(Specificity::Any);
    }
    if range.eq_ignore_ascii_case(media_type.as_bytes()) {
        return Some(Specificity::Exact);
    }
    let kind = range.strip_suffix(b"/*")?;
    let (own, _) = split_once(media_type.as_bytes(), b'/')?;
    kind.eq_ignore_ascii_case(own).then_some(Specificity::Type)
}

/// The weight in `parameters`, in thousandths. `None` if it is malformed.
#[cfg_attr(small_code, inline(never))]
fn weight(parameters: HeaderList<'_>) -> Option<u16> {
    for part in parameters {
        let (name, value) = parameter(part);
        if name.eq_ignore_ascii_case(b"q") {
            return quality(value);
        }
    }
    Some(1000)
}

/// A `qvalue` (RFC 9110 §12.4.2): 0 to 1 with up to three decimals.
fn quality(value: &[u8]) -> Option<u16> {
    let (whole, decimals): (u16, &[u8]) = match value {
        [b'0'] => (0, &[]),
        [b'1'] => (1000, &[]),
        [b'0', b'.', decimals @ ..] => (0, decimals),
        [b'1', b'.', decimals @ ..] => (1000, decimals),
        _ => return None,
    };
    if decimals.len() > 3 || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = decimals.iter().zip([100_u16, 10, 1]).fold(0_u16, |sum, (digit, scale)| {
        sum.saturating_add(u16::from(digit.wrapping_sub(b'0')).saturating_mul(scale))
    });
    let quality = whole.saturating_add(part);
    (quality <= 1000).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(values: &[&str]) -> (u16, Specificity) {
        let [found] = match_media_type(values.iter().map(|value| value.as_bytes()), ["text/event-stream"]);
        (found.quality, found.specificity)
    }

    #[test]
    fn the_most_specific_range_takes_precedence() {
        use Specificity::*;
        assert_eq!(accept(&[]), (1000, Absent));
        assert_eq!(accept(&[""]), (0, Unmatched));
        assert_eq!(accept(&["text/html"]), (0, Unmatched));
        assert_eq!(accept(&["*/*"]), (1000, Any));
        assert_eq!(accept(&["text/*;q=0.3, */*"]), (300, Type));
        assert_eq!(accept(&["*/*, Text/Event-Stream;q=0.25"]), (250, Exact));
        assert_eq!(accept(&["text/event-stream; q=0, */*"]), (0, Exact));
        assert_eq!(accept(&["text/html", "text/event-stream"]), (1000, Exact));
        assert_eq!(accept(&["text/event-stream;charset=utf-8;q=0.5"]), (500, Exact));
        assert_eq!(accept(&[r#"text/event-stream;x="a,b;q=0""#]), (1000, Exact));
    }

    #[test]
    fn malformed_ranges_are_ignored() {
        for bad in ["2", "-1", "1.001", "0.1234", "", ".5", "a", "1.5", "00"] {
            let value = std::format!("text/event-stream;q={bad}, */*;q=0.1");
            let (quality, _) = accept(&[&value]);
            assert_eq!(quality, 100, "q={bad}");
        }
        assert_eq!(accept(&["text*", "/", "text/event-streams"]), (0, Specificity::Unmatched));
    }

    #[test]
    fn quality_has_up_to_three_decimals() {
        assert_eq!(quality(b"0.001"), Some(1));
        assert_eq!(quality(b"0.9"), Some(900));
        assert_eq!(quality(b"1.000"), Some(1000));
        assert_eq!(quality(b"0."), Some(0));
        assert_eq!(quality(b"1."), Some(1000));
    }
}
