//! Tokens: the options of the server, and the command that signs and checks them.
//!
//! | file | content |
//! | --- | --- |
//! | `options.rs` | the options for tokens of `serve` and `token check` |
//! | `sign.rs` | `goldcrest token sign` |
//! | `check.rs` | `goldcrest token check` |

mod check;
mod options;
mod sign;

use std::fs;
use std::path::Path;

use clap::{Args, Subcommand};

pub(crate) use options::{ServeTokenOptions, TokenOptions};

use super::CommandError;

/// Sign and check tokens for `goldcrest serve`
#[derive(Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    Sign(sign::Sign),
    Check(check::Check),
}

impl Token {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self.command {
            TokenCommand::Sign(sign) => sign.run(),
            TokenCommand::Check(check) => check.run(),
        }
    }
}

/// A file, and the `kid` that is given before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    pub(crate) id: Option<String>,
    pub(crate) path: String,
}

/// `[KID=]FILE`. A path with `=` begins with `./` or `/`.
fn key_file(text: &str) -> Result<KeyFile, String> {
    let (id, path) = match text.split_once('=').filter(|(id, _)| !id.contains('/')) {
        Some((id, path)) => (Some(id.to_owned()), path),
        None => (None, text),
    };
    if path.is_empty() || id.as_deref() == Some("") {
        return Err("not of the form FILE or KID=FILE".into());
    }
    Ok(KeyFile { id, path: path.to_owned() })
}

/// The content of a file that `option` names.
fn read(option: &str, path: impl AsRef<Path>) -> Result<Vec<u8>, CommandError> {
    let path = path.as_ref();
    fs::read(path).map_err(|error| CommandError::usage(format!("{option} {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_may_have_an_id() {
        let file = |id: Option<&str>, path: &str| KeyFile { id: id.map(str::to_owned), path: path.into() };
        assert_eq!(key_file("a.pem"), Ok(file(None, "a.pem")));
        assert_eq!(key_file("2026=a.pem"), Ok(file(Some("2026"), "a.pem")));
        assert_eq!(key_file("2026=/keys/a=b.pem"), Ok(file(Some("2026"), "/keys/a=b.pem")));
        assert_eq!(key_file("./a=b.pem"), Ok(file(None, "./a=b.pem")));
        assert!(key_file("=a.pem").is_err() && key_file("a=").is_err() && key_file("").is_err());
    }
}
