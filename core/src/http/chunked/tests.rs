use super::*;
use crate::http::RequestError;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// Decodes `wire` in pieces. Returns the content, the number of consumed bytes and `done`, or the error.
fn decode(wire: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, usize, bool), RequestError> {
    let mut decoder = ChunkDecoder::new();
    let (mut content, mut at) = (Vec::new(), 0);
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let mut piece = &wire[at..at + cut.min(wire.len() - at)];
        while !piece.is_empty() {
            let decoded = decoder.decode(piece)?;
            assert!(decoded.data.end == decoded.consumed || decoded.data.is_empty());
            content.extend_from_slice(&piece[decoded.data]);
            at += decoded.consumed;
            piece = &piece[decoded.consumed..];
            if decoded.done {
                return Ok((content, at, true));
            }
            assert!(decoded.consumed > 0, "there is always progress");
        }
    }
    Ok((content, at, decoder.is_done()))
}

const STREAM: &[u8] =
    b"5;a=b;c=\"d\\\";\xFF\"\r\nhello\r\n00A\r\n0123456789\r\n1;x\r\n!\r\n0;last\r\nX-A: b\tc\r\nEmpty:\r\n\r\n";

#[test]
fn every_split_decodes_to_the_same_content() {
    let wire = [STREAM, b"GET /next"].concat();
    let expected = Ok((b"hello0123456789!".to_vec(), STREAM.len(), true));
    assert_eq!(decode(&wire, &vec![1; wire.len()]), expected);
    for cut in 0..=wire.len() {
        assert_eq!(decode(&wire, &[cut]), expected, "cut at {cut}");
    }
}

#[test]
fn an_unfinished_stream_is_not_done() {
    for end in 0..STREAM.len() {
        let (_, consumed, done) = decode(&STREAM[..end], &[]).unwrap();
        assert_eq!((consumed, done), (end, false), "cut off at {end}");
    }
}

#[test]
fn malformed_chunks_are_rejected_at_the_first_invalid_byte() {
    let cases: &[(&[u8], RequestError)] = &[
        (b"\r", RequestError::ChunkSize),
        (b"\n", RequestError::ChunkSize),
        (b";", RequestError::ChunkSize),
        (b" ", RequestError::ChunkSize),
        (b"G", RequestError::ChunkSize),
        (b"+", RequestError::ChunkSize),
        (b"-", RequestError::ChunkSize),
        (b"0x", RequestError::ChunkSize),
        (b"1_", RequestError::ChunkSize),
        (b"5 ", RequestError::ChunkSize),
        (b"5\n", RequestError::ChunkSize),
        (b"5\t", RequestError::ChunkSize),
        (b"00000000000000005", RequestError::ChunkSize),
        (b"FFFFFFFFFFFFFFFFF", RequestError::ChunkSize),
        (b"5\rh", RequestError::LineEnd),
        (b"5;\r", RequestError::ChunkExtension),
        (b"5; ", RequestError::ChunkExtension),
        (b"5;a ", RequestError::ChunkExtension),
        (b"5;a\n", RequestError::ChunkExtension),
        (b"5;a=\r", RequestError::ChunkExtension),
        (b"5;a=b=", RequestError::ChunkExtension),
        (b"5;a=\"\r", RequestError::ChunkExtension),
        (b"5;a=\"\\\n", RequestError::ChunkExtension),
        (b"5;a=\"b\"c", RequestError::ChunkExtension),
        (b"5;a\0", RequestError::ChunkExtension),
        (b"1\r\nab", RequestError::ChunkEnd),
        (b"1\r\na\n", RequestError::ChunkEnd),
        (b"1\r\na\r0", RequestError::ChunkEnd),
        (b"0\r\n\n", RequestError::Trailer),
        (b"0\r\n ", RequestError::Trailer),
        (b"0\r\n:", RequestError::Trailer),
        (b"0\r\nbad ", RequestError::Trailer),
        (b"0\r\nbad\r", RequestError::Trailer),
        (b"0\r\na: b\n", RequestError::Trailer),
        (b"0\r\na: b\0", RequestError::Trailer),
        (b"0\r\na: b\r\n ", RequestError::Trailer),
        (b"0\r\na: b\rc", RequestError::LineEnd),
        (b"0\r\n\rx", RequestError::LineEnd),
    ];
    for (wire, refusal) in cases {
        let told = wire.len() - 1;
        assert!(decode(&wire[..told], &[]).is_ok(), "{}", wire.escape_ascii());
        assert_eq!(decode(wire, &[]), Err(*refusal), "{}", wire.escape_ascii());
        assert_eq!(decode(wire, &vec![1; told]), Err(*refusal), "{}", wire.escape_ascii());
    }
}

#[test]
fn an_error_is_final() {
    let mut decoder = ChunkDecoder::new();
    assert_eq!(decoder.decode(b"g"), Err(RequestError::ChunkSize));
    assert_eq!(decoder.decode(b"0\r\n\r\n"), Err(RequestError::ChunkSize));
    assert!(!decoder.is_done());
}

#[test]
fn the_largest_chunk_size_is_accepted() {
    let mut decoder = ChunkDecoder::new();
    let decoded = decoder.decode(b"ffffffffffffffff\r\nabc").unwrap();
    assert_eq!(decoded.data, 18..21);
    assert_eq!(decoder.outstanding(), u64::MAX - 3);
}

#[test]
fn extensions_are_bounded_over_all_chunks() {
    let of = |bound, wire: &[u8]| {
        let mut decoder = ChunkDecoder::with_bounds(bound, 0);
        let mut rest = wire;
        while !decoder.is_done() {
            let decoded = decoder.decode(rest)?;
            rest = &rest[decoded.consumed..];
        }
        Ok(())
    };
    let wire = b"1;ab\r\nx\r\n1;cd\r\nx\r\n0;e=\"f\"\r\n\r\n";
    assert_eq!(of(12, wire), Ok(()));
    assert_eq!(of(11, wire), Err(RequestError::ChunkExtension));
}

#[test]
fn trailers_are_bounded() {
    let wire = b"0\r\na: b\r\nc:\r\n\r\n";
    assert!(ChunkDecoder::with_bounds(0, 10).decode(wire).unwrap().done);
    assert_eq!(ChunkDecoder::with_bounds(0, 9).decode(wire), Err(RequestError::TrailerTooLarge));
}

/// Encodes `content` into buffers of these lengths in turn, with at most `most` bytes a fill.
fn encode(content: &[u8], rooms: &[usize], most: usize) -> Vec<u8> {
    let mut encoder = ChunkEncoder::new();
    let (mut wire, mut rest) = (Vec::new(), content);
    let mut rooms = rooms.iter().copied().cycle();
    while !rest.is_empty() || encoder.pending() {
        let mut room = vec![0xEE; rooms.next().unwrap()];
        let written = encoder.transmit(&mut room, |free| {
            assert!(!free.is_empty());
            let length = rest.len().min(free.len()).min(most);
            free[..length].copy_from_slice(&rest[..length]);
            rest = &rest[length..];
            length
        });
        wire.extend_from_slice(&room[..written]);
    }
    loop {
        let mut room = vec![0xEE; rooms.next().unwrap()];
        let finished = encoder.finish(&mut room);
        wire.extend_from_slice(&room[..finished.written]);
        if finished.done {
            return wire;
        }
    }
}

/// Whether every size in `wire` has its shortest form, and only the last is zero.
fn has_shortest_sizes(mut wire: &[u8]) -> bool {
    loop {
        let end = wire.iter().position(|&byte| byte == b'\r').unwrap();
        let digits = std::str::from_utf8(&wire[..end]).unwrap();
        let size = usize::from_str_radix(digits, 16).unwrap();
        if digits != std::format!("{size:x}") {
            return false;
        }
        if size == 0 {
            return &wire[end..] == b"\r\n\r\n";
        }
        wire = &wire[end + 2 + size + 2..];
    }
}

#[test]
fn content_round_trips_through_buffers_of_any_length() {
    let content: Vec<u8> = (0..10_000_u32).map(|at| at as u8).collect();
    for size in (1..600).chain([4_000, 4_101, 4_102, 4_103, 4_104, 20_000]) {
        let wire = encode(&content, &[size], usize::MAX);
        assert_eq!(decode(&wire, &[]), Ok((content.clone(), wire.len(), true)), "room of {size}");
        assert!(has_shortest_sizes(&wire), "room of {size}");
    }
}

#[test]
fn at_most_one_byte_of_a_buffer_stays_free() {
    for size in 1..5_000 {
        let written = ChunkEncoder::new().transmit(&mut vec![0; size], |free| free.len());
        assert!(written + 1 >= size, "room of {size} took {written}");
    }
}

#[test]
fn nothing_to_fill_writes_nothing() {
    for size in 0..40 {
        let mut encoder = ChunkEncoder::new();
        assert_eq!(encoder.transmit(&mut vec![0; size], |_| 0), 0);
        assert!(!encoder.pending());
    }
}

#[test]
fn fill_is_not_called_without_space_or_after_finish() {
    let mut encoder = ChunkEncoder::new();
    assert_eq!(encoder.transmit(&mut [], |_| panic!("no room")), 0);
    assert_eq!(encoder.transmit(&mut [0; 1], |free| free.len()), 1);
    assert!(encoder.pending());
    assert_eq!(encoder.transmit(&mut [0; 3], |_| panic!("pending")), 3);
    assert_eq!(encoder.finish(&mut [0; 64]), FinishProgress { written: 12 + 5, done: true });
    assert_eq!(encoder.finish(&mut [0; 64]), FinishProgress { written: 0, done: true });
    assert_eq!(encoder.transmit(&mut [0; 64], |_| panic!("ended")), 0);
}

#[test]
fn a_fill_length_beyond_its_slice_is_clamped() {
    let mut room = [b'x'; 64];
    let written = ChunkEncoder::new().transmit(&mut room, |_| usize::MAX);
    assert!(written <= 64);
    assert_eq!(decode(&room[..written], &[]).map(|(content, ..)| content.len()), Ok(written - 6));
}

proptest! {
    #[test]
    fn any_buffers_and_any_fills_round_trip(
        content in proptest::collection::vec(any::<u8>(), 0..2_000),
        rooms in proptest::collection::vec(prop_oneof![1_usize..24, 1_usize..700], 1..12),
        most in 1_usize..700,
        cuts in proptest::collection::vec(0_usize..60, 0..60),
    ) {
        let wire = encode(&content, &rooms, most);
        prop_assert!(has_shortest_sizes(&wire));
        prop_assert_eq!(decode(&wire, &cuts), Ok((content, wire.len(), true)));
    }

    #[test]
    fn any_split_of_any_bytes_has_the_same_result(
        pieces in proptest::collection::vec(prop_oneof![
            Just(b"\r\n".to_vec()), Just(b"3\r\nabc\r\n".to_vec()), Just(b"0\r\n".to_vec()), Just(b"5;a=\"b\"".to_vec()),
            Just(b"X: y\r\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..4),
        ], 0..10),
        cuts in proptest::collection::vec(0_usize..7, 0..40),
    ) {
        let wire = pieces.concat();
        let whole = decode(&wire, &[]);
        prop_assert_eq!(decode(&wire, &cuts), whole.clone());
        prop_assert_eq!(decode(&wire, &vec![1; wire.len()]), whole);
    }
}
