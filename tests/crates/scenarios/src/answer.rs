//! HTTP/1.1 responses, read strictly (RFC 9112 §4, §6.3).

use crate::PeerError;
use crate::peer_error::malformed;

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The field lines in order, names in lower case.
    pub fields: Vec<(String, String)>,
}

/// How a response's content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes more.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// The same, within a chunk of which so many bytes are to come.
    Chunk(u64),
    /// With the connection.
    Close,
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its head.
    pub head: Head,
    /// Its content, with no transfer coding left.
    pub content: Vec<u8>,
}

impl Head {
    /// Reads a head with its empty line.
    ///
    /// # Errors
    /// [`PeerError::Malformed`] for anything that RFC 9112 does not let a server send.
    pub fn parse(bytes: &[u8]) -> Result<Self, PeerError> {
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("head", bytes))?;
        let text = text.strip_suffix("\r\n\r\n").ok_or_else(|| malformed("end of the head", bytes))?;
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let mut words = status_line.splitn(3, ' ');
        let (version, code, reason) = (words.next(), words.next(), words.next());
        let code = code.filter(|code| code.len() == 3).and_then(|code| code.parse().ok());
        let (Some("HTTP/1.1"), Some(status), Some(_)) = (version, code, reason) else {
            return Err(malformed("status line", status_line.as_bytes()));
        };
        let mut fields = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("field line", line.as_bytes()))?;
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) || value.bytes().any(|byte| byte < b' ' && byte != b'\t') {
                return Err(malformed("field line", line.as_bytes()));
            }
            fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
        }
        Ok(Self { status, fields })
    }

    /// The value of the field `name` (in lower case), `None` where it is missing.
    ///
    /// # Panics
    /// Where it is there twice: no field that the suite asks for may be.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// Whether the list in the field `name` has `element`, in any case.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        let values = self.fields.iter().filter(|(known, _)| known == name);
        values.flat_map(|(_, value)| value.split(',')).any(|known| known.trim().eq_ignore_ascii_case(element))
    }

    /// How the content of the response to `method` ends.
    ///
    /// # Errors
    /// [`PeerError::Malformed`] where that is not clear.
    pub fn framing(&self, method: &str) -> Result<Framing, PeerError> {
        let length = self.field("content-length");
        let coding = self.field("transfer-encoding");
        let bodiless = matches!(self.status, 100..200 | 204 | 304);
        match (length, coding) {
            (Some(_), Some(_)) => Err(malformed("both lengths", format!("{self:?}").as_bytes())),
            (_, Some(_)) if matches!(self.status, 100..200 | 204) => Err(malformed("coding of nothing", b"")),
            _ if bodiless || method == "HEAD" => Ok(Framing::Length(0)),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            (None, Some(coding)) => Err(malformed("transfer coding", coding.as_bytes())),
            (Some(length), None) => {
                length.parse().map(Framing::Length).map_err(|_| malformed("Content-Length", length.as_bytes()))
            }
            (None, None) => Ok(Framing::Close),
        }
    }
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The content as JSON.
    ///
    /// # Panics
    /// Where it is none, or does not say so.
    pub fn json(&self) -> serde_json::Value {
        let kind = self.head.field("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/json"), "Content-Type: {kind}");
        serde_json::from_slice(&self.content).unwrap_or_else(|error| panic!("{error}: {}", self.content.escape_ascii()))
    }
}
