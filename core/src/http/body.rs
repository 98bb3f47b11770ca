//! The content of a message, in each of its framings (RFC 9112 §6).

use super::{BodyLength, ChunkDecoder, ChunkProgress, RequestError};

/// Decodes the content after a head, in place and up to a bound.
///
/// ```
/// use goldcrest_core::http::{BodyDecoder, BodyLength, RequestError};
///
/// let mut decoder = BodyDecoder::new(BodyLength::Fixed(5), 1024)?;
/// let decoded = decoder.decode(b"helloGET /")?;
/// assert_eq!((decoded.data, decoded.done), (0..5, true));
///
/// assert_eq!(BodyDecoder::new(BodyLength::Fixed(1025), 1024).unwrap_err(), RequestError::ContentTooLarge);
/// # Ok::<(), RequestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Fixed { remaining: u64 },
    Chunked { decoder: ChunkDecoder, left: u64 },
    UntilClose { left: u64 },
}

impl BodyDecoder {
    /// A decoder for content of at most `bound` bytes.
    ///
    /// # Errors
    /// [`ContentTooLarge`](RequestError::ContentTooLarge) if the length is known and exceeds the bound.
    pub const fn new(length: BodyLength, bound: u64) -> Result<Self, RequestError> {
        let kind = match length {
            BodyLength::None => Kind::Fixed { remaining: 0 },
            BodyLength::Fixed(length) if length > bound => return Err(RequestError::ContentTooLarge),
            BodyLength::Fixed(length) => Kind::Fixed { remaining: length },
            BodyLength::Chunked => Kind::Chunked { decoder: ChunkDecoder::new(), left: bound },
            BodyLength::UntilClose => Kind::UntilClose { left: bound },
        };
        Ok(Self { kind })
    }

    /// Lowers the bound to `bound` bytes. Call it before the first [`decode`](Self::decode).
    ///
    /// # Errors
    /// [`ContentTooLarge`](RequestError::ContentTooLarge) if the length is known and exceeds it.
    pub fn limit(&mut self, bound: u64) -> Result<(), RequestError> {
        match &mut self.kind {
            Kind::Fixed { remaining } if *remaining > bound => Err(RequestError::ContentTooLarge),
            Kind::Fixed { .. } => Ok(()),
            Kind::Chunked { left, .. } | Kind::UntilClose { left } => {
                *left = (*left).min(bound);
                Ok(())
            }
        }
    }

    /// Finds the first run of content in `input`. Call it again with the unconsumed rest until `done`.
    ///
    /// # Errors
    /// [`ContentTooLarge`](RequestError::ContentTooLarge) as soon as a chunk size exceeds the rest of the bound, and the
    /// errors of [`ChunkDecoder::decode`].
    pub fn decode(&mut self, input: &[u8]) -> Result<ChunkProgress, RequestError> {
        match &mut self.kind {
            Kind::Fixed { remaining } => {
                let run = usize::try_from(*remaining).map_or(input.len(), |remaining| remaining.min(input.len()));
                *remaining = remaining.wrapping_sub(run as u64);
                Ok(ChunkProgress { consumed: run, data: 0..run, done: *remaining == 0 })
            }
            Kind::Chunked { decoder, left } => {
                let decoded = decoder.decode(input)?;
                *left = left.checked_sub(decoded.data.len() as u64).ok_or(RequestError::ContentTooLarge)?;
                if decoder.outstanding() > *left {
                    return Err(RequestError::ContentTooLarge);
                }
                Ok(decoded)
            }
            Kind::UntilClose { left } => {
                let run = input.len();
                *left = left.checked_sub(run as u64).ok_or(RequestError::ContentTooLarge)?;
                Ok(ChunkProgress { consumed: run, data: 0..run, done: false })
            }
        }
    }

    /// Whether the content extends to the end of the connection (RFC 9112 §6.3).
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.kind, Kind::UntilClose { .. })
    }

    /// Whether the content has ended. If the connection ends earlier the content is incomplete (RFC 9112 §8), except with
    /// [`ends_with_connection`](Self::ends_with_connection).
    pub fn is_done(&self) -> bool {
        match &self.kind {
            Kind::Fixed { remaining } => *remaining == 0,
            Kind::Chunked { decoder, .. } => decoder.is_done(),
            Kind::UntilClose { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn collect(
        length: BodyLength,
        bound: u64,
        wire: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, usize, bool), RequestError> {
        let mut decoder = BodyDecoder::new(length, bound)?;
        let (mut content, mut at) = (Vec::new(), 0);
        while at < wire.len() && !decoder.is_done() {
            let piece = &wire[at..wire.len().min(at + step)];
            let decoded = decoder.decode(piece)?;
            assert!(decoded.consumed > 0 && decoded.data.end <= decoded.consumed);
            content.extend_from_slice(&piece[decoded.data]);
            at += decoded.consumed;
        }
        Ok((content, at, decoder.is_done()))
    }

    #[test]
    fn fixed_length_content_ends_at_its_length_for_any_split() {
        let chunked = b"3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\nGET";
        for step in 1..30 {
            assert_eq!(collect(BodyLength::None, 9, b"GET", step), Ok((Vec::new(), 0, true)));
            assert_eq!(collect(BodyLength::Fixed(5), 5, b"abcdeGET", step), Ok((b"abcde".to_vec(), 5, true)));
            assert_eq!(collect(BodyLength::Fixed(5), 5, b"abc", step), Ok((b"abc".to_vec(), 3, false)));
            let whole = chunked.len() - 3;
            assert_eq!(collect(BodyLength::Chunked, 5, chunked, step), Ok((b"abcde".to_vec(), whole, true)));
        }
    }

    #[test]
    fn a_lower_limit_applies_to_known_lengths_at_once_and_to_chunks_by_size() {
        let limited = |length, limit| {
            let mut decoder = BodyDecoder::new(length, 100).unwrap();
            decoder.limit(limit).map(|()| decoder)
        };
        assert!(limited(BodyLength::Fixed(5), 5).is_ok());
        assert_eq!(limited(BodyLength::Fixed(6), 5).unwrap_err(), RequestError::ContentTooLarge);
        for (limit, wire) in [(5, &b"6\r\n"[..]), (100, b"65\r\n"), (1_000, b"65\r\n")] {
            let mut decoder = limited(BodyLength::Chunked, limit).unwrap();
            assert_eq!(decoder.decode(wire), Err(RequestError::ContentTooLarge), "a limit never raises the bound");
        }
        assert!(limited(BodyLength::Chunked, 5).unwrap().decode(b"5\r\n").is_ok());
    }

    #[test]
    fn content_above_the_bound_is_rejected_at_the_chunk_size() {
        assert_eq!(collect(BodyLength::Fixed(6), 5, b"", 1), Err(RequestError::ContentTooLarge));
        for step in 1..30 {
            let chunked = b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
            assert_eq!(collect(BodyLength::Chunked, 5, chunked, step), Err(RequestError::ContentTooLarge));
            let huge = b"ffffffffffffffff\r\n";
            assert_eq!(collect(BodyLength::Chunked, 5, huge, step), Err(RequestError::ContentTooLarge));
        }
    }
}
