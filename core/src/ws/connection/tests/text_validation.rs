//! UTF-8 of text messages (RFC 6455 §8.1).

use super::*;

#[test]
fn text_before_the_first_invalid_byte_is_received() {
    let good = "gr\u{fc}\u{df}e \u{1f426}";
    for (bytes, before) in [
        (b"abc\xffdef".to_vec(), &b"abc"[..]),
        (b"\xc0\xaf".to_vec(), b""),
        (b"a\xe0\x80\x80".to_vec(), b"a\xe0"),
        (b"a\xed\xa0\x80".to_vec(), b"a\xed"),
        (b"a\xf4\x90\x80\x80".to_vec(), b"a\xf4"),
        (b"\xce\xba\xe1\xbd".to_vec(), b"\xce\xba\xe1"), // ends within a character
        (good.as_bytes()[..good.len() - 1].to_vec(), &good.as_bytes()[..good.len() - 2]),
    ] {
        for (frames, sizes) in [
            (masked(0x81, &bytes), [1, 2, 1000]),
            ([masked(0x01, &bytes[..1]), masked(0x80, &bytes[1..])].concat(), [1, 3, 1000]),
        ] {
            for size in sizes {
                let mut machine = server();
                let mut events = Vec::new();
                for piece in frames.chunks(size) {
                    receive_all(&mut machine, piece, &mut events);
                }
                let failed = Event::Failed(ProtocolError::NotUtf8);
                if before.is_empty() {
                    assert_eq!(events, [failed]);
                } else {
                    let payload = before.to_vec();
                    let part = Event::Part { kind: MessageKind::Text, payload, first: true, last: false };
                    assert_eq!(events, [part, failed], "{bytes:x?} by {size}");
                }
            }
        }
    }
    assert_eq!(receive(&mut server(), &masked(0x82, b"\xff")), [binary(b"\xff")]);
    let unfinished = [masked(0x01, b"\xc3"), masked(0x80, b"")].concat();
    assert_eq!(receive(&mut server(), &unfinished).last(), Some(&Event::Failed(ProtocolError::NotUtf8)));
}
