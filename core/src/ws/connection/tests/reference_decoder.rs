//! A second decoder, as simple as possible: it sees all bytes at once.

use super::*;

/// The events of a client's `bytes` (RFC 6455 §5), text validated a byte at a time.
pub(super) fn decoded(mut bytes: &[u8], max_message: u64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut message: Option<(MessageKind, Vec<u8>)> = None;
    let mut announced = 0;
    let mut begun = false;
    loop {
        let (head, used) = match FrameHeader::decode(bytes, Role::Client) {
            Ok(Some(head)) => head,
            Ok(None) => return events,
            Err(error) => return fail(events, error),
        };
        bytes = &bytes[used..];
        let there = bytes.len().min(head.len as usize);
        let key = head.masking_key.unwrap();
        let payload: Vec<u8> = bytes[..there].iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
        let whole = there as u64 == head.len;
        bytes = &bytes[there..];
        if head.opcode.is_control() {
            if !whole {
                return events;
            }
            match (head.opcode, &payload[..]) {
                (Opcode::Ping, _) => events.push(Event::Ping),
                (Opcode::Pong, _) => events.push(Event::Pong(PingPayload::new(&payload))),
                (_, []) => events.push(Event::Closed(None)),
                (_, [_]) => return fail(events, ProtocolError::HalfCloseCode),
                (_, [high, low, reason @ ..]) => {
                    if core::str::from_utf8(reason).is_err() {
                        return fail(events, ProtocolError::NotUtf8);
                    }
                    match CloseCode::new(u16::from_be_bytes([*high, *low])) {
                        None => return fail(events, ProtocolError::BadCloseCode),
                        Some(code) => events.push(Event::Closed(Some(code.as_u16()))),
                    }
                }
            }
            if head.opcode == Opcode::Close {
                return events;
            }
            continue;
        }
        let (kind, before) = match (head.opcode, message.take()) {
            (Opcode::Continuation, Some(message)) => message,
            (Opcode::Continuation, None) => return fail(events, ProtocolError::UnexpectedContinuation),
            (_, Some(_)) => return fail(events, ProtocolError::MessageUnfinished),
            (opcode, None) => {
                (announced, begun) = (0, false);
                let kind = if opcode == Opcode::Text { MessageKind::Text } else { MessageKind::Binary };
                (kind, Vec::new())
            }
        };
        announced += head.len;
        if announced > max_message {
            return fail(events, ProtocolError::MessageTooBig);
        }
        let mut joined = before.clone();
        let mut bad = false;
        for byte in &payload {
            joined.push(*byte);
            if kind == MessageKind::Text
                && core::str::from_utf8(&joined).is_err_and(|error| error.error_len().is_some())
            {
                bad = true;
                joined.pop();
                break;
            }
        }
        let ends = head.fin && whole;
        if !bad && ends && kind == MessageKind::Text && core::str::from_utf8(&joined).is_err() {
            bad = true;
            if joined.len() > before.len() {
                joined.pop();
            }
        }
        let last = ends && !bad;
        let part = joined[before.len()..].to_vec();
        if last || !part.is_empty() {
            add(&mut events, Incoming::Chunk(Chunk { kind, payload: &part, first: !begun, last }));
            begun = true;
        }
        if bad {
            return fail(events, ProtocolError::NotUtf8);
        }
        if !whole {
            return events;
        }
        message = (!head.fin).then_some((kind, joined));
    }
}

fn fail(mut events: Vec<Event>, error: ProtocolError) -> Vec<Event> {
    events.push(Event::Failed(error));
    events
}
