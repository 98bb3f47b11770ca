//! Field lines (RFC 9112 §5): judging one, and walking those of a head that was judged.

use super::RequestError;
use crate::grammar::characters::{all_token, ascii, trim};
use crate::grammar::scan::{find_control, split_line, split_once};

/// The name and value of a field line, which comes without its CR LF.
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

/// Judges the field lines of a head, at most `most`, and the empty line that ends it; `note` sees each.
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

/// The fields of a head in their order: name as it was sent, value without the whitespace around it.
///
/// Nothing is kept but where the walk stands: a head is its own table.
#[derive(Clone, Copy, Debug)]
pub struct HeaderFields<'a> {
    rest: &'a [u8],
}

impl<'a> HeaderFields<'a> {
    /// Walks field lines that were judged before.
    pub(crate) const fn new(lines: &'a [u8]) -> Self {
        Self { rest: lines }
    }

    /// The values of the fields named `name`, in their order, compared without case.
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
