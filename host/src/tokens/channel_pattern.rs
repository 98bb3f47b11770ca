//! The channels that a claim names.

use std::fmt;

/// One channel, or all channels with a prefix.
///
/// ```
/// use goldcrest_host::tokens::ChannelPattern;
///
/// let pattern: ChannelPattern = "user.42.*".parse()?;
/// assert!(pattern.matches("user.42.inbox") && !pattern.matches("user.421"));
/// assert!("user.*.inbox".parse::<ChannelPattern>().is_err());
/// # Ok::<(), goldcrest_host::tokens::ChannelPatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelPattern {
    /// This channel.
    Name(String),
    /// All channels whose name begins so; all channels if it is empty.
    Prefix(String),
}

/// A pattern is empty, or has `*` elsewhere than at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPatternError;

impl fmt::Display for ChannelPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern is the name of a channel, or a prefix with * at its end")
    }
}

impl std::error::Error for ChannelPatternError {}

impl std::str::FromStr for ChannelPattern {
    type Err = ChannelPatternError;

    fn from_str(text: &str) -> Result<Self, ChannelPatternError> {
        let (name, prefix) = text.strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        match (name, prefix) {
            (name, _) if name.contains('*') => Err(ChannelPatternError),
            (prefix, true) => Ok(Self::Prefix(prefix.into())),
            ("", false) => Err(ChannelPatternError),
            (name, false) => Ok(Self::Name(name.into())),
        }
    }
}

impl ChannelPattern {
    /// Whether it names the channel.
    pub fn matches(&self, channel: &str) -> bool {
        match self {
            Self::Name(name) => name == channel,
            Self::Prefix(prefix) => channel.starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}
