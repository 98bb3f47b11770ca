//! Opening handshakes, as the tables write their heads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha1_smol::Sha1;

use crate::text::bytes;

/// The head that a row without words of its own has: its first line and its fields.
#[derive(Default, Deserialize)]
pub(crate) struct Opening {
    #[serde(default)]
    line: String,
    #[serde(default)]
    fields: Vec<String>,
}

impl Opening {
    /// The lines of a row: its own first line, if it has one; the fields that it does not leave out, and those it adds.
    pub(crate) fn lines(&self, line: Option<&str>, without: &[String], with: &[String]) -> Vec<String> {
        let stays = |field: &&String| {
            let name = field.split_once(':').expect("NAME: VALUE").0;
            !without.iter().any(|without| without == name)
        };
        let line = line.unwrap_or(&self.line).to_owned();
        [line].into_iter().chain(self.fields.iter().filter(stays).cloned()).chain(with.iter().cloned()).collect()
    }
}

/// The bytes of these lines, and of the empty one behind them.
pub(crate) fn head<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let lines = lines.into_iter().flat_map(|line| [bytes(line.as_ref()), b"\r\n".to_vec()].concat());
    lines.chain(*b"\r\n").collect()
}

/// The accept value of a key (RFC 6455 §4.2.2).
pub(crate) fn accept(key: &str) -> String {
    let mut sha1 = Sha1::from(key);
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(sha1.digest().bytes())
}
