//! The walk over the input, line by line.

use core::time::Duration;

use super::line_state::{At, BomSeen, Digits, Field, begin_line, split_line};
use super::{ParseError, Parser};
use crate::sse::line::{CR, LF, is_line_end};

/// An event that is complete: its type and its ID are in the store.
pub(super) struct Complete<'a> {
    /// What follows it in the input.
    pub(super) rest: &'a [u8],
    pub(super) data: Data<'a>,
}

/// Where the data of an event is.
#[derive(PartialEq, Eq)]
pub(super) enum Data<'a> {
    /// In the input.
    Lent(&'a str),
    /// In the store.
    Stored,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Parser<B> {
    /// Reads up to the first dispatch, or to the end of the input.
    pub(super) fn read<'a>(&mut self, input: &'a [u8]) -> Result<Option<Complete<'a>>, ParseError> {
        self.store.forget_dispatched();
        let mut rest = self.skip_start(input);
        // The data of the block, while it is one line that lies whole in the input.
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
                        // The line is the name of the field, its value is empty.
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
                        // Of an empty value no byte has come yet only if the space has: it is gone either way.
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

    /// Skips what may stand before a line: the byte order mark of the stream, the LF of a CRLF that was cut.
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
                    // Part of a mark begins a name that no field has.
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

    /// What follows a line end that begins with `first`. After a CR nothing is waited for: its LF is skipped when it
    /// comes.
    #[inline]
    fn after_line_end<'a>(&mut self, first: u8, after: &'a [u8]) -> &'a [u8] {
        if first != CR {
            return after;
        }
        self.after_cr = after.is_empty();
        after.strip_prefix(&[LF]).unwrap_or(after)
    }

    /// The field's name has been read.
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

    /// A piece of the field's value has been read.
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

    /// The field's line has ended.
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

    /// The blank line: where there is data there is an event.
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
