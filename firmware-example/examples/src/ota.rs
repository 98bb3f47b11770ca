//! An update over the air: `POST /update` streams an image into the inactive partition of the flash.
//!
//! ```text
//! curl --data-binary @firmware.bin -H "Content-Type: application/octet-stream" \
//!   -H "Content-Digest: sha-256=:$(openssl dgst -sha256 -binary firmware.bin | base64):" http://sensor.local/update
//! ```
//! The image never lies in RAM as a whole. It becomes active only if its SHA-256 equals the one of the request (`Content-Digest`,
//! RFC 9530 §2), so a cut or altered upload changes nothing. An image that is larger than the partition is rejected with 413,
//! before its first byte if the request has a `Content-Length`. `ServerConfig::max_body` is at least the size of the partition. The
//! progress is published on the channel `update`.
//!
//! Guard the path by a secret, as in `static_secret.rs`. The digest protects from accidents; a signature would protect from the
//! holder of a stolen secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use goldcrest_core::http::{Method, Response, Status};
use goldcrest_core::log::EventType;
use goldcrest_core::output::{Output, ResumableWriter};
use goldcrest_core::server::{Exchange, HandlerResult, Runtime};
use sha2::{Digest, Sha256};

/// The inactive partition of the flash. `embassy_boot::FirmwareUpdater` has the same three operations.
pub(crate) trait Partition {
    /// The reason that the flash failed.
    type Error;

    /// The largest image, in bytes.
    const CAPACITY: u32;

    /// Erases the partition.
    async fn erase(&mut self) -> Result<(), Self::Error>;

    /// Writes `bytes` at `offset`. Pieces have any length.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Starts the image of `length` bytes at the next boot.
    async fn activate(&mut self, length: u32) -> Result<(), Self::Error>;
}

/// The progress is published each time that this many bytes have been written.
const STEP: u32 = 4 * 1024;

/// Bytes that are read and written at once.
const PIECE: usize = 256;

/// Answers `/update`. `publish` publishes the progress.
pub(crate) async fn answer<R: Runtime, P: Partition>(
    mut exchange: Exchange<'_, '_, R>,
    partition: &Mutex<NoopRawMutex, P>,
    publish: impl Fn(EventType<'_>, &[u8]),
) -> HandlerResult {
    if exchange.request().method() != Method::Post {
        return exchange.method_not_allowed("POST, OPTIONS").await;
    }
    let Ok(mut partition) = partition.try_lock() else {
        return exchange.respond(&Response::text(Status::CONFLICT, "another update is running\n")).await;
    };
    let Some(expected) = exchange.request().header("content-digest").and_then(sha256_of) else {
        let text = "expected the field Content-Digest: sha-256=:BASE64: (RFC 9530)\n";
        return exchange.respond(&Response::text(Status::BAD_REQUEST, text)).await;
    };
    if let Err(error) = exchange.limit_content(P::CAPACITY.into()) {
        return exchange.respond_body_error(error).await;
    }
    if partition.erase().await.is_err() {
        return flash_failed(exchange).await;
    }
    let (mut piece, mut length, mut digest) = ([0; PIECE], 0, Sha256::new());
    loop {
        let bytes = match exchange.read(&mut piece).await {
            Ok(0) => break,
            Ok(count) => piece.get(..count).unwrap_or_default(),
            Err(error) => return exchange.respond_body_error(error).await,
        };
        digest.update(bytes);
        if partition.write(length, bytes).await.is_err() {
            return flash_failed(exchange).await;
        }
        let before = length / STEP;
        length += bytes.len() as u32;
        if length / STEP > before {
            publish_length(&publish, "progress", length);
        }
    }
    if digest.finalize().as_slice() != expected {
        let text = "the content differs from its digest; nothing was changed\n";
        return exchange.respond(&Response::text(Status::BAD_REQUEST, text)).await;
    }
    if partition.activate(length).await.is_err() {
        return flash_failed(exchange).await;
    }
    publish_length(&publish, "activated", length);
    exchange.respond(&Response::text(Status::OK, "the next boot starts the new image\n")).await
}

/// The SHA-256 of a `Content-Digest` field: `sha-256=:BASE64:`, perhaps beside others.
fn sha256_of(field: &[u8]) -> Option<[u8; 32]> {
    let members = field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let value = members.filter_map(|member| member.strip_prefix(b"sha-256=:")?.strip_suffix(b":")).next()?;
    // The estimate of `decode_slice` for 44 letters is 33 bytes.
    let mut bytes = [0; 33];
    let count = STANDARD.decode_slice(value, &mut bytes).ok()?;
    bytes.get(..count)?.try_into().ok()
}

fn publish_length(publish: &impl Fn(EventType<'_>, &[u8]), event_type: &'static str, length: u32) {
    let mut digits = [0; 10];
    let mut out = ResumableWriter::new(&mut digits, 0);
    out.put_decimal(length.into());
    let written = out.written();
    if let Ok(event_type) = EventType::new(event_type) {
        publish(event_type, digits.get(..written).unwrap_or_default());
    }
}

async fn flash_failed<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    exchange.respond(&Response::text(Status::INTERNAL_SERVER_ERROR, "the flash failed; nothing was changed\n")).await
}
