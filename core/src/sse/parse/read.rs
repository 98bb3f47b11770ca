//! The parser's loop over the lines of the input.

use core::time::Duration;

use super::line_state::{At, BomSeen, Digits, Field, begin_line, split_line};
use super::{ParseError, Parser};
use crate::sse::line::{CR, LF, is_line_end};

/// A complete event. Its type and its ID are in the store.
pub(super) struct Complete<'a> {
    /// The input after the event.
    pub(super) rest: &'a [u8],
    pub(super) data: Data<'a>,
}

/// The location of the data of an event.
#[derive(PartialEq, Eq)]
pub(super) enum Data<'a> {
    /// In the input.
    Lent(&'a str),
    /// In the store.
    Stored,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Parser<B> {
    /// Reads up to the first dispatched event, or to the end of the input.
    pub(super) fn read<'a>(&mut self, input: &'a [u8]) -> Result<Option<Complete<'a>>, ParseError> {
        self.store.forget_dispatched();
        let mut rest = self.skip_start(input);
        // The data of the block, as long as it is one line within the input.
        let mut lent: Option<&'a [u8]> = None;
        loop {
            match self.at {
                At::LineStart => {
                    let Some((&first, after)) = rest.split_first() else { break };
                    if is_line_end(first) {
                        rest = self.after_line_end(first, after);
                        if let Some(data) = self.end_block(lent)? {
                            return Ok(Some(Complete { rest, data }));
                        }
                        continue;
                    }
                    let (at, after) = begin_line(rest);
                    self.at = at;
                    rest = after;
                    if let At::Value { field, .. } = at {
                        self.begin_field(field, &mut lent)?;
                    }
                }
                At::Name(mut name) => {
                    let Some((&byte, after)) = rest.split_first() else { break };
                    match (byte, name.field()) {
                        (b':', Some(field)) => {
                            self.begin_field(field, &mut lent)?;
                            self.at = At::Value { field, space: true };
                            rest = after;
                        }
                        // The line is a field name without a colon: its value is empty (WHATWG HTML §9.2.6).
                        (CR | LF, Some(field)) => {
                            self.begin_field(field, &mut lent)?;
                            self.at = At::Value { field, space: false };
                        }
                        (b':' | CR | LF, None) => self.at = At::Ignored,
                        _ => {
                            self.at = if name.push(byte) { At::Name(name) } else { At::Ignored };
                            rest = after;
                        }
                    }
                }
                At::Value { field, space } => {
                    match rest {
                        [] => break,
                        [b' ', after @ ..] if space => rest = after,
                        _ => {}
                    }
                    let (value, end) = split_line(rest);
                    let Some((first, after)) = end else {
                        self.push(field, value)?;
                        // The next byte is never the optional space: that was consumed above, or the value has begun.
                        self.at = At::Value { field, space: false };
                        break;
                    };
                    self.at = At::LineStart;
                    rest = self.after_line_end(first, after);
                    if field == Field::Data && !self.store.has_data() {
                        if !self.store.holds_data(value.len()) {
                            return Err(ParseError::DataTooLong);
                        }
                        lent = Some(value);
                    } else {
                        self.push(field, value)?;
                        self.end_field(field)?;
                    }
                }
                At::Ignored => {
                    let (_, Some((first, after))) = split_line(rest) else { break };
                    self.at = At::LineStart;
                    rest = self.after_line_end(first, after);
                }
            }
        }
        if let Some(value) = lent {
            self.store.push_data(value)?;
        }
        Ok(None)
    }

    /// Skips bytes before a line: the byte order mark of the stream, and the LF of a split CRLF.
    fn skip_start<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let mut rest = input;
        while let Some(expected) = self.bom.next() {
            match rest.split_first() {
                None => return rest,
                Some((&byte, after)) if byte == expected => {
                    self.bom = self.bom.and_one();
                    rest = after;
                }
                Some(_) => {
                    // A part of a mark is the start of an unknown field name.
                    if self.bom != BomSeen::None {
                        self.at = At::Ignored;
                    }
                    self.bom = BomSeen::Past;
                }
            }
        }
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(&[LF]).unwrap_or(rest);
        }
        rest
    }

    /// The input after a line end that begins with `first`. The parser does not wait for an LF after a CR. It skips the LF
    /// in the next input.
    #[inline]
    fn after_line_end<'a>(&mut self, first: u8, after: &'a [u8]) -> &'a [u8] {
        if first != CR {
            return after;
        }
        self.after_cr = after.is_empty();
        after.strip_prefix(&[LF]).unwrap_or(after)
    }

    /// Handles a complete field name.
    #[inline]
    fn begin_field(&mut self, field: Field, lent: &mut Option<&[u8]>) -> Result<(), ParseError> {
        match field {
            Field::Data => {
                if let Some(first) = lent.take() {
                    self.store.push_data(first)?;
                }
                if self.store.has_data() {
                    self.store.push_data(&[LF])?;
                }
            }
            Field::Event => self.store.begin_event_type(),
            Field::Id => self.store.begin_id(),
            Field::Retry => self.digits = Digits::None,
        }
        Ok(())
    }

    /// Handles a piece of the field's value.
    #[inline]
    fn push(&mut self, field: Field, piece: &[u8]) -> Result<(), ParseError> {
        match field {
            Field::Data => self.store.push_data(piece)?,
            Field::Event => self.store.push_event_type(piece)?,
            Field::Id => self.store.push_id(piece),
            Field::Retry => self.digits.push(piece),
        }
        Ok(())
    }

    /// Handles the end of the field's line.
    #[inline]
    fn end_field(&mut self, field: Field) -> Result<(), ParseError> {
        match field {
            Field::Data => {}
            Field::Event => self.store.end_event_type()?,
            Field::Id => self.store.end_id()?,
            Field::Retry => {
                if let Digits::Number(millis) = self.digits {
                    self.reconnection_time = Some(Duration::from_millis(millis));
                }
            }
        }
        Ok(())
    }

    /// Handles the blank line: it dispatches an event if there is data.
    #[inline]
    fn end_block<'a>(&mut self, lent: Option<&'a [u8]>) -> Result<Option<Data<'a>>, ParseError> {
        let data = match lent.map(|bytes| (bytes, str::from_utf8(bytes))) {
            Some((_, Ok(text))) => Data::Lent(text),
            Some((bytes, Err(_))) => {
                self.store.push_data(bytes)?;
                Data::Stored
            }
            None if self.store.has_data() => Data::Stored,
            None => {
                self.store.clear();
                self.store.commit_id();
                return Ok(None);
            }
        };
        if data == Data::Stored {
            self.store.decode_data()?;
        }
        self.store.dispatch();
        Ok(Some(data))
    }
}
