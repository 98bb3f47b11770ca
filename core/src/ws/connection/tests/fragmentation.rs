//! Fragmented messages in both directions (RFC 6455 §5.4).

use super::*;

/// Writes one frame into rooms of `size` bytes, and the control frames that wait.
fn send_fragment(
    machine: &mut Connection,
    kind: MessageKind,
    fin: bool,
    payload: &[u8],
    size: usize,
    out: &mut Vec<u8>,
) {
    let mut keys = Counter(3);
    machine.start_frame(kind, fin, payload.len() as u64, &mut keys).unwrap();
    let mut given = 0;
    while !machine.is_between_frames() {
        let mut room = std::vec![0; size];
        let mut written = machine.transmit(&mut room, &mut keys).unwrap();
        written += machine.payload(&mut room[written..], |room| {
            let n = room.len().min(3); // a caller that has little at a time
            room[..n].copy_from_slice(&payload[given..given + n]);
            given += n;
            n
        });
        assert!(written > 0);
        out.extend(&room[..written]);
        assert_eq!(machine.payload_remaining(), (payload.len() - given) as u64);
    }
}

#[test]
fn a_message_in_fragments_is_one_message_in_any_room() {
    for size in 1..40 {
        for (mut sender, mut receiver) in [(server(), client()), (client(), server())] {
            let mut out = Vec::new();
            send_fragment(&mut sender, MessageKind::Text, false, b"Hello, ", size, &mut out);
            send_fragment(&mut sender, MessageKind::Text, false, b"", size, &mut out);
            send_fragment(&mut sender, MessageKind::Text, true, b"world of fragments", size, &mut out);
            send_fragment(&mut sender, MessageKind::Binary, true, &[9; 300], size, &mut out);
            let expected = [
                Frame::new(Opcode::Text, b"Hello, ").unfinished(),
                Frame::new(Opcode::Continuation, b"").unfinished(),
                Frame::new(Opcode::Continuation, b"world of fragments"),
                Frame::new(Opcode::Binary, &[9; 300]),
            ];
            assert_eq!(frames(&out, sender.role()), expected);
            assert_eq!(receive(&mut receiver, &out), [text("Hello, world of fragments"), binary(&[9; 300])]);
        }
    }
}

#[test]
fn a_pong_waits_for_the_end_of_our_frame() {
    let mut machine = server();
    let mut out = Vec::new();
    machine.start_frame(MessageKind::Binary, false, 6, &mut Unmasked).unwrap();
    let mut room = [0; 5];
    for byte in 0..6u8 {
        receive(&mut machine, &masked(0x89, &[byte; 20]));
        let head = machine.transmit(&mut room, &mut Unmasked).unwrap();
        out.extend(&room[..head]);
        assert!(!machine.has_output(), "payload is due");
        assert_eq!(machine.buffered(), 22);
        let given = machine.payload(&mut room, |room| {
            room[0] = byte;
            1
        });
        out.extend(&room[..given]);
    }
    assert_eq!(machine.start_frame(MessageKind::Binary, true, 1, &mut Unmasked), Ok(()), "the frame before is whole");
    out.extend(transmit_head(&mut machine));
    let given = machine.payload(&mut room, |room| {
        room[0] = 6;
        1
    });
    out.extend(&room[..given]);
    out.extend(transmit(&mut machine));
    let binary = plain(0x02, &[0, 1, 2, 3, 4, 5]);
    assert_eq!(out, [binary, plain(0x80, &[6]), plain(0x8a, &[5; 20])].concat());
}

fn transmit_head(machine: &mut Connection) -> Vec<u8> {
    let mut room = [0; 100];
    let written = machine.transmit(&mut room, &mut Unmasked).unwrap();
    room[..written].to_vec()
}

#[test]
fn empty_messages_and_fragments_are_messages() {
    let more = |payload| Frame::new(Opcode::Continuation, payload).unfinished();
    let last = || Frame::new(Opcode::Continuation, b"");
    let mut machine = server();
    send!(machine, [Frame::new(Opcode::Text, b"")] => [text("")]);
    send!(machine, [Frame::new(Opcode::Text, b"").unfinished(), more(b""), last()] => [text("")]);
    send!(machine, [Frame::new(Opcode::Binary, b"").unfinished(), more(b"x"), last()] => [binary(b"x")]);
}
