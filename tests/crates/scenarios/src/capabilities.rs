//! The capabilities of a server under test.

use std::env;

/// A capability that a scenario needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Servers of the suite's own, started with flags and ended by signals: only without `GOLDCREST_URL`.
    OwnServer,
    /// `any-channel`: a channel is made by its first use.
    AnyChannel,
    /// `crowd`: some hundred connections at once.
    Crowd,
    /// A network namespace for the server beside that of the suite: `GOLDCREST_FAR`.
    Network,
    /// `large`: events of 64 KiB.
    Large,
    /// `direct`: nothing stands between that takes connections in the server's place, and megabytes for a slow reader.
    Direct,
    /// HTTP and all paths are goldcrest's: not with `foreign-http`, where another project's server reads the requests.
    OwnHttp,
}

/// The list in `GOLDCREST_CAPABILITIES`.
///
/// `any-channel`, `crowd`, `large` and `direct` are as in [`Need`]. The rest states how small a server is:
///
/// | word | meaning | without it |
/// | --- | --- | --- |
/// | `channels=NAME+NAME…` | a fixed list of channels, of which these are lent to the suite, one scenario at a time | any |
/// | `foreign-http` | another project's server reads the requests and answers other paths ([`Need::OwnHttp`]) | goldcrest |
/// | `few-connections` | a connection past those it has is refused (RST) for the moment: the suite comes back | never |
/// | `largest-event=BYTES` | the largest event that a scenario may publish | 16,384 |
/// | `largest-head=BYTES` | the largest request head that it takes; a longer one is 414 or 431 | any that the tables hold |
///
/// A server that the suite starts itself can do everything.
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
            Need::Network => return self.own && env::var_os("GOLDCREST_FAR").is_some(),
            Need::OwnHttp => return self.own || !self.words.iter().any(|word| word == "foreign-http"),
            Need::AnyChannel => "any-channel",
            Need::Crowd => "crowd",
            Need::Large => "large",
            Need::Direct => "direct",
        };
        self.own || self.words.iter().any(|known| known == word)
    }

    /// The channels that a server with a fixed list lends.
    pub fn channels(&self) -> Vec<String> {
        self.value("channels").map(|names| names.split('+').map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Whether a connection that is refused is one too many for the moment.
    pub fn few_connections(&self) -> bool {
        !self.own && self.words.iter().any(|word| word == "few-connections")
    }

    /// The bytes of the largest event that a scenario may publish.
    pub fn largest_event(&self) -> usize {
        let bytes = self.value("largest-event").map(|bytes| bytes.parse().expect("largest-event=BYTES"));
        bytes.unwrap_or(16 * 1024)
    }

    /// The bytes of the largest request head that it takes.
    pub fn largest_head(&self) -> usize {
        self.value("largest-head").map_or(usize::MAX, |bytes| bytes.parse().expect("largest-head=BYTES"))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}
