//! Messages on stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use super::terminal;

/// Prints messages on stderr.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Diagnostics {
    quiet: bool,
    colours: bool,
}

/// Whether colours are wanted on a terminal (https://no-color.org/).
pub(crate) fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Diagnostics {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, colours: io::stderr().is_terminal() && colours_wanted() }
    }

    /// Prints progress, unless `--quiet` is given.
    pub(crate) fn info(self, text: impl Display) {
        if !self.quiet {
            self.line("\x1b[2m", &text);
        }
    }

    /// Prints a warning, unless `--quiet` is given.
    pub(crate) fn warn(self, text: impl Display) {
        if !self.quiet {
            self.line("\x1b[33m", &text);
        }
    }

    /// Prints an error.
    pub(crate) fn error(self, text: impl Display) {
        self.line("\x1b[31m", &text);
    }

    fn line(self, colour: &str, text: &dyn Display) {
        let mut stderr = io::stderr().lock();
        // A closed stderr is no error.
        let text = text.to_string();
        let text = terminal::message(&text);
        let _ = if self.colours {
            writeln!(stderr, "{colour}goldcrest: {text}\x1b[0m")
        } else {
            writeln!(stderr, "goldcrest: {text}")
        };
    }
}
