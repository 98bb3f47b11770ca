//! The name of a channel, and the policies for names.

use core::fmt;

/// The longest channel name of [`NamePolicy::SHORT`], in bytes.
pub const MAX_SHORT_CHANNEL_NAME: usize = 64;

/// The longest channel name of any policy, in bytes.
pub const MAX_CHANNEL_NAME: usize = 255;

/// The length and the characters that a hub permits in the names of its channels.
///
/// | policy | bytes | characters |
/// | --- | --- | --- |
/// | [`SHORT`](Self::SHORT), of chips | 1 to 64 | unreserved |
/// | [`UNRESERVED`](Self::UNRESERVED), the default of hosts | 1 to 255 | unreserved |
/// | [`EXTENDED`](Self::EXTENDED) | 1 to 255 | unreserved, `:` `/` `@`, and beyond ASCII |
///
/// - Unreserved are `A-Z a-z 0-9 . _ ~ -` (RFC 3986 §2.3).
/// - `.` and `..` are not permitted, nor is a segment between slashes that is one of them: in a path these are dot segments, which
///   clients and proxies remove (§5.2.4). An empty segment is not permitted either, since some proxies merge slashes.
/// - Beyond ASCII, control characters (U+0080 to U+009F), line separators (U+2028, U+2029), the byte order mark (U+FEFF) and the
///   bidirectional controls (Unicode property `Bidi_Control`) are not permitted.
/// - Names are equal if their bytes are: no Unicode normalisation is applied.
///
/// ```
/// use goldcrest_core::hub::NamePolicy;
///
/// assert!(NamePolicy::EXTENDED.permits("orders/42:grün") && !NamePolicy::EXTENDED.permits("orders//42"));
/// assert!(!NamePolicy::UNRESERVED.permits("orders/42"));
/// ```
// A table of functions: an image has only the code and the text of the policies that it uses.
#[derive(Clone, Copy)]
pub struct NamePolicy(&'static Rules);

struct Rules {
    longest: usize,
    permits: fn(&str) -> bool,
    text: &'static str,
}

impl NamePolicy {
    /// 1 to 64 unreserved characters. Every hub permits these names.
    pub const SHORT: Self = Self(&Rules {
        longest: MAX_SHORT_CHANNEL_NAME,
        permits: is_unreserved,
        text: "a channel name is 1 to 64 of A-Z a-z 0-9 . _ ~ - and neither . nor ..",
    });

    /// 1 to 255 unreserved characters.
    pub const UNRESERVED: Self = Self(&Rules {
        longest: MAX_CHANNEL_NAME,
        permits: is_unreserved,
        text: "a channel name is 1 to 255 of A-Z a-z 0-9 . _ ~ - and neither . nor ..; \
               start the server with --channel-names extended to permit : / @ and UTF-8",
    });

    /// 1 to 255 bytes of UTF-8: unreserved characters, `:`, `/`, `@` and characters beyond ASCII.
    pub const EXTENDED: Self = Self(&Rules {
        longest: MAX_CHANNEL_NAME,
        permits: is_extended,
        text: "a channel name is 1 to 255 bytes of UTF-8: A-Z a-z 0-9 . _ ~ - : / @ and characters beyond ASCII, \
               without controls, and without an empty, . or .. segment",
    });

    /// Whether `name` is one of a channel.
    pub fn permits(self, name: &str) -> bool {
        (1..=self.0.longest).contains(&name.len()) && (self.0.permits)(name)
    }

    /// The rules as a text for responses and errors.
    pub const fn text(self) -> &'static str {
        self.0.text
    }
}

impl PartialEq for NamePolicy {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for NamePolicy {}

impl fmt::Debug for NamePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamePolicy").field(&self.0.text).finish()
    }
}

/// The valid name of a channel, of at most [`MAX_CHANNEL_NAME`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelName<'a>(&'a str);

/// The text is not a channel name under this policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelNameError(pub NamePolicy);

impl fmt::Display for ChannelNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text())
    }
}

impl core::error::Error for ChannelNameError {}

impl<'a> ChannelName<'a> {
    /// Validates `name` by [`NamePolicy::SHORT`], so that any hub permits it.
    ///
    /// # Errors
    /// [`ChannelNameError`]
    pub fn new(name: &'a str) -> Result<Self, ChannelNameError> {
        Self::with_policy(name, NamePolicy::SHORT)
    }

    /// Validates `name` by `policy`. A hub with a narrower policy has no such channel
    /// ([`OpenError::InvalidName`](super::OpenError::InvalidName)).
    ///
    /// # Errors
    /// [`ChannelNameError`]
    pub fn with_policy(name: &'a str, policy: NamePolicy) -> Result<Self, ChannelNameError> {
        if policy.permits(name) { Ok(Self(name)) } else { Err(ChannelNameError(policy)) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

fn is_unreserved(name: &str) -> bool {
    name.bytes().all(is_unreserved_byte) && !matches!(name, "." | "..")
}

fn is_unreserved_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~-".contains(&byte)
}

fn is_extended(name: &str) -> bool {
    let is_character = |character: char| match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => is_unreserved_byte(byte) || b":/@".contains(&byte),
        _ => !is_control(character),
    };
    let mut segments = name.as_bytes().split(|byte| *byte == b'/');
    name.chars().all(is_character) && segments.all(|segment| !matches!(segment, b"" | b"." | b".."))
}

/// Whether a character beyond ASCII alters the lines of a log or the order of its text.
fn is_control(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}'
        | '\u{2028}' | '\u{2029}' | '\u{feff}'
        // Bidi_Control (Unicode PropList)
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_short_name_has_unreserved_characters_only() {
        for name in ["a", "sensors.1_b~c-D", "...", ".a", &"x".repeat(64)] {
            assert!(ChannelName::new(name).is_ok(), "{name}");
            assert!(NamePolicy::UNRESERVED.permits(name) && NamePolicy::EXTENDED.permits(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "ä", "a%20", "a\n", "a:b", "a@b", &"x".repeat(65)] {
            assert!(ChannelName::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_unreserved_name_has_up_to_255_bytes() {
        assert!(NamePolicy::UNRESERVED.permits(&"x".repeat(255)) && !NamePolicy::UNRESERVED.permits(&"x".repeat(256)));
        for name in ["", ".", "..", "a/b", "a b", "ä", "a%20", "a\n", "a:b", "a@b"] {
            assert!(!NamePolicy::UNRESERVED.permits(name), "{name}");
        }
    }

    #[test]
    fn an_extended_name_has_segments_of_utf8() {
        let longest = "ä".repeat(127) + "x";
        for name in ["a/b", "orders:42@shop", "grün", "日本/語", "a/...", ":", "@", "👩\u{200d}🔧", &longest] {
            assert!(NamePolicy::EXTENDED.permits(name), "{name}");
        }
        let segments = ["", ".", "..", "/", "/a", "a/", "a//b", "a/./b", "a/..", "../a"];
        let characters = ["a b", "a%20", "a+b", "a?b", "a#b", "a=b", "a\\b", "a\0", "a\n", "\u{7f}"];
        let controls = ["\u{85}", "\u{2028}", "\u{2029}", "\u{feff}a", "\u{61c}", "\u{200e}", "\u{202e}a", "\u{2069}"];
        for name in segments.into_iter().chain(characters).chain(controls) {
            assert!(!NamePolicy::EXTENDED.permits(name), "{name:?}");
        }
        assert!(!NamePolicy::EXTENDED.permits(&"ä".repeat(128)));
    }

    #[test]
    fn names_are_compared_by_their_bytes() {
        let [composed, decomposed] =
            ["gr\u{fc}n", "gru\u{308}n"].map(|name| ChannelName::with_policy(name, NamePolicy::EXTENDED).unwrap());
        assert_ne!(composed, decomposed);
    }

    #[test]
    fn an_error_states_the_rules_of_its_policy() {
        for policy in [NamePolicy::SHORT, NamePolicy::UNRESERVED, NamePolicy::EXTENDED] {
            let error = ChannelName::with_policy("", policy).unwrap_err();
            assert_eq!((error, error.to_string().as_str()), (ChannelNameError(policy), policy.text()));
        }
        assert_ne!(NamePolicy::UNRESERVED, NamePolicy::EXTENDED);
    }
}
