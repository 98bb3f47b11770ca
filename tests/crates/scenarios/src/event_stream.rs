//! A parser of `text/event-stream` (WHATWG HTML §9.2.6), the suite's own.

/// A block of an event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamEvent {
    /// The type, `message` where none is given.
    pub event_type: String,
    /// The lines of data, joined by LF.
    pub data: String,
    /// The last event ID once the event is dispatched.
    pub id: String,
}

/// The state of a reader of an event stream.
#[derive(Clone, Debug, Default)]
pub struct EventStream {
    line: Vec<u8>,
    after_cr: bool,
    event_type: String,
    data: Option<String>,
    id_buffer: String,
    /// The last event ID.
    pub last_id: String,
    /// The reconnection time in milliseconds, where one was given.
    pub retry: Option<u64>,
    /// How many comments there were.
    pub comments: usize,
    /// How many blocks have ended, with or without an event.
    pub blocks: usize,
}

impl EventStream {
    /// Takes bytes and returns the events that they complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            let behind_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if behind_cr => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    self.end_line(&String::from_utf8_lossy(&line), &mut events);
                }
                _ => self.line.push(byte),
            }
        }
        events
    }

    fn end_line(&mut self, line: &str, events: &mut Vec<StreamEvent>) {
        if line.is_empty() {
            self.blocks += 1;
            self.last_id.clone_from(&self.id_buffer);
            let event_type = std::mem::take(&mut self.event_type);
            let event_type = if event_type.is_empty() { "message".to_owned() } else { event_type };
            if let Some(data) = self.data.take() {
                events.push(StreamEvent { event_type, data, id: self.last_id.clone() });
            }
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => self.comments += 1,
            "event" => self.event_type = value.to_owned(),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id_buffer = value.to_owned(),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_by_cr_lf_or_crlf_at_any_split() {
        let stream = b"retry: 10\r\nid: 1\r\n\r\nid: 2\rdata:a\rdata: b\r\revent: x\n:c\ndata\n\ndata: lost";
        let event = |event_type: &str, data: &str, id: &str| StreamEvent {
            event_type: event_type.into(),
            data: data.into(),
            id: id.into(),
        };
        for size in 1..=stream.len() {
            let mut parser = EventStream::default();
            let events: Vec<_> = stream.chunks(size).flat_map(|piece| parser.take(piece)).collect();
            assert_eq!(events, [event("message", "a\nb", "2"), event("x", "", "2")]);
            assert_eq!((parser.retry, parser.comments, parser.blocks), (Some(10), 1, 3));
        }
    }
}
