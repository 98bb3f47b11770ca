use super::*;
use proptest::prelude::*;
use std::vec::Vec;

fn encoded(head: FrameHeader) -> Vec<u8> {
    let mut out = [0; FrameHeader::MAX];
    let used = head.encode(&mut out);
    out[..used].to_vec()
}

fn sender(head: FrameHeader) -> Role {
    if head.masking_key.is_some() { Role::Client } else { Role::Server }
}

#[test]
fn a_length_takes_its_shortest_form() {
    let cases: [(u64, &[u8]); 7] = [
        (0, &[0x82, 0]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (0xffff, &[0x82, 126, 0xff, 0xff]),
        (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (u64::MAX >> 1, &[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        (u64::MAX, &[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (len, bytes) in cases {
        assert_eq!(encoded(FrameHeader { fin: true, opcode: Opcode::Binary, masking_key: None, len }), bytes, "{len}");
    }
}

#[test]
fn an_invalid_header_is_reported_at_its_byte() {
    use ProtocolError::*;
    use Role::{Client, Server};
    let cases: [(&[u8], Role, ProtocolError); 18] = [
        (&[0xc1], Server, ReservedBits),
        (&[0xa1], Server, ReservedBits),
        (&[0x91], Server, ReservedBits),
        (&[0x83], Server, ReservedOpcode),
        (&[0x87], Server, ReservedOpcode),
        (&[0x8b], Server, ReservedOpcode),
        (&[0x8f], Server, ReservedOpcode),
        (&[0x08], Server, FragmentedControl),
        (&[0x09], Server, FragmentedControl),
        (&[0x89, 126], Server, LongControl),
        (&[0x8a, 127], Server, LongControl),
        (&[0x88, 0xfe], Client, LongControl),
        (&[0x81, 5], Client, Unmasked),
        (&[0x81, 0x85], Server, Masked),
        (&[0x81, 126, 0, 125], Server, LengthNotMinimal),
        (&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Server, LengthNotMinimal),
        (&[0x81, 127, 0x80], Server, LengthTooLarge),
        (&[0x81, 0xff, 0xff], Client, LengthTooLarge),
    ];
    for (bytes, sender, error) in cases {
        let (last, before) = bytes.split_last().unwrap();
        let mut decoder = FrameHeaderDecoder::default();
        assert_eq!(decoder.push(before, sender).1, Ok(None), "{bytes:x?} without its last byte");
        assert_eq!(decoder.push(&[*last], sender).1, Err(error), "{bytes:x?}");
        assert_eq!(FrameHeader::decode(bytes, sender), Err(error), "{bytes:x?} at once");
    }
}

fn any_head() -> impl Strategy<Value = FrameHeader> {
    let data = prop_oneof![Just(Opcode::Continuation), Just(Opcode::Text), Just(Opcode::Binary)];
    let control = prop_oneof![Just(Opcode::Close), Just(Opcode::Ping), Just(Opcode::Pong)];
    let len = prop_oneof![0u64..300, 65_000u64..66_000, 0..=u64::MAX >> 1];
    let key = any::<Option<[u8; 4]>>();
    prop_oneof![
        (any::<bool>(), data, key.clone(), len).prop_map(|(fin, opcode, masking_key, len)| FrameHeader {
            fin,
            opcode,
            masking_key,
            len
        }),
        (control, key, 0u64..=125).prop_map(|(opcode, masking_key, len)| FrameHeader {
            fin: true,
            opcode,
            masking_key,
            len
        }),
    ]
}

proptest! {
    #[test]
    fn a_head_cut_anywhere_is_the_head(head in any_head()) {
        let bytes = encoded(head);
        for cut in 0..bytes.len() {
            let mut decoder = FrameHeaderDecoder::default();
            prop_assert_eq!(decoder.push(&bytes[..cut], sender(head)), (cut, Ok(None)));
            let mut rest = bytes[cut..].to_vec();
            let used = rest.len();
            rest.extend([0xff; 20]);
            prop_assert_eq!(decoder.push(&rest, sender(head)), (used, Ok(Some(head))));
            prop_assert!(decoder.is_empty());
        }
    }

    #[test]
    fn any_split_of_a_header_gives_the_same_result(bytes in proptest::collection::vec(any::<u8>(), 0..16), client: bool) {
        let sender = if client { Role::Client } else { Role::Server };
        let at_once = FrameHeader::decode(&bytes, sender).map(|head| head.map(|(head, _)| head));
        let mut decoder = FrameHeaderDecoder::default();
        let mut by_byte = Ok(None);
        for byte in &bytes {
            by_byte = decoder.push(&[*byte], sender).1;
            if by_byte != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(by_byte, at_once);
    }
}
