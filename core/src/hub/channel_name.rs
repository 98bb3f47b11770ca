//! The name of a channel.

use core::fmt;

/// The longest channel name, in bytes.
pub const MAX_CHANNEL_NAME: usize = 64;

/// 1 to [`MAX_CHANNEL_NAME`] of `A-Z a-z 0-9 . _ ~ -`, the unreserved characters of RFC 3986 §2.3, but neither `.` nor `..`:
/// in a path these are dot segments, which clients and proxies remove (§5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelName<'a>(&'a str);

/// The rule, for responses and error texts.
pub(crate) const CHANNEL_NAME_RULE: &str = "a channel name is 1 to 64 of A-Z a-z 0-9 . _ ~ - and neither . nor ..";

/// The text is not a channel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelNameError;

impl fmt::Display for ChannelNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CHANNEL_NAME_RULE)
    }
}

impl core::error::Error for ChannelNameError {}

impl<'a> ChannelName<'a> {
    /// Validates `name`.
    ///
    /// # Errors
    /// [`ChannelNameError`] where it is too long, empty, `.` or `..`, or has another character.
    pub fn new(name: &'a str) -> Result<Self, ChannelNameError> {
        let fits = (1..=MAX_CHANNEL_NAME).contains(&name.len());
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte));
        if fits && plain && !matches!(name, "." | "..") { Ok(Self(name)) } else { Err(ChannelNameError) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_name_has_unreserved_characters_only() {
        for name in ["a", "sensors.1_b~c-D", "...", ".a", &"x".repeat(64)] {
            assert!(ChannelName::new(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "ä", "a%20", "a\n", &"x".repeat(65)] {
            assert!(ChannelName::new(name).is_err(), "{name}");
        }
    }
}
