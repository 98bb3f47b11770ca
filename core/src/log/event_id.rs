//! The id of an event: `EPOCH-SEQ`.

use core::fmt;
use core::str::FromStr;

use crate::output::{Output, written_text};

/// The longest text of an [`EventId`]: 8 hexadecimal digits, a hyphen and 20 decimal digits.
pub const MAX_EVENT_ID: usize = 29;

/// The id of an event: the epoch of its log and its sequence number there, counted from 1.
///
/// Its text, `EPOCH-SEQ` with the epoch as 8 lower-case hexadecimal digits and the sequence number in decimal, is the
/// `id:` of SSE, the `ETag` of a poll and the `after` of every transport. Sequence number 0 is the position
/// before the first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// A random number of the log: ids of an earlier log of the same channel have another.
    pub epoch: u32,
    /// The sequence number, counted from 1 within the epoch.
    pub seq: u64,
}

/// The text is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventIdError;

impl fmt::Display for EventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event id is 8 hexadecimal digits, a hyphen and a decimal number")
    }
}

impl core::error::Error for EventIdError {}

impl EventId {
    /// Parses the text form. Only the text that [`EventId::put`] writes is accepted, so that an id has one text.
    ///
    /// # Errors
    /// [`EventIdError`] for any other text: other digits, leading zeros, a number above [`u64::MAX`].
    pub fn parse(text: &[u8]) -> Result<Self, EventIdError> {
        let (epoch, rest) = text.split_first_chunk::<8>().ok_or(EventIdError)?;
        let (hyphen, digits) = rest.split_first().ok_or(EventIdError)?;
        let leading_zero = digits.len() > 1 && digits.first() == Some(&b'0');
        if *hyphen != b'-' || digits.is_empty() || leading_zero {
            return Err(EventIdError);
        }
        let epoch = epoch.iter().try_fold(0u32, |sum, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(EventIdError),
            };
            Ok((sum << 4) | u32::from(value))
        })?;
        let seq = digits.iter().try_fold(0u64, |sum, digit| match digit {
            b'0'..=b'9' => {
                sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(digit - b'0'))).ok_or(EventIdError)
            }
            _ => Err(EventIdError),
        })?;
        Ok(Self { epoch, seq })
    }

    /// Writes the text form, at most [`MAX_EVENT_ID`] bytes.
    pub fn put(&self, out: &mut impl Output) {
        let mut text = [b'-'; 9];
        for (at, digit) in text.iter_mut().take(8).enumerate() {
            let value = (self.epoch >> (28 - 4 * at)) as u8 & 0xf;
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        }
        out.put(&text);
        out.put_decimal(self.seq);
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(written_text(&mut [0; MAX_EVENT_ID], |out| self.put(out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::ResumableWriter;
    use std::string::ToString;

    #[test]
    fn an_id_has_exactly_one_text() {
        for (epoch, seq) in [(0, 0), (1, 1), (0xffff_ffff, u64::MAX), (0x0a0b_0c0d, 10)] {
            let id = EventId { epoch, seq };
            let text = id.to_string();
            assert_eq!(text.parse(), Ok(id));
            let mut room = [0; MAX_EVENT_ID];
            let mut sink = ResumableWriter::new(&mut room, 0);
            id.put(&mut sink);
            let written = sink.written();
            assert_eq!(&room[..written], text.as_bytes());
        }
    }

    #[test]
    fn other_texts_are_not_ids() {
        for text in [
            "",
            "-",
            "00000000",
            "00000000-",
            "00000000-01",
            "0000000-1",
            "000000000-1",
            "ABCDEF01-1",
            "00000000-+1",
            "00000000-18446744073709551616",
            "00000000-1 ",
            "0000000g-1",
            "00000000 1",
            "é0000000-1",
        ] {
            assert_eq!(EventId::parse(text.as_bytes()), Err(EventIdError), "{text:?}");
        }
    }
}
