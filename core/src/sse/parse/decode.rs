//! UTF-8 decode, in place and in bounded memory. Invalid sequences become U+FFFD.

/// U+FFFD, the replacement of one maximal subpart of an ill-formed sequence (Unicode §3.9).
const REPLACEMENT: [u8; 3] = [0xEF, 0xBF, 0xBD];

/// Decodes the first `len` bytes of `room` in place, by the Encoding Standard's "UTF-8 decode without BOM".
///
/// Returns the length of the text, which is at least `len`. Returns `None` if `room` is too short, with unchanged
/// bytes. Linear. Valid UTF-8 takes one validation only.
pub(super) fn decode_in_place(room: &mut [u8], len: usize) -> Option<usize> {
    let raw = room.get(..len)?;
    if raw.is_ascii() || str::from_utf8(raw).is_ok() {
        return Some(len);
    }
    let decoded = raw.utf8_chunks().fold(0usize, |sum, chunk| {
        let replaced = if chunk.invalid().is_empty() { 0 } else { REPLACEMENT.len() };
        sum.saturating_add(chunk.valid().len()).saturating_add(replaced)
    });
    if decoded > room.len() {
        return None;
    }
    // The raw bytes move to the end. The text is at least as long as they are, so writing never passes reading.
    let mut read = room.len().saturating_sub(len);
    for index in (0..len).rev() {
        copy_byte(room, index, read.saturating_add(index));
    }
    let mut written = 0usize;
    while let Some(chunk) = room.get(read..).and_then(|rest| rest.utf8_chunks().next()) {
        let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
        for _ in 0..valid {
            copy_byte(room, read, written);
            read = read.saturating_add(1);
            written = written.saturating_add(1);
        }
        if invalid > 0 {
            read = read.saturating_add(invalid);
            for (to, byte) in room.iter_mut().skip(written).zip(REPLACEMENT) {
                *to = byte;
            }
            written = written.saturating_add(REPLACEMENT.len());
        }
    }
    Some(decoded)
}

fn copy_byte(room: &mut [u8], from: usize, to: usize) {
    if let Some(byte) = room.get(from).copied()
        && let Some(to) = room.get_mut(to)
    {
        *to = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec;

    proptest! {
        #[test]
        fn decoding_agrees_with_a_lossy_decoder(
            raw in prop::collection::vec(
                prop_oneof![0x7Eu8..0x92, 0xBEu8..0xC4, 0xDEu8..0xE2, 0xECu8..0xF6, any::<u8>()], 0..40),
            spare in 0usize..90,
        ) {
            let text = String::from_utf8_lossy(&raw);
            let mut room = vec![0; raw.len() + spare];
            room[..raw.len()].copy_from_slice(&raw);
            match decode_in_place(&mut room, raw.len()) {
                Some(len) => prop_assert_eq!(&room[..len], text.as_bytes()),
                None => {
                    prop_assert!(text.len() > room.len());
                    prop_assert_eq!(&room[..raw.len()], &raw[..]);
                }
            }
        }
    }
}
