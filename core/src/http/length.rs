//! The body length of a message (RFC 9112 §6).

use super::RequestError;
use crate::grammar::list::HeaderList;

/// How the content of a message is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No content: a request without `Content-Length` and `Transfer-Encoding`, or a response without content.
    None,
    /// `Content-Length`, in bytes.
    Fixed(u64),
    /// `Transfer-Encoding: chunked`
    Chunked,
    /// Up to the end of the connection, for responses only (RFC 9112 §6.3). Truncation cannot be detected.
    UntilClose,
}

impl BodyLength {
    /// Whether the message ends with the head.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Fixed(0))
    }
}

/// Collects `Content-Length` and `Transfer-Encoding`.
#[derive(Debug, Default)]
pub(crate) struct FramingFields {
    content_length: Option<u64>,
    transfer_encoding: Option<Codings>,
}

#[derive(Clone, Copy, Debug)]
struct Codings {
    others: bool,
    chunked: bool,
}

impl FramingFields {
    /// Adds the value of a `Content-Length` field. Only digits, and only one field, even if two are equal.
    pub(crate) fn content_length(&mut self, value: &[u8]) -> Result<(), RequestError> {
        if self.content_length.is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(RequestError::ContentLength);
        }
        let mut length = 0_u64;
        for digit in value {
            length = length
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(u64::from(digit.wrapping_sub(b'0'))))
                .ok_or(RequestError::ContentTooLarge)?;
        }
        self.content_length = Some(length);
        Ok(())
    }

    /// Adds the value of a `Transfer-Encoding` field.
    pub(crate) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), RequestError> {
        let mut codings = self.transfer_encoding.unwrap_or(Codings { others: false, chunked: false });
        let mut list = HeaderList::new(value);
        while let Some(coding) = list.next_raw() {
            if codings.chunked || coding.is_empty() {
                return Err(RequestError::TransferEncoding);
            }
            if coding.eq_ignore_ascii_case(b"chunked") {
                codings.chunked = true;
            } else if HeaderList::parts(coding).next_raw().is_some_and(|name| name.eq_ignore_ascii_case(b"chunked")) {
                return Err(RequestError::TransferEncoding);
            } else {
                codings.others = true;
            }
        }
        self.transfer_encoding = Some(codings);
        Ok(())
    }

    /// The body length after all fields. `old`: the message has the version HTTP/1.0.
    pub(crate) fn body_length(&self, old: bool) -> Result<BodyLength, RequestError> {
        match (self.content_length, self.transfer_encoding) {
            (None, None) => Ok(BodyLength::None),
            (Some(length), None) => Ok(BodyLength::Fixed(length)),
            (Some(_), Some(_)) => Err(RequestError::AmbiguousLength),
            (None, Some(_)) if old => Err(RequestError::TransferEncoding),
            (None, Some(Codings { others: true, .. })) => Err(RequestError::TransferCoding),
            (None, Some(Codings { chunked: true, .. })) => Ok(BodyLength::Chunked),
            (None, Some(_)) => Err(RequestError::TransferEncoding),
        }
    }
}
