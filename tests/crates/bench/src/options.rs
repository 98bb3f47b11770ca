//! The options of a benchmark's command line.

use std::time::Duration;

/// The options that all benchmarks share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--quick`: fewer and shorter rounds, for a first look. The figures are rough.
    pub quick: bool,
    /// `--full`: every case of the grid, not only the columns that are watched.
    pub full: bool,
    /// `--only NAME` (repeatable): only entrants or sections whose name contains NAME.
    pub only: Vec<String>,
}

impl Options {
    /// Reads the command line. The arguments that cargo adds (`--bench`) are ignored.
    ///
    /// # Errors
    /// Says which word is not known.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => {}
                "--quick" => options.quick = true,
                "--full" => options.full = true,
                "--only" => options.only.push(words.next().ok_or("--only needs a name")?),
                _ => return Err(format!("unknown option `{word}`; there are --quick, --full and --only NAME")),
            }
        }
        Ok(options)
    }

    /// The options of this process; ends it with a message if they can't be read.
    pub fn of_this_process() -> Self {
        Self::parse(std::env::args().skip(1)).unwrap_or_else(|error| {
            eprintln!("{error}");
            std::process::exit(2)
        })
    }

    /// Whether the measurement called `name` is selected.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// `usual`, or `quick` under `--quick`.
    pub fn rounds(&self, usual: usize, quick: usize) -> usize {
        if self.quick { quick } else { usual }
    }

    /// `usual` milliseconds, or `quick` under `--quick`.
    pub fn slice(&self, usual: u64, quick: u64) -> Duration {
        Duration::from_millis(if self.quick { quick } else { usual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options, String> {
        Options::parse(words.split_whitespace().map(String::from))
    }

    #[test]
    fn every_option_is_understood() {
        let options = parse("--bench --quick --full --only ours --only axum").unwrap();
        assert!(options.quick && options.full);
        assert!(options.wants("axum SSE") && !options.wants("fastwebsockets"));
    }

    #[test]
    fn without_only_everything_is_wanted() {
        assert!(parse("").unwrap().wants("anything"));
    }

    #[test]
    fn an_unknown_option_is_an_error() {
        assert!(parse("--fast").is_err());
        assert!(parse("--only").is_err());
    }
}
