//! Reads the head of a message from a stream, up to its last byte.

use super::RequestError;
use crate::grammar::characters::is_token;
use crate::grammar::copy::copy;
use crate::grammar::scan::find_control;

/// Empty lines that are skipped before a request line (RFC 9112 §2.2): some clients send one after a body.
pub const MAX_EMPTY_LINES: u8 = 4;

/// The result of [`HeadReader::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct HeadProgress {
    /// Consumed bytes of the input: all of it, or up to the end of the head.
    pub consumed: usize,
    /// The length of the head in the buffer, once it is complete.
    pub complete: Option<usize>,
}

/// Reads a head (start line, field lines, empty line) into the caller's buffer.
///
/// A complete head in the buffer has these properties: every line ends with CR LF and has no other control character
/// but HTAB. The first byte is a `tchar`. No line begins with whitespace. The last line is empty.
///
/// Each byte is read once, for any split of the input. A malformed head is rejected at the first invalid byte. Heads
/// of requests and of responses are read alike, one after another.
///
/// ```
/// use goldcrest_core::http::HeadReader;
///
/// let mut buffer = [0; 64];
/// let mut reader = HeadReader::new();
/// assert_eq!(reader.take(&mut buffer, b"\r\nGET / HT")?.complete, None);
/// let taken = reader.take(&mut buffer, b"TP/1.0\r\n\r\nmore")?;
/// assert_eq!((taken.consumed, taken.complete), (10, Some(18)));
/// assert_eq!(&buffer[..18], b"GET / HTTP/1.0\r\n\r\n");
/// # Ok::<(), goldcrest_core::http::RequestError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadReader {
    state: State,
    written: usize,
    empty_lines: u8,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Before the start line.
    #[default]
    Start,
    /// After the CR of an empty line before the start line.
    StartLf,
    StartLine,
    StartLineLf,
    FieldStart,
    FieldLine,
    FieldLineLf,
    /// After the CR of the empty line at the end.
    EndLf,
    Refused(RequestError),
}

impl HeadReader {
    /// A reader before the first byte.
    pub const fn new() -> Self {
        Self { state: State::Start, written: 0, empty_lines: 0 }
    }

    /// Appends `input` to the head in `buffer`, up to the head's end.
    ///
    /// Pass the same buffer with its content until [`HeadProgress::complete`] is set. After that the reader is ready for
    /// the next head.
    ///
    /// # Errors
    /// [`UriTooLong`](RequestError::UriTooLong) or [`HeadTooLarge`](RequestError::HeadTooLarge) if `buffer` is full within
    /// the start line or after it.
    /// [`NotHttp`](RequestError::NotHttp), [`EmptyLines`](RequestError::EmptyLines), [`LineEnd`](RequestError::LineEnd),
    /// [`Control`](RequestError::Control), [`RequestLine`](RequestError::RequestLine) and
    /// [`FieldLine`](RequestError::FieldLine) for malformed bytes. An error is final until [`reset`](Self::reset).
    pub fn take(&mut self, buffer: &mut [u8], input: &[u8]) -> Result<HeadProgress, RequestError> {
        let mut rest = input;
        loop {
            let state = match (self.state, rest) {
                (State::Refused(refusal), _) => return Err(refusal),
                (_, []) => return Ok(HeadProgress { consumed: input.len(), complete: None }),
                (State::Start, [b'\r', after @ ..]) => {
                    rest = after;
                    State::StartLf
                }
                (State::Start, [byte, ..]) => match byte {
                    b'\n' => State::Refused(RequestError::LineEnd),
                    b' ' | b'\t' => State::Refused(RequestError::RequestLine),
                    &byte if is_token(byte) => State::StartLine,
                    _ => State::Refused(RequestError::NotHttp),
                },
                (State::StartLf, [b'\n', after @ ..]) => {
                    rest = after;
                    self.empty_lines = self.empty_lines.saturating_add(1);
                    if self.empty_lines > MAX_EMPTY_LINES {
                        State::Refused(RequestError::EmptyLines)
                    } else {
                        State::Start
                    }
                }
                (State::StartLine, _) => self.line(buffer, &mut rest, State::StartLine, State::StartLineLf),
                (State::FieldLine, _) => self.line(buffer, &mut rest, State::FieldLine, State::FieldLineLf),
                (State::StartLineLf | State::FieldLineLf, [b'\n', after @ ..]) => {
                    rest = after;
                    self.append(buffer, b"\n", State::FieldStart)
                }
                (State::FieldStart, [b'\r', after @ ..]) => {
                    rest = after;
                    self.append(buffer, b"\r", State::EndLf)
                }
                (State::FieldStart, [b' ' | b'\t', ..]) => State::Refused(RequestError::FieldLine),
                (State::FieldStart, _) => State::FieldLine,
                (State::EndLf, [b'\n', after @ ..]) => {
                    rest = after;
                    let state = self.append(buffer, b"\n", State::Start);
                    if matches!(state, State::Start) {
                        let complete = Some(self.written);
                        *self = Self::new();
                        return Ok(HeadProgress { consumed: input.len().saturating_sub(rest.len()), complete });
                    }
                    state
                }
                (State::StartLf | State::StartLineLf | State::FieldLineLf | State::EndLf, _) => {
                    State::Refused(RequestError::LineEnd)
                }
            };
            self.state = state;
        }
    }

    /// Discards the head that was read so far: the next byte begins a new head.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Whether no byte of a head has arrived, so that the connection is idle. Empty lines before it do not count.
    pub const fn is_idle(&self) -> bool {
        self.written == 0
    }

    /// Bytes of the head in the buffer so far.
    pub const fn written(&self) -> usize {
        self.written
    }

    /// Consumes the bytes of a line in `rest`, its CR included. Returns the state after them.
    fn line(&mut self, buffer: &mut [u8], rest: &mut &[u8], here: State, ended: State) -> State {
        let whole = *rest;
        let run = find_control(whole).unwrap_or(whole.len());
        let (text, after) = whole.split_at_checked(run).unwrap_or((whole, &[]));
        let state = self.append(buffer, text, here);
        if matches!(state, State::Refused(_)) {
            return state;
        }
        match after {
            [] => {
                *rest = after;
                here
            }
            [b'\t', after @ ..] => {
                *rest = after;
                self.append(buffer, b"\t", here)
            }
            [b'\r', after @ ..] => {
                *rest = after;
                self.append(buffer, b"\r", ended)
            }
            [b'\n', ..] => State::Refused(RequestError::LineEnd),
            _ => State::Refused(RequestError::Control),
        }
    }

    /// Appends `bytes` to the buffer. Returns `next`, or the error for a line that is too long.
    fn append(&mut self, buffer: &mut [u8], bytes: &[u8], next: State) -> State {
        let room = buffer.get_mut(self.written..).and_then(|room| room.get_mut(..bytes.len()));
        let Some(room) = room else {
            return State::Refused(match self.state {
                State::Start | State::StartLine | State::StartLineLf => RequestError::UriTooLong,
                _ => RequestError::HeadTooLarge,
            });
        };
        self.written = self.written.wrapping_add(copy(bytes, room));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// Feeds `input` in pieces of the given lengths, then the rest. Returns the head and the number of consumed bytes.
    fn feed(input: &[u8], cuts: &[usize], room: usize) -> Result<(Option<Vec<u8>>, usize), RequestError> {
        let mut buffer = vec![0; room];
        let mut reader = HeadReader::new();
        let mut at = 0;
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let piece = &input[at..at + cut.min(input.len() - at)];
            let taken = reader.take(&mut buffer, piece)?;
            at += taken.consumed;
            if let Some(length) = taken.complete {
                return Ok((Some(buffer[..length].to_vec()), at));
            }
            assert_eq!(taken.consumed, piece.len(), "an unfinished head takes all");
        }
        Ok((None, at))
    }

    const HEAD: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nX-Tab:\ta\tb \xFF\r\nEmpty:\r\n\r\n";

    #[test]
    fn every_split_results_in_the_same_head() {
        let stream = [b"\r\n\r\n", HEAD, b"GET / HTTP/1.1\r\n"].concat();
        let expected = Ok((Some(HEAD.to_vec()), HEAD.len() + 4));
        assert_eq!(feed(&stream, &vec![1; stream.len()], 100), expected);
        for cut in 0..=stream.len() {
            assert_eq!(feed(&stream, &[cut], 100), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_head_may_fill_the_buffer_to_the_last_byte() {
        assert_eq!(feed(HEAD, &[], HEAD.len()), Ok((Some(HEAD.to_vec()), HEAD.len())));
    }

    #[test]
    fn a_full_buffer_is_414_in_the_request_line_and_431_after_it() {
        let line = HEAD.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for room in 0..HEAD.len() {
            let refusal = if room < line { RequestError::UriTooLong } else { RequestError::HeadTooLarge };
            assert_eq!(feed(HEAD, &[], room), Err(refusal), "room of {room}");
            assert_eq!(feed(HEAD, &vec![1; HEAD.len()], room), Err(refusal), "room of {room}, bytewise");
        }
    }

    #[test]
    fn malformed_heads_are_rejected_at_the_first_invalid_byte() {
        let cases: &[(&[u8], RequestError)] = &[
            (b"\x16", RequestError::NotHttp),
            (b"\x00", RequestError::NotHttp),
            (b"(", RequestError::NotHttp),
            (b"\x80", RequestError::NotHttp),
            (b"\n", RequestError::LineEnd),
            (b" ", RequestError::RequestLine),
            (b"\rG", RequestError::LineEnd),
            (b"\r\n\r\n\r\n\r\n\r\n", RequestError::EmptyLines),
            (b"GE\x01", RequestError::Control),
            (b"GET /\x7F", RequestError::Control),
            (b"GET / HTTP/1.1\n", RequestError::LineEnd),
            (b"GET / HTTP/1.1\rH", RequestError::LineEnd),
            (b"GET / HTTP/1.1\r\r", RequestError::LineEnd),
            (b"GET / HTTP/1.1\r\n ", RequestError::FieldLine),
            (b"GET / HTTP/1.1\r\n\n", RequestError::LineEnd),
            (b"GET / HTTP/1.1\r\nA: b\r\n\t", RequestError::FieldLine),
            (b"GET / HTTP/1.1\r\nA: b\n", RequestError::LineEnd),
            (b"GET / HTTP/1.1\r\nA: b\0", RequestError::Control),
            (b"GET / HTTP/1.1\r\nA: b\r\n\rX", RequestError::LineEnd),
        ];
        for (bytes, refusal) in cases {
            let told = bytes.len() - 1;
            assert_eq!(feed(&bytes[..told], &[], 64), Ok((None, told)), "{}", bytes.escape_ascii());
            assert_eq!(feed(bytes, &[], 64), Err(*refusal), "{}", bytes.escape_ascii());
            assert_eq!(feed(bytes, &vec![1; told], 64), Err(*refusal), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_error_is_final_until_reset() {
        let mut reader = HeadReader::new();
        let mut buffer = [0; 64];
        assert_eq!(reader.take(&mut buffer, b"\x16"), Err(RequestError::NotHttp));
        assert_eq!(reader.take(&mut buffer, b"GET / HTTP/1.0\r\n\r\n"), Err(RequestError::NotHttp));
        reader.reset();
        assert_eq!(reader.take(&mut buffer, b"GET / HTTP/1.0\r\n\r\n").unwrap().complete, Some(18));
    }

    #[test]
    fn the_reader_is_idle_between_heads() {
        let mut reader = HeadReader::new();
        let mut buffer = [0; 64];
        let _ = reader.take(&mut buffer, b"\r\n").unwrap();
        assert!(reader.is_idle());
        let _ = reader.take(&mut buffer, b"G").unwrap();
        assert!(!reader.is_idle());
        let _ = reader.take(&mut buffer, b"ET / HTTP/1.0\r\n\r\n").unwrap();
        assert!(reader.is_idle());
    }

    fn like_a_head() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => Just(b"\r\n".to_vec()),
            4 => Just(b"A: b".to_vec()),
            2 => Just(b"GET / HTTP/1.1\r\n".to_vec()),
            1 => Just(b"\t".to_vec()),
            1 => Just(b"\r\n\r\n".to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..3),
            2 => proptest::collection::vec(b' '..b'~', 0..24),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_split_has_the_same_result(bytes in like_a_head(), cuts in proptest::collection::vec(0_usize..9, 0..40), room in 0_usize..90) {
            let whole = feed(&bytes, &[], room);
            prop_assert_eq!(feed(&bytes, &cuts, room), whole.clone());
            prop_assert_eq!(feed(&bytes, &vec![1; bytes.len()], room), whole);
        }
    }
}
