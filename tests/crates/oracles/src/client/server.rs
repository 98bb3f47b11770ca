//! A server on the connection that was opened last, mostly a correct one.

use std::cell::RefCell;
use std::rc::Rc;

use arbitrary::Arbitrary;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tungstenite::handshake::derive_accept_key;

use super::network::{Line, Net};

/// The kind of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
#[expect(missing_docs, reason = "each is a status, or named after its content")]
pub enum Answer {
    /// The response to the request.
    Fitting,
    /// The same once more, so that it is the most frequent one.
    FittingToo,
    Interim,
    NoContent,
    NotFound,
    /// 503, and when to come back.
    Busy(u8),
    /// Somewhere else: another path, another origin, TLS, no URL, the same.
    Redirect(u8),
    OtherType,
    WrongKey,
    OtherProtocol,
    Old,
}

/// How its content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Framing {
    /// In chunks.
    Chunked,
    /// By its length.
    Length(u8),
    /// By the connection's end.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Nothing,
    Stream,
    Lines,
    Poll { begun: bool },
    Frames,
}

pub(super) struct Server<'n> {
    net: &'n Net,
    /// Which connection the state below is of.
    connection: usize,
    speaks: Speaks,
    framing: Framing,
}

impl<'n> Server<'n> {
    pub(super) fn new(net: &'n Net) -> Self {
        Self { net, connection: 0, speaks: Speaks::Nothing, framing: Framing::Close }
    }

    /// The connection that was opened last, about which nothing is remembered if it is a new one.
    fn line(&mut self) -> Option<Rc<RefCell<Line>>> {
        let connection = self.net.lines.borrow().len();
        if connection != self.connection {
            (self.connection, self.speaks, self.framing) = (connection, Speaks::Nothing, Framing::Close);
        }
        self.net.line()
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        if let Some(line) = self.line() {
            line.borrow_mut().say(bytes);
        }
    }

    pub(super) fn take(&mut self, most: usize) {
        let Some(line) = self.line() else { return };
        let mut line = line.borrow_mut();
        line.waiting = line.waiting.saturating_sub(most);
        line.wake();
    }

    pub(super) fn end(&mut self) {
        let Some(line) = self.line() else { return };
        line.borrow_mut().ended = true;
        line.borrow_mut().wake();
    }

    pub(super) fn reset(&mut self) {
        let Some(line) = self.line() else { return };
        line.borrow_mut().reset = true;
        line.borrow_mut().wake();
    }

    /// Answers the last request, all of which it has taken then.
    pub(super) fn answer(&mut self, answer: Answer, framing: Framing) {
        self.take(usize::MAX);
        let Some(line) = self.line() else { return };
        let sent = String::from_utf8_lossy(&line.borrow().sent).into_owned();
        let request = sent.rsplit(" HTTP/1.1\r\n").next().unwrap_or_default();
        let field = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let (media_type, speaks) = match field("Accept") {
            Some("text/event-stream") => ("text/event-stream", Speaks::Stream),
            Some("application/x-ndjson") => ("application/x-ndjson", Speaks::Lines),
            _ => ("application/json", Speaks::Poll { begun: false }),
        };
        let status = match answer {
            Answer::Fitting | Answer::FittingToo | Answer::OtherType => match field("Upgrade") {
                Some(_) => return self.upgrade(field("Sec-WebSocket-Key"), field("Sec-WebSocket-Protocol")),
                None => "200 OK".to_owned(),
            },
            Answer::WrongKey => return self.upgrade(Some("another"), field("Sec-WebSocket-Protocol")),
            Answer::OtherProtocol => return self.upgrade(field("Sec-WebSocket-Key"), Some("other")),
            Answer::Interim => return self.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
            Answer::NoContent => return self.say(b"HTTP/1.1 204 No Content\r\n\r\n"),
            Answer::NotFound => "404 Not Found".to_owned(),
            Answer::Busy(after) => format!("503 Service Unavailable\r\nRetry-After: {after}"),
            Answer::Redirect(to) => {
                let to =
                    ["/b", "//other:81/c?d", "https://localhost/e", "http://[", "", "../../f"][usize::from(to) % 6];
                format!("307 Temporary Redirect\r\nLocation: {to}")
            }
            Answer::Old => "HTTP/1.0".to_owned(),
        };
        let media_type = if answer == Answer::OtherType { "text/html" } else { media_type };
        let mut head = match answer {
            Answer::Old => format!("HTTP/1.0 200 OK\r\nContent-Type: {media_type}\r\n"),
            _ => format!("HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n"),
        };
        match framing {
            Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::Length(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            Framing::Close => {}
        }
        head.push_str("\r\n");
        (self.speaks, self.framing) = (speaks, framing);
        line.borrow_mut().say(head.as_bytes());
    }

    fn upgrade(&mut self, key: Option<&str>, protocol: Option<&str>) {
        let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
        let protocol = protocol.map_or_else(String::new, |it| format!("Sec-WebSocket-Protocol: {it}\r\n"));
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
        );
        self.say(head.as_bytes());
        self.speaks = Speaks::Frames;
    }

    /// Says an event as the answer before it lets it, with a type or as bytes by its number.
    pub(super) fn event(&mut self, number: u8, data: &[u8]) {
        let _ = self.line();
        let text = String::from_utf8_lossy(data);
        let named = if number % 4 == 1 { "add" } else { "" };
        let binary = number % 4 == 2;
        let (coded, value) =
            if binary { (r#""encoding":"base64","#, STANDARD.encode(data)) } else { ("", text.clone().into_owned()) };
        let value = serde_json::to_string(&value).unwrap_or_default();
        let of_type = if named.is_empty() { String::new() } else { format!(r#""type":"{named}","#) };
        let object = match number % 16 {
            15 => r#"{"gap":{"missed":3},"after":"00000abc-9"}"#.to_owned(),
            _ => format!(r#"{{"id":"00000abc-{number}",{of_type}{coded}"data":{value}}}"#),
        };
        match self.speaks {
            Speaks::Frames if binary => {
                let mut message = format!(r#"{{"id":"00000abc-{number}"}}"#).into_bytes();
                message.push(b'\n');
                message.extend_from_slice(data);
                self.frame(0x82, &message);
            }
            Speaks::Frames => self.frame(0x81, object.as_bytes()),
            Speaks::Lines => self.content(format!("{object}\n").as_bytes()),
            Speaks::Poll { begun } => {
                self.speaks = Speaks::Poll { begun: true };
                let before = if begun { "," } else { r#"{"events":["# };
                self.content(format!("{before}{object}").as_bytes());
            }
            Speaks::Stream | Speaks::Nothing => {
                let mut said = format!("id: 00000abc-{number}\n");
                if binary {
                    said.push_str(&format!("event: {named};base64\ndata: {}\n", STANDARD.encode(data)));
                } else {
                    said.push_str(&format!("event: {named}\n"));
                    for line in text.split(['\r', '\n']) {
                        said.push_str(&format!("data: {line}\n"));
                    }
                }
                if number % 16 == 14 {
                    said.push_str("retry: 7\n");
                }
                said.push('\n');
                self.content(said.as_bytes());
            }
        }
    }

    /// Says bytes as the content of its answer.
    pub(super) fn content(&mut self, bytes: &[u8]) {
        let _ = self.line();
        if self.framing == Framing::Chunked && self.speaks != Speaks::Frames {
            let size = format!("{:x}\r\n", bytes.len());
            if !bytes.is_empty() {
                self.say(&[size.as_bytes(), bytes, b"\r\n"].concat());
            }
        } else {
            self.say(bytes);
        }
    }

    pub(super) fn finish(&mut self) {
        let _ = self.line();
        if let Speaks::Poll { begun } = self.speaks {
            let rest: &[u8] = if begun { br#"],"after":"00000abc-9"}"# } else { br#"{"id":"00000abc-9","events":[]}"# };
            self.content(rest);
            self.speaks = Speaks::Poll { begun: false };
        }
        match self.framing {
            _ if self.speaks == Speaks::Frames => self.frame(0x88, &1000u16.to_be_bytes()),
            Framing::Chunked => self.say(b"0\r\n\r\n"),
            Framing::Length(_) => {}
            Framing::Close => self.end(),
        }
    }

    pub(super) fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(length as u8),
            length => {
                bytes.push(126);
                bytes.extend((length.min(0xffff) as u16).to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
        self.say(&bytes);
    }
}
