//! A filter of records before `embedded-tls`.

/// Checks the headers of records (RFC 8446 §5.1, §5.2).
///
/// `embedded-tls` 0.19 has three faults that an attacker on the path could use. It accepts an unencrypted alert after
/// the handshake, though RFC 8446 §6.1 requires encryption. It panics on an unencrypted handshake message there. It
/// panics on an encrypted record without content, even before the server is authenticated. The filter rejects these
/// records.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordFilter {
    header: [u8; HEADER],
    /// The length of the received part of the header.
    header_len: u8,
    /// The bytes left of the record's body.
    body_left: u16,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No record has arrived.
    ServerHello,
    Handshake,
    ApplicationData,
}

const HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// The shortest encrypted record: a content type and the tag of AES-GCM (RFC 8446 §5.2).
const MIN_CIPHERTEXT: u16 = 17;
/// The longest encrypted record (RFC 8446 §5.2).
const MAX_CIPHERTEXT: u16 = 16_384 + 256;

impl RecordFilter {
    pub(super) const fn new() -> Self {
        Self { header: [0; HEADER], header_len: 0, body_left: 0, stage: Stage::ServerHello }
    }

    /// The handshake is done: from here on all records are encrypted.
    pub(super) fn handshake_done(&mut self) {
        self.stage = Stage::ApplicationData;
    }

    /// Whether the next bytes pass.
    pub(super) fn check(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if self.body_left > 0 {
                let count = rest.len().min(usize::from(self.body_left));
                self.body_left = self.body_left.saturating_sub(u16::try_from(count).unwrap_or(u16::MAX));
                rest = rest.get(count..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(usize::from(self.header_len)) {
                *place = *first;
            }
            self.header_len = self.header_len.saturating_add(1);
            rest = after;
            if usize::from(self.header_len) == HEADER && !self.begin_record() {
                return false;
            }
        }
        true
    }

    /// The header is complete: whether its record passes.
    fn begin_record(&mut self) -> bool {
        let [content_type, _, _, high, low] = self.header;
        let length = u16::from_be_bytes([high, low]);
        (self.header_len, self.body_left) = (0, length);
        let stage = self.stage;
        if stage == Stage::ServerHello {
            self.stage = Stage::Handshake;
        }
        match (content_type, stage) {
            (APPLICATION_DATA, Stage::Handshake | Stage::ApplicationData) => {
                (MIN_CIPHERTEXT..=MAX_CIPHERTEXT).contains(&length)
            }
            (HANDSHAKE, Stage::ServerHello)
            | (ALERT | CHANGE_CIPHER_SPEC, Stage::Handshake)
            | (ALERT, Stage::ServerHello) => (1..=MAX_CIPHERTEXT).contains(&length),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn record(content_type: u8, length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let mut record = std::vec![content_type, 3, 3, high, low];
        record.resize(HEADER + usize::from(length), 0xee);
        record
    }

    /// Checks that the result does not depend on the chunks.
    fn passes(records: &[(u8, u16)], handshake_records: usize) -> bool {
        let results = [1, 2, 3, 5, 7, 4096].map(|chunk| {
            let mut filter = RecordFilter::new();
            records.iter().enumerate().all(|(index, (content_type, length))| {
                if index == handshake_records {
                    filter.handshake_done();
                }
                record(*content_type, *length).chunks(chunk).all(|bytes| filter.check(bytes))
            })
        });
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        results[0]
    }

    #[test]
    fn handshake_and_data_pass_in_any_chunks() {
        let records = [(22, 122), (20, 1), (23, 900), (23, 70), (23, 17), (23, 16_640), (23, 19)];
        assert!(passes(&records, 4));
        assert!(passes(&[(21, 2)], 9), "an alert in place of ServerHello is not encrypted (RFC 8446 §6)");
        assert!(passes(&[(22, 122), (21, 2)], 9));
    }

    #[test]
    fn unencrypted_records_after_the_handshake_are_rejected() {
        for content_type in [20, 21, 22, 24, 0, 255] {
            assert!(!passes(&[(22, 122), (23, 90), (content_type, 2)], 2), "{content_type}");
        }
    }

    #[test]
    fn records_that_would_panic_are_rejected() {
        assert!(!passes(&[(22, 122), (23, 16)], 9), "an authentication tag without content (RFC 8446 §5.2)");
        assert!(!passes(&[(22, 122), (23, 0)], 9));
        assert!(!passes(&[(22, 122), (23, 16_641)], 9));
        assert!(!passes(&[(22, 122), (22, 90)], 9), "messages after ServerHello are encrypted (RFC 8446 §4.3)");
        assert!(!passes(&[(23, 90)], 9), "no keys before ServerHello (RFC 8446 §7.1)");
    }
}
