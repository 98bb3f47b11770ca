//! Chunked content, beside httparse's reading of chunk sizes.

use goldcrest_core::http::{ChunkDecoder, ChunkEncoder, RequestError};

/// Decodes `bytes`, cut by `cuts`, to the same content or error as in one piece. The content is that of a plain loop over
/// httparse's chunk sizes.
pub fn decodes_by_httparse_chunk_sizes(bytes: &[u8], cuts: &[u8]) {
    let ours = decode(bytes, cuts);
    assert_eq!(ours, decode(bytes, &[]), "{}", bytes.escape_ascii());
    if let Ok((content, true)) = ours {
        assert_eq!(Some(content), plainly(bytes), "{}", bytes.escape_ascii());
    }
}

fn decode(bytes: &[u8], cuts: &[u8]) -> Result<(Vec<u8>, bool), RequestError> {
    let mut decoder = ChunkDecoder::new();
    let mut content = Vec::new();
    for mut piece in super::cut(bytes, cuts) {
        while !piece.is_empty() {
            let decoded = decoder.decode(piece)?;
            content.extend_from_slice(&piece[decoded.data.clone()]);
            if decoded.done {
                return Ok((content, true));
            }
            assert!(decoded.consumed > 0, "no progress");
            piece = &piece[decoded.consumed..];
        }
    }
    Ok((content, false))
}

fn plainly(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut content) = (bytes, Vec::new());
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(rest) else { return None };
        rest = &rest[start..];
        if size == 0 {
            return Some(content);
        }
        let (chunk, after) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        content.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n")?;
    }
}

/// Content goes through rooms of these sizes and comes out as it went in.
pub fn round_trips(content: &[u8], rooms: &[u8], cuts: &[u8]) {
    let mut encoder = ChunkEncoder::new();
    let (mut rest, mut wire, mut rooms) = (content, Vec::new(), rooms.iter().cycle());
    let mut room = || vec![0; rooms.next().map_or(64, |size| usize::from(*size).max(1))];
    while !rest.is_empty() || encoder.pending() {
        let mut room = room();
        let written = encoder.transmit(&mut room, |room| {
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            count
        });
        wire.extend_from_slice(&room[..written]);
    }
    loop {
        let mut room = room();
        let finished = encoder.finish(&mut room);
        wire.extend_from_slice(&room[..finished.written]);
        if finished.done {
            break;
        }
    }
    assert_eq!(decode(&wire, cuts), Ok((content.to_vec(), true)));
    assert_eq!(plainly(&wire).as_deref(), Some(content));
}
