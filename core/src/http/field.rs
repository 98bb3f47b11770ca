//! Field lines (RFC 9112 §5): validation, and iteration over validated lines.

use super::RequestError;
use crate::grammar::characters::{all_token, ascii, trim};
use crate::grammar::scan::{find_control, split_line, split_once};

/// The name and value of a field line, given without its CR LF.
pub(crate) fn validate(line: &[u8]) -> Result<(&str, &[u8]), RequestError> {
    let (name, value) = split_once(line, b':').ok_or(RequestError::FieldLine)?;
    if !all_token(name) {
        return Err(RequestError::FieldLine);
    }
    if has_control(value) {
        return Err(RequestError::Control);
    }
    Ok((ascii(name), trim(value)))
}

/// Validates at most `most` field lines and the empty line at the end. Passes each field to `note`.
pub(crate) fn validate_all<'h>(
    lines: &'h [u8],
    most: usize,
    mut note: impl FnMut(&'h str, &'h [u8]) -> Result<(), RequestError>,
) -> Result<(), RequestError> {
    let (mut rest, mut count) = (lines, 0_usize);
    loop {
        let (line, after) = split_line(rest).ok_or(RequestError::FieldLine)?;
        rest = after;
        if line.is_empty() {
            break;
        }
        if count >= most {
            return Err(RequestError::TooManyFields);
        }
        count = count.saturating_add(1);
        let (name, value) = validate(line)?;
        note(name, value)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(RequestError::FieldLine) }
}

/// Whether `value` has a control character other than HTAB.
fn has_control(mut value: &[u8]) -> bool {
    while let Some((control, rest)) = find_control(value).and_then(|at| value.get(at..)?.split_first()) {
        if *control != b'\t' {
            return true;
        }
        value = rest;
    }
    false
}

/// The fields of a head in order: the name as sent, the value without surrounding whitespace.
///
/// The iterator stores a position only: each look-up reads the head, so there is no table of fields.
#[derive(Clone, Copy, Debug)]
pub struct HeaderFields<'a> {
    rest: &'a [u8],
}

impl<'a> HeaderFields<'a> {
    /// Iterates over validated field lines.
    pub(crate) const fn new(lines: &'a [u8]) -> Self {
        Self { rest: lines }
    }

    /// The values of the fields named `name`, in order. The name is compared without case.
    pub fn named<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        self.filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl<'a> Iterator for HeaderFields<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = split_line(self.rest)?;
        let (name, value) = split_once(line, b':')?;
        self.rest = rest;
        Some((ascii(name), trim(value)))
    }
}
