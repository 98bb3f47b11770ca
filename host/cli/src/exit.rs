//! How a command ends.

use std::fmt;
use std::io;
use std::process::ExitCode;

use goldcrest_core::client::Error;
use goldcrest_core::sse::parse::ParseError;
use goldcrest_core::websocket::Disconnect;
use goldcrest_core::ws::ProtocolError;
use goldcrest_host::client::ConnectError;

use super::parser_limits::PARSER_LIMITS;

/// The end of `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes of all commands:
  0  success: all events arrived, the server ended the stream in order, or the reader of the output has gone
  1  another failure: the output cannot be written, the server cannot listen
  2  the command line is wrong
  3  no connection: the name is unknown, the address does not answer, TLS fails
  4  the server rejects the request: its status, its content type, or the WebSocket handshake; or a token is rejected
  5  the connection is lost, and the command does not retry
  6  the time-out has passed before all events arrived, or before the server was reached
  7  the data violates the protocol, or is too large";

/// How a command ends, by the number that the shell sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    NoConnection = 3,
    Refused = 4,
    Lost = 5,
    TimedOut = 6,
    Malformed = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The reason for which a command failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    text: String,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// The error, and the content of the server's response.
    pub(crate) fn rejected(error: &Error<ConnectError>, content: &str) -> Self {
        Self::new(Self::from(error).exit, rejected(error, content))
    }

    /// The same error, with the content of the server's response.
    pub(crate) fn with_content(self, content: &str) -> Self {
        let content = detail(content);
        if content.is_empty() { self } else { Self::new(self.exit, format!("{}: {content}", self.text)) }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<&Error<ConnectError>> for CommandError {
    fn from(error: &Error<ConnectError>) -> Self {
        let exit = match error {
            Error::Url(_) | Error::InvalidRequest => Exit::Usage,
            Error::Connect(_) => Exit::NoConnection,
            Error::Status { .. } | Error::ContentType | Error::ContentCoding => Exit::Refused,
            Error::TooManyRedirects | Error::InvalidRedirect | Error::UpgradeFailed(_) => Exit::Refused,
            Error::Disconnected(Disconnect::Protocol(_)) => Exit::Malformed,
            Error::Response(_) | Error::Body(_) | Error::EventStream(_) | Error::TooLarge => Exit::Malformed,
            Error::Malformed | Error::PublishResponseLost => Exit::Malformed,
            Error::Disconnected(_) | Error::ProxyBuffering | Error::Closed => Exit::Lost,
            _ => Exit::Failed,
        };
        Self::new(exit, describe(error))
    }
}

impl From<Error<ConnectError>> for CommandError {
    fn from(error: Error<ConnectError>) -> Self {
        Self::from(&error)
    }
}

impl From<Disconnect> for CommandError {
    fn from(ended: Disconnect) -> Self {
        Self::from(Error::Disconnected(ended))
    }
}

/// The error, and the content of the server's response.
pub(crate) fn rejected(error: &Error<ConnectError>, content: &str) -> String {
    let (text, content) = (describe(error), detail(content));
    if content.is_empty() { text } else { format!("{text}: {content}") }
}

/// The text of a response that may be a problem in JSON (RFC 9457 §3.1.4).
fn detail(content: &str) -> String {
    let problem = serde_json::from_str::<serde_json::Value>(content).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    detail.unwrap_or(content).to_owned()
}

/// The error as a sentence.
pub(crate) fn describe(error: &Error<ConnectError>) -> String {
    match error {
        // The connector's `Display` is better than its `Debug`.
        Error::Connect(error) if error.is_untrusted() => {
            format!("{error}; to trust it, give its certificate or that of its authority with --cacert FILE")
        }
        Error::Connect(error) => error.to_string(),
        Error::InvalidRequest => {
            "--since, --origin or --protocol has a character that no request may have, or a subprotocol is \
                           there twice"
                .to_owned()
        }
        Error::InvalidRedirect => {
            "the server's redirect cannot be followed: its Location is missing, is no URL of http, https, ws or wss, \
                            or leads from TLS to cleartext"
                .to_owned()
        }
        Error::Disconnected(Disconnect::Protocol(ProtocolError::MessageTooBig)) => {
            "a message is larger than --max-event allows".to_owned()
        }
        Error::Disconnected(Disconnect::Protocol(error)) => format!("the server broke the WebSocket protocol: {error}"),
        Error::TooLarge | Error::EventStream(ParseError::DataTooLong) => {
            "an event is larger than --max-event allows".to_owned()
        }
        Error::EventStream(ParseError::IdTooLong) => format!("an event's id is longer than {} bytes", PARSER_LIMITS.id),
        Error::EventStream(ParseError::EventTypeTooLong) => {
            format!("an event's type is longer than {} bytes", PARSER_LIMITS.event_type)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_sentence_with_a_remedy() {
        let text = |error| describe(&error);
        for rule in [ProtocolError::Masked, ProtocolError::NotUtf8, ProtocolError::ReservedBits] {
            let text = text(Error::Disconnected(Disconnect::Protocol(rule)));
            assert!(!text.contains(&format!("{rule:?}")) && text.contains(&rule.to_string()), "{text}");
        }
        for error in [
            Error::Disconnected(Disconnect::Protocol(ProtocolError::MessageTooBig)),
            Error::TooLarge,
            Error::EventStream(ParseError::DataTooLong),
        ] {
            let text = text(error);
            assert!(text.contains("--max-event"), "{text}");
        }
        assert!(text(Error::InvalidRedirect).contains("Location") && text(Error::InvalidRequest).contains("--since"));
    }

    #[test]
    fn a_redirect_without_target_is_a_rejection() {
        assert_eq!(CommandError::from(Error::InvalidRedirect).exit, Exit::Refused);
    }
}
