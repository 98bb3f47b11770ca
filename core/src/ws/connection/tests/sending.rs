//! Frames of ours: whole, and begun and filled (RFC 6455 §6.1).

use super::*;

#[test]
fn a_half_written_control_frame_ends_before_a_frame_begins() {
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
fn a_message_is_written_in_one_frame_where_it_fits() {
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
fn a_message_never_stands_inside_another() {
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
    recv!(machine, [Frame::new(Opcode::Continuation, b"")]);
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Ok(3));
}

#[test]
fn a_fill_that_claims_too_many_bytes_is_clamped() {
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
