//! Frames of ours, into any room.

use super::*;

/// Writes one frame by rooms of `size` bytes, everything else that waits with it.
fn send(machine: &mut Connection, kind: MessageKind, fin: bool, payload: &[u8], size: usize, out: &mut Vec<u8>) {
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
            send(&mut sender, MessageKind::Text, false, b"Hello, ", size, &mut out);
            send(&mut sender, MessageKind::Text, false, b"", size, &mut out);
            send(&mut sender, MessageKind::Text, true, b"world of fragments", size, &mut out);
            send(&mut sender, MessageKind::Binary, true, &[9; 300], size, &mut out);
            let opcodes: Vec<_> =
                frames(&out, sender.role()).into_iter().map(|(opcode, fin, _)| (opcode, fin)).collect();
            use Opcode::*;
            assert_eq!(opcodes, [(Text, false), (Continuation, false), (Continuation, true), (Binary, true)]);
            assert_eq!(receive(&mut receiver, &out), [text("Hello, world of fragments"), binary(&[9; 300])]);
        }
    }
}

#[test]
fn a_pong_waits_for_the_end_of_our_frame_and_goes_before_the_next_fragment() {
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
    assert_eq!(machine.start_frame(MessageKind::Binary, true, 1, &mut Unmasked), Ok(()), "not half a frame is out");
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
fn a_half_written_control_frame_is_ended_before_a_frame_begins() {
    let mut machine = server();
    receive(&mut machine, &masked(0x89, b"abc"));
    let mut room = [0; 1];
    let mut out = Vec::new();
    for left in (0..5).rev() {
        assert_eq!(machine.transmit(&mut room, &mut Unmasked), Ok(1));
        out.extend(room);
        let busy = machine.start_frame(MessageKind::Text, true, 0, &mut Unmasked);
        assert_eq!(machine.buffered(), if left == 0 { 2 } else { left });
        assert_eq!(busy, if left == 0 { Ok(()) } else { Err(SendError::Busy) });
    }
    assert_eq!(out, plain(0x8a, b"abc"));
}

#[test]
fn a_whole_message_is_written_if_it_fits() {
    for len in [0, 1, 125, 126, 0xffff, 0x1_0000] {
        let payload = std::vec![0x5a; len];
        let (mut here, mut there) = (server(), client());
        let frame = plain(0x82, &payload);
        let mut room = std::vec![0; frame.len()];
        let short = here.frame(&mut room[1..], MessageKind::Binary, &payload, &mut Unmasked);
        assert_eq!(short, Err(SendError::NoRoom));
        assert_eq!(here.frame(&mut room, MessageKind::Binary, &payload, &mut Unmasked), Ok(frame.len()));
        assert_eq!(room, frame);
        assert_eq!(receive(&mut there, &room), [binary(&payload)]);

        let mut room = std::vec![0; frame.len() + 4];
        let written = there.frame(&mut room, MessageKind::Binary, &payload, &mut || Ok(KEY));
        assert_eq!((written, room), (Ok(frame.len() + 4), masked(0x82, &payload)));
    }
}

#[test]
fn a_whole_message_never_stands_in_another() {
    let mut machine = server();
    let mut room = [0; 20];
    machine.start_frame(MessageKind::Text, false, 1, &mut Unmasked).unwrap();
    for _ in 0..2 {
        assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Err(SendError::Busy));
        assert_eq!(machine.start_frame(MessageKind::Text, true, 1, &mut Unmasked), Err(SendError::Busy));
        machine.transmit(&mut room, &mut Unmasked).unwrap();
    }
    assert_eq!(machine.payload(&mut room, |_| 1), 1);
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Err(SendError::Busy));
    assert_eq!(machine.start_frame(MessageKind::Binary, true, 1, &mut Unmasked), Err(SendError::OtherMessage));
    assert_eq!(machine.start_frame(MessageKind::Text, true, 0, &mut Unmasked), Ok(()));
    assert_eq!(transmit(&mut machine), plain(0x80, b""));
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Ok(3));
}

#[test]
fn a_caller_that_claims_too_much_is_not_believed() {
    let mut machine = server();
    machine.start_frame(MessageKind::Binary, true, 3, &mut Unmasked).unwrap();
    assert_eq!(machine.payload(&mut [0; 9], |_| unreachable!("the head comes first")), 0);
    assert_eq!(machine.transmit(&mut [0; 9], &mut Unmasked), Ok(2));
    assert_eq!(machine.payload(&mut [], |_| unreachable!("there is no room")), 0);
    assert_eq!(machine.payload(&mut [0; 2], |_| usize::MAX), 2);
    assert_eq!(machine.payload(&mut [0; 2], |room| room.len() + 7), 1);
    assert_eq!(machine.payload(&mut [0; 2], |_| unreachable!("the frame is full")), 0);
    assert!(machine.is_between_frames());
}
