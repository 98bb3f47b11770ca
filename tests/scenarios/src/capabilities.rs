//! What a server can do.

use std::env;

/// What a scenario needs of the server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Servers of the suite's own, started with flags and ended by signals: only without `GOLDCREST_URL`.
    OwnServer,
    /// `any-channel`: a channel is made by its first use.
    AnyChannel,
    /// `crowd`: some hundred connections at once.
    Crowd,
    /// `large`: events of 64 KiB.
    Large,
}

/// The list in `GOLDCREST_CAPABILITIES`.
///
/// `any-channel`, `crowd` and `large` are as in [`Need`]; `channels=NAME+NAME…` names the channels that a server with a
/// fixed list lends to the suite, which then uses them one scenario at a time. A server that the suite starts itself
/// can do everything.
#[derive(Clone, Debug)]
pub struct Capabilities {
    words: Vec<String>,
    own: bool,
}

impl Capabilities {
    /// Those of the environment.
    pub fn from_env() -> Self {
        let words = env::var("GOLDCREST_CAPABILITIES").unwrap_or_default();
        let words = words.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
        Self { words, own: env::var_os("GOLDCREST_URL").is_none() }
    }

    /// Whether the server can do that.
    pub fn has(&self, need: Need) -> bool {
        let word = match need {
            Need::OwnServer => return self.own,
            Need::AnyChannel => "any-channel",
            Need::Crowd => "crowd",
            Need::Large => "large",
        };
        self.own || self.words.iter().any(|known| known == word)
    }

    /// The channels that a server with a fixed list lends.
    pub fn channels(&self) -> Vec<String> {
        let named = self.words.iter().find_map(|word| word.strip_prefix("channels="));
        named.map(|names| names.split('+').map(str::to_owned).collect()).unwrap_or_default()
    }
}
