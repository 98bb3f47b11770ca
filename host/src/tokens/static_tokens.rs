//! Static tokens: the simple case without claims.

use std::fmt;

use goldcrest_core::http::constant_time_eq;

use super::MAX_TOKEN;

/// The shortest static token, in bytes.
pub const MIN_STATIC_TOKEN: usize = 16;

/// The static tokens of a file, one a line. Several of them permit a rotation.
///
/// Its `Debug` output has no token.
#[derive(Clone, Default)]
pub struct StaticTokens(Vec<String>);

/// The reason for which a file has no static tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticTokensError {
    /// It has no line with a token.
    Empty,
    /// The token in this line, from 1, has fewer than [`MIN_STATIC_TOKEN`] or more than [`MAX_TOKEN`] bytes, or other characters than a
    /// bearer token may have (RFC 6750 §2.1).
    Token(usize),
}

impl fmt::Display for StaticTokensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file has no token; make one with `openssl rand -hex 32`"),
            Self::Token(line) => {
                write!(
                    f,
                    "line {line}: a token has 16 to 8192 characters, each a letter, a digit or one of - . _ ~ + / ="
                )
            }
        }
    }
}

impl std::error::Error for StaticTokensError {}

impl StaticTokens {
    /// Parses a file. Empty lines, and lines that begin with `#`, are skipped.
    ///
    /// # Errors
    /// [`StaticTokensError`]
    pub fn parse(text: &str) -> Result<Self, StaticTokensError> {
        let mut tokens = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let token = line.trim();
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            let valid = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
            if !valid || !(MIN_STATIC_TOKEN..=MAX_TOKEN).contains(&token.len()) {
                return Err(StaticTokensError::Token(index + 1));
            }
            tokens.push(token.to_owned());
        }
        if tokens.is_empty() { Err(StaticTokensError::Empty) } else { Ok(Self(tokens)) }
    }

    /// Whether it is one of them. The time does not depend on the number of equal characters, nor on which one it is.
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().fold(false, |found, known| found | constant_time_eq(known, token))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for StaticTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticTokens({} tokens)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_token_a_line() {
        let tokens = StaticTokens::parse("# old\nopen-sesame-0123456789\n\n  open-sesame-9876543210 \n").unwrap();
        assert!(tokens.contains("open-sesame-0123456789") && tokens.contains("open-sesame-9876543210"));
        assert!(!tokens.contains("open-sesame-012345678") && !tokens.contains("# old") && !tokens.contains(""));
        assert_eq!(format!("{tokens:?}"), "StaticTokens(2 tokens)");
        for (text, error) in [
            ("", StaticTokensError::Empty),
            ("# only\n", StaticTokensError::Empty),
            ("\nshort\n", StaticTokensError::Token(2)),
            ("has a space 0123456789", StaticTokensError::Token(1)),
        ] {
            assert_eq!(StaticTokens::parse(text).err(), Some(error), "{text:?}");
        }
    }
}
