//! The names of channels in a path, beside the `percent-encoding` and `url` crates.

use goldcrest_core::hub::{MAX_CHANNEL_NAME, NamePolicy};
use goldcrest_core::hub_http::decode_channel_name;

const POLICIES: [NamePolicy; 3] = [NamePolicy::SHORT, NamePolicy::UNRESERVED, NamePolicy::EXTENDED];

/// Decodes `encoded` as the part of a path behind `/events/`. A policy permits the name where the other crate decodes the same
/// text, whose characters and segments are permitted.
pub fn decodes_the_same_as_the_percent_encoding_crate(encoded: &str) {
    // The grammar of a request's target permits no other bytes.
    if !encoded.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte)) {
        return;
    }
    let mut buffer = [0; MAX_CHANNEL_NAME];
    let name = decode_channel_name(encoded, &mut buffer);
    let theirs = percent_encoding::percent_decode_str(encoded).decode_utf8().ok();
    for policy in POLICIES {
        let expected = theirs.as_deref().is_some_and(|theirs| is_permitted(theirs, policy));
        assert_eq!(policy.permits(name), expected, "{encoded:?} by {policy:?}");
        assert!(!expected || theirs.as_deref() == Some(name), "{encoded:?}");
    }
}

/// Encodes `name` as a client does. If a policy permits it, browsers leave its path as it is, and it decodes to itself.
pub fn a_permitted_name_survives_a_url(name: &str) {
    for policy in POLICIES.into_iter().filter(|policy| policy.permits(name)) {
        let text = format!("http://localhost/events/{name}");
        let url = url::Url::parse(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((url.query(), url.fragment(), url.host_str()), (None, None, Some("localhost")), "{text:?}");
        for encoded in [url.path().strip_prefix("/events/").expect("a path of channels"), &encode_all(name)] {
            let mut buffer = [0; MAX_CHANNEL_NAME];
            assert_eq!(decode_channel_name(encoded, &mut buffer), name, "{encoded:?} by {policy:?}");
        }
    }
}

fn encode_all(name: &str) -> String {
    percent_encoding::percent_encode(name.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The policies as plain as can be.
fn is_permitted(name: &str, policy: NamePolicy) -> bool {
    let longest = if policy == NamePolicy::SHORT { 64 } else { 255 };
    let extended = policy == NamePolicy::EXTENDED;
    let characters = name.chars().all(|character| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => true,
        ':' | '/' | '@' => extended,
        _ => extended && !character.is_ascii() && !character.is_control() && !INVISIBLE.contains(&character),
    });
    !name.is_empty()
        && name.len() <= longest
        && characters
        && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// LINE SEPARATOR and PARAGRAPH SEPARATOR, ZERO WIDTH NO-BREAK SPACE, ARABIC LETTER MARK, the marks LRM and RLM, the embeddings and
/// overrides LRE, RLE, PDF, LRO and RLO, the isolates LRI, RLI, FSI and PDI.
const INVISIBLE: [char; 15] = [
    '\u{2028}', '\u{2029}', '\u{feff}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}',
    '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];
