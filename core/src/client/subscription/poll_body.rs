//! The body of a poll's response, object by object, in a buffer that holds one of them.
//!
//! `{"gap":{…},"events":[{…},{…}],"after":"ID"}` may exceed the memory of a chip. Each event, and each other member
//! as an object of its own, is returned when it is complete.

/// The state of the parser.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollBodyParser {
    state: ParserState,
    /// Open brackets in the object being collected.
    depth: u32,
    quoted: bool,
    escaped: bool,
    filled: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParserState {
    /// Before the body's first bracket.
    Start,
    /// In a member of the body.
    Member,
    /// Between two events.
    Events,
    /// In an event.
    Event,
    /// After the body's last bracket.
    Done,
}

/// The result of [`PollBodyParser::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// All input was taken, and no object is complete.
    Nothing,
    /// An object of this length is at the start of the buffer, until the next call.
    Object(usize),
    /// The object exceeds the buffer.
    TooLarge,
    Malformed,
}

impl PollBodyParser {
    pub(super) const fn new() -> Self {
        Self { state: ParserState::Start, depth: 0, quoted: false, escaped: false, filled: 0 }
    }

    /// Whether the body has ended.
    pub(super) fn is_done(&self) -> bool {
        self.state == ParserState::Done
    }

    /// Takes `input` up to the end of the next object: the length taken, and the result.
    pub(super) fn take(&mut self, input: &[u8], buffer: &mut [u8]) -> (usize, Found) {
        for (at, &byte) in input.iter().enumerate() {
            let found = self.step(byte, buffer);
            if found != Found::Nothing {
                return (at.saturating_add(1), found);
            }
        }
        (input.len(), Found::Nothing)
    }

    fn step(&mut self, byte: u8, buffer: &mut [u8]) -> Found {
        let blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r') && !self.quoted;
        match self.state {
            _ if blank => Found::Nothing,
            ParserState::Start if byte == b'{' => self.begin(ParserState::Member, buffer),
            ParserState::Start | ParserState::Done => Found::Malformed,
            ParserState::Events => match byte {
                b',' => Found::Nothing,
                b'{' => self.begin(ParserState::Event, buffer),
                b']' => self.begin(ParserState::Member, buffer),
                _ => Found::Malformed,
            },
            ParserState::Event | ParserState::Member => self.collect(byte, buffer),
        }
    }

    /// Begins an object.
    fn begin(&mut self, at: ParserState, buffer: &mut [u8]) -> Found {
        (self.state, self.depth, self.filled) = (at, 1, 0);
        self.push(b'{', buffer)
    }

    fn collect(&mut self, byte: u8, buffer: &mut [u8]) -> Found {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return self.push(byte, buffer);
        }
        let outermost = self.state == ParserState::Member && self.depth == 1;
        match byte {
            b'"' => self.quoted = true,
            b'[' if outermost && buffer.get(..self.filled) == Some(b"{\"events\":") => {
                self.state = ParserState::Events;
                return Found::Nothing;
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' if outermost => {
                let found = self.end(buffer);
                self.depth = 1;
                return found;
            }
            _ => {}
        }
        if self.depth > 0 {
            return self.push(byte, buffer);
        }
        let event = self.state == ParserState::Event;
        self.state = if event { ParserState::Events } else { ParserState::Done };
        self.end(buffer)
    }

    /// Ends an object, unless it is the empty one after a list, and begins the next one.
    fn end(&mut self, buffer: &mut [u8]) -> Found {
        let empty = self.filled <= 1 && self.state != ParserState::Events;
        let found = self.push(b'}', buffer);
        let length = self.filled;
        if found != Found::Nothing {
            return found;
        }
        // The bracket of the next member is already in the buffer.
        self.filled = 1;
        if empty { Found::Nothing } else { Found::Object(length) }
    }

    fn push(&mut self, byte: u8, buffer: &mut [u8]) -> Found {
        let Some(room) = buffer.get_mut(self.filled) else { return Found::TooLarge };
        *room = byte;
        self.filled = self.filled.saturating_add(1);
        Found::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn objects(text: &str, step: usize, room: usize) -> Result<(Vec<String>, bool), Found> {
        let mut buffer = std::vec![0; room];
        let (mut body, mut seen) = (PollBodyParser::new(), Vec::new());
        for piece in text.as_bytes().chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                let (taken, found) = body.take(rest, &mut buffer);
                rest = &rest[taken..];
                match found {
                    Found::Nothing => {}
                    Found::Object(length) => {
                        seen.push(core::str::from_utf8(&buffer[..length]).unwrap().to_string());
                        // The reader may alter the object.
                        buffer[1..length].fill(b'#');
                    }
                    bad => return Err(bad),
                }
            }
        }
        Ok((seen, body.is_done()))
    }

    #[test]
    fn objects_do_not_depend_on_the_chunks() {
        let text = r#"{"gap":{"missed":3}, "events":[{"id":"a-1","data":"]}\"{"},
            {"id":"a-2","x":[{}],"data":""}] ,"after":"a-2"}"#;
        let expected = [
            r#"{"gap":{"missed":3}}"#,
            r#"{"id":"a-1","data":"]}\"{"}"#,
            r#"{"id":"a-2","x":[{}],"data":""}"#,
            r#"{"after":"a-2"}"#,
        ];
        for step in 1..text.len() {
            let (seen, done) = objects(text, step, 40).unwrap();
            assert_eq!(seen, expected, "step {step}");
            assert!(done);
        }
    }

    #[test]
    fn unknown_members_and_any_order_are_accepted() {
        let (seen, done) = objects(r#"{"x":[1,{"a":"b"}],"after":"a-0","events":[]}"#, 1, 40).unwrap();
        assert_eq!(seen, [r#"{"x":[1,{"a":"b"}]}"#, r#"{"after":"a-0"}"#]);
        assert!(done);
        assert_eq!(objects("{}", 1, 9), Ok((Vec::new(), true)));
        assert_eq!(objects(r#"{"events":[],"after":"a""#, 1, 20), Ok((Vec::new(), false)));
    }

    #[test]
    fn oversized_and_malformed_bodies_are_errors() {
        assert_eq!(objects(r#"{"events":[{"id":"a-1","data":"0123456789"}]}"#, 1, 20), Err(Found::TooLarge));
        for bad in ["[]", "<html>", r#"{"events":[1]}"#, "{}x"] {
            assert_eq!(objects(bad, 1, 20), Err(Found::Malformed), "{bad}");
        }
    }
}
