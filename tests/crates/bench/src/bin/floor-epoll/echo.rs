//! Frames unmasked in place, answers gathered for one write.

use goldcrest_bench::frames::push_header;
use std::io;

/// Answers the first frame of `bytes`, appending to `output`; returns its length, 0 while it is not whole.
pub(crate) fn answer(bytes: &mut [u8], output: &mut Vec<u8>) -> io::Result<usize> {
    let (length, header) = match *bytes {
        [_, second, ..] if second & 0x7f < 126 => (usize::from(second & 0x7f), 2),
        [_, second, a, b, ..] if second & 0x7f == 126 => (usize::from(u16::from_be_bytes([a, b])), 4),
        [_, second, a, b, c, d, e, f, g, h, ..] if second & 0x7f == 127 => {
            (u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize, 10)
        }
        _ => return Ok(0),
    };
    let end = header + 4 + length;
    if bytes.len() < end {
        return Ok(0);
    }
    let first = match bytes[0] {
        0x88 => return Err(io::ErrorKind::ConnectionAborted.into()),
        0x89 => 0x8a,
        0x8a => return Ok(end),
        first => first,
    };
    let (head, payload) = bytes[..end].split_at_mut(header + 4);
    let key = [head[header], head[header + 1], head[header + 2], head[header + 3]];
    let (blocks, rest) = payload.as_chunks_mut::<8>();
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
    push_header(first, length, None, output);
    output.extend_from_slice(payload);
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldcrest_bench::frames::push_masked;

    #[test]
    fn a_frame_comes_back_unmasked_and_only_whole() {
        for payload in [0, 1, 3, 4, 7, 8, 13, 125, 126, 65_535, 65_536] {
            let mut frame = Vec::new();
            push_masked(payload, &mut frame);
            let mut output = Vec::new();
            let short = frame.len() - 1;
            assert_eq!(answer(&mut frame[..short], &mut output).unwrap(), 0);
            assert_eq!(answer(&mut frame, &mut output).unwrap(), frame.len());
            assert!(output.ends_with(&vec![b'g'; payload]), "payload of {payload}");
            assert_eq!(output.len(), frame.len() - 4);
        }
    }
}
