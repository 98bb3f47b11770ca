//! The chunked transfer coding (RFC 9112 §7.1): encoder and decoder, for slices of any length.
//!
//! ```
//! use goldcrest_core::http::{ChunkDecoder, ChunkEncoder};
//!
//! let mut room = [0; 32];
//! let mut encoder = ChunkEncoder::new();
//! let mut written = encoder.transmit(&mut room, |free| {
//!     free[..5].copy_from_slice(b"hello");
//!     5
//! });
//! written += encoder.finish(&mut room[written..]).written;
//! assert_eq!(&room[..written], b"5\r\nhello\r\n0\r\n\r\n");
//!
//! let mut decoder = ChunkDecoder::new();
//! let first = decoder.decode(&room[..written])?;
//! assert_eq!(&room[first.data], b"hello");
//! let last = decoder.decode(&room[first.consumed..written])?;
//! assert!(last.data.is_empty() && last.done);
//! # Ok::<(), goldcrest_core::http::RequestError>(())
//! ```

mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub use decode::{ChunkDecoder, ChunkProgress, MAX_EXTENSIONS, MAX_TRAILER};
pub use encode::{ChunkEncoder, FinishProgress};
