//! Errors of a connection to a server.

/// The reason for which no more can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerError {
    /// The peer has ended its side where that was not expected.
    Closed,
    /// The connection was broken.
    Reset,
    /// No byte arrived in time.
    Timeout,
    /// The received bytes violate a standard; the text states how.
    Malformed(String),
}

pub(crate) fn malformed(what: &str, bytes: &[u8]) -> PeerError {
    PeerError::Malformed(format!("{what}: {}", bytes.escape_ascii()))
}
