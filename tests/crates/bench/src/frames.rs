//! Client frames built beforehand, and server frames counted however they are cut (RFC 6455 §5.2).

/// The masking key of all frames built here.
pub const MASKING_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Appends one masked, final, binary frame to `out`. The payload is all `b'g'`, which is UTF-8 too.
pub fn push_masked(payload: usize, out: &mut Vec<u8>) {
    push_header(0x82, payload, Some(MASKING_KEY), out);
    out.extend((0..payload).map(|at| b'g' ^ MASKING_KEY[at % 4]));
}

/// Appends a frame header to `out`, its length in the shortest form.
pub fn push_header(first: u8, payload: usize, masking_key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let mask = if masking_key.is_some() { 0x80 } else { 0 };
    out.push(first);
    match payload {
        0..=125 => out.push(mask | payload as u8),
        126..=0xffff => {
            out.push(mask | 126);
            out.extend_from_slice(&(payload as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&masking_key.unwrap_or_default()[..if masking_key.is_some() { 4 } else { 0 }]);
}

/// Counts the messages of a server's side of a connection, and keeps the answer that a ping is owed.
#[derive(Clone, Debug, Default)]
pub struct MessageCounter {
    /// The header so far, while one is being read.
    header: Vec<u8>,
    /// Payload bytes of the current frame that are still to come.
    left: u64,
    final_data: bool,
    /// The payload so far, while the current frame is a ping.
    ping: Option<Vec<u8>>,
    pong: Option<Vec<u8>>,
}

/// The content of a piece of a server's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Messages that ended in it: final frames of data.
    pub messages: u64,
    /// Whether the server began to close, or sent a masked frame, which no server may.
    pub closed: bool,
}

impl MessageCounter {
    /// Takes the next piece of any length.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Counted {
        let mut counted = Counted::default();
        while !bytes.is_empty() {
            if self.left > 0 {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                if let Some(ping) = &mut self.ping {
                    ping.extend_from_slice(&bytes[..taken]);
                }
                bytes = &bytes[taken..];
                self.left -= taken as u64;
                if self.left > 0 {
                    break;
                }
                self.ended(&mut counted);
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            let Some(payload) = payload_length(&self.header) else { continue };
            let opcode = self.header[0] & 0x0f;
            self.final_data = opcode <= 2 && self.header[0] & 0x80 != 0;
            self.ping = (opcode == 9).then(Vec::new);
            counted.closed |= opcode == 8 || self.header[1] & 0x80 != 0;
            self.header.clear();
            self.left = payload;
            if payload == 0 {
                self.ended(&mut counted);
            }
        }
        counted
    }

    /// The masked pong that the newest ping is owed, once (RFC 6455 §5.5.3).
    pub fn take_pong(&mut self) -> Option<Vec<u8>> {
        self.pong.take()
    }

    fn ended(&mut self, counted: &mut Counted) {
        counted.messages += u64::from(self.final_data);
        if let Some(ping) = self.ping.take() {
            let mut pong = Vec::new();
            push_header(0x8a, ping.len(), Some(MASKING_KEY), &mut pong);
            pong.extend(ping.iter().enumerate().map(|(at, byte)| byte ^ MASKING_KEY[at % 4]));
            self.pong = Some(pong);
        }
    }
}

/// The payload length of an unmasked header, or nothing while it is not whole.
fn payload_length(header: &[u8]) -> Option<u64> {
    let long = match header.get(1)? & 0x7f {
        126 => header.get(2..4)?,
        127 => header.get(2..10)?,
        short => return Some(short.into()),
    };
    Some(long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's side: `hello`, a ping, 200 bytes in two fragments, 70,000 bytes, an empty message.
    fn side() -> Vec<u8> {
        let mut side = Vec::new();
        for (first, payload) in [(0x82, 5), (0x89, 3), (0x02, 100), (0x80, 100), (0x82, 70_000), (0x82, 0)] {
            push_header(first, payload, None, &mut side);
            side.resize(side.len() + payload, b'g');
        }
        side
    }

    /// Messages, pongs owed, whether closed.
    fn total(pieces: impl Iterator<Item = Vec<u8>>) -> (u64, usize, bool) {
        let mut counter = MessageCounter::default();
        pieces.fold((0, 0, false), |(messages, pongs, closed), piece| {
            let counted = counter.receive(&piece);
            (messages + counted.messages, pongs + usize::from(counter.take_pong().is_some()), closed | counted.closed)
        })
    }

    #[test]
    fn messages_are_counted_at_any_cut() {
        let (side, expected) = (side(), (4, 1, false));
        for size in [1, 2, 3, 7, 64, 1000, side.len()] {
            assert_eq!(total(side.chunks(size).map(<[u8]>::to_vec)), expected, "pieces of {size}");
        }
        for cut in 0..300 {
            let (front, back) = side.split_at(cut);
            assert_eq!(total([front.to_vec(), back.to_vec()].into_iter()), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_close_and_a_masked_frame_are_noticed() {
        assert!(total([vec![0x88, 0]].into_iter()).2);
        let mut masked = Vec::new();
        push_masked(20, &mut masked);
        assert!(total([masked].into_iter()).2);
    }

    #[test]
    fn a_pong_has_the_payload_of_its_ping() {
        let mut counter = MessageCounter::default();
        counter.receive(b"\x89\x02");
        counter.receive(b"hi");
        let pong = counter.take_pong().unwrap();
        assert_eq!(pong[..6], [0x8a, 0x82, 0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!([pong[6] ^ 0x37, pong[7] ^ 0xfa], *b"hi");
        assert_eq!(counter.take_pong(), None);
    }
}
