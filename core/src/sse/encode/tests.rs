use super::*;
use crate::output::ResumableWriter;
use crate::sse::field::FieldError;
use proptest::prelude::*;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// An output that stores all bytes.
struct All(Vec<u8>);

impl Output for All {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn poured(pour: impl FnOnce(&mut All)) -> Vec<u8> {
    let mut all = All(Vec::new());
    pour(&mut all);
    all.0
}

fn encoded_data(payload: &[u8]) -> String {
    String::from_utf8(poured(|out| data(payload, out))).unwrap()
}

/// The data that a receiver parses, as the standard defines it (WHATWG HTML §9.2.6).
fn received(fields: &[u8]) -> Vec<u8> {
    let lines = fields.strip_suffix(b"\n").unwrap().split(|&byte| byte == b'\n');
    let values: Vec<&[u8]> = lines.map(|line| line.strip_prefix(b"data: ").unwrap()).collect();
    values.join(&b'\n')
}

#[test]
fn each_field_is_one_line() {
    assert_eq!(poured(|out| id(IdField::new(b"1-2").unwrap(), out)), b"id: 1-2\n");
    assert_eq!(poured(|out| id(IdField::new(b"").unwrap(), out)), b"id: \n");
    assert_eq!(poured(|out| event(EventField::new(b"add").unwrap(), out)), b"event: add\n");
    assert_eq!(poured(|out| comment(Comment::new(b"ping").unwrap(), out)), b": ping\n");
    assert_eq!(poured(|out| comment(Comment::EMPTY, out)), b":\n");
    assert_eq!(poured(blank_line), b"\n");
}

#[test]
fn a_reconnection_time_is_sent_in_whole_milliseconds() {
    let sent = |time| String::from_utf8(poured(|out| retry(time, out))).unwrap();
    assert_eq!(sent(Duration::from_secs(3)), "retry: 3000\n");
    assert_eq!(sent(Duration::ZERO), "retry: 0\n");
    assert_eq!(sent(Duration::from_micros(1_999)), "retry: 1\n");
    assert_eq!(sent(Duration::MAX), "retry: 18446744073709551615\n");
}

#[test]
fn every_kind_of_line_end_starts_a_data_field() {
    assert_eq!(encoded_data(b"a\nb"), "data: a\ndata: b\n");
    assert_eq!(encoded_data(b"a\rb"), "data: a\ndata: b\n");
    assert_eq!(encoded_data(b"a\r\nb"), "data: a\ndata: b\n");
    assert_eq!(encoded_data(b"a\n\rb"), "data: a\ndata: \ndata: b\n");
    assert_eq!(encoded_data(b"a\r\r\n\nb"), "data: a\ndata: \ndata: \ndata: b\n");
    assert_eq!(encoded_data(b"a\n"), "data: a\ndata: \n");
    assert_eq!(encoded_data(b"\r"), "data: \ndata: \n");
}

#[test]
fn a_cr_in_data_cannot_inject_a_field() {
    assert_eq!(encoded_data(b"x\rid: forged\r\r"), "data: x\ndata: id: forged\ndata: \ndata: \n");
}

#[test]
fn a_line_end_in_an_event_type_is_rejected() {
    assert_eq!(EventField::new(b"x\ndata: forged"), Err(FieldError::LineEnd { at: 1 }));
}

#[test]
fn a_leading_space_of_the_payload_survives() {
    assert_eq!(encoded_data(b" x\n  y"), "data:  x\ndata:   y\n");
}

#[test]
fn empty_data_is_one_empty_field() {
    assert_eq!(encoded_data(b""), "data: \n");
    assert_eq!(poured(|out| EventBlock::new(b"").encode(out)), b"data: \n\n");
}

#[test]
fn a_whole_event_has_its_fields_and_a_blank_line() {
    let event = EventBlock {
        id: Some(IdField::new(b"7").unwrap()),
        event: Some(EventField::new(b"add").unwrap()),
        data: b"1\n2",
        retry: Some(Duration::from_millis(250)),
    };
    assert_eq!(poured(|out| event.encode(out)), b"id: 7\nevent: add\nretry: 250\ndata: 1\ndata: 2\n\n");
}

/// Bytes with frequent line ends.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\n'), 3 => Just(b'\r'), 1 => Just(b' '), 4 => any::<u8>()];
    prop::collection::vec(byte, 0..60)
}

fn in_pieces(payload: &[u8], cuts: &[usize]) -> Vec<u8> {
    poured(|out| {
        let (mut start, mut previous) = (0, None);
        for &end in cuts.iter().chain([&payload.len()]) {
            let piece = &payload[start..end];
            data_piece(previous, piece, out);
            previous = piece.last().copied().or(previous);
            start = end;
        }
        data_end(previous, out);
    })
}

#[test]
fn a_crlf_over_two_pieces_is_one_line_end() {
    assert_eq!(in_pieces(b"a\r\nb", &[2]), b"data: a\ndata: b\n");
    assert_eq!(in_pieces(b"a\r\nb", &[2, 2, 2]), b"data: a\ndata: b\n");
    assert_eq!(in_pieces(b"a\r\n\nb", &[2, 3]), b"data: a\ndata: \ndata: b\n");
}

#[test]
fn empty_pieces_write_nothing() {
    assert_eq!(in_pieces(b"", &[0, 0]), b"data: \n");
    assert_eq!(in_pieces(b"x", &[0, 0, 1, 1]), b"data: x\n");
}

proptest! {
    #[test]
    fn any_split_of_the_data_results_in_the_same_bytes(
        payload in payload(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = poured(|out| data(&payload, out));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(in_pieces(&payload, &cuts), &*whole);
        let bytewise: Vec<usize> = (0..payload.len()).collect();
        prop_assert_eq!(in_pieces(&payload, &bytewise), &*whole);
        for cut in 0..=payload.len() {
            prop_assert_eq!(in_pieces(&payload, &[cut]), &*whole, "cut at {}", cut);
        }
    }

    #[test]
    fn data_arrives_with_every_line_end_as_lf(payload in payload()) {
        let mut expected = Vec::new();
        for (index, &byte) in payload.iter().enumerate() {
            match byte {
                b'\n' if index > 0 && payload[index - 1] == b'\r' => {}
                b'\r' => expected.push(b'\n'),
                _ => expected.push(byte),
            }
        }
        prop_assert_eq!(received(encoded_data_bytes(&payload).as_slice()), expected);
    }

    #[test]
    fn the_encoded_length_is_known_in_advance(payload in payload(), millis in any::<Option<u64>>()) {
        let event = EventBlock { retry: millis.map(Duration::from_millis), ..EventBlock::new(&payload) };
        prop_assert_eq!(event.encoded_len(), poured(|out| event.encode(out)).len() as u64);
    }

    #[test]
    fn any_buffer_results_in_the_same_bytes(payload in payload(), size in 1usize..9) {
        let event = EventBlock { id: Some(IdField::new(b"7f-1").unwrap()), ..EventBlock::new(&payload) };
        let mut seen = Vec::new();
        loop {
            let mut room = vec![0; size];
            let mut sink = ResumableWriter::new(&mut room, seen.len());
            event.encode(&mut sink);
            let (written, whole) = (sink.written(), sink.is_whole());
            seen.extend_from_slice(&room[..written]);
            if whole {
                break;
            }
        }
        prop_assert_eq!(seen, poured(|out| event.encode(out)));
    }
}

fn encoded_data_bytes(payload: &[u8]) -> Vec<u8> {
    poured(|out| data(payload, out))
}
