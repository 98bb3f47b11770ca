//! The closing handshake from both sides.

use super::*;

fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}

#[test]
fn the_peers_close_is_answered_with_its_code() {
    for (payload, code, reason) in [
        (Vec::new(), None, ""),
        (close(1000, ""), Some(1000), ""),
        (close(1001, "going"), Some(1001), "going"),
        (close(4999, "gr\u{fc}n"), Some(4999), "gr\u{fc}n"),
        (close(3000, &"r".repeat(123)), Some(3000), &"r".repeat(123)),
    ] {
        let frame = masked(0x88, &payload);
        for cut in 0..=frame.len() {
            let mut machine = server();
            let mut events = receive(&mut machine, &frame[..cut]);
            receive_all(&mut machine, &frame[cut..], &mut events);
            assert_eq!(events, [Event::Closed(code)]);
            assert_eq!(machine.peer_close_code(), Some(code.and_then(CloseCode::new)));
            assert_eq!(machine.peer_close_reason(), reason);
            assert!(!machine.is_closed() && machine.is_closing());
            let answer = code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
            assert_eq!(transmit(&mut machine), plain(0x88, &answer));
            assert!(machine.is_closed() && machine.should_close_tcp());
        }
    }
}

#[test]
fn every_close_code_is_judged() {
    for code in (0..=1100).chain(2990..=3010).chain(4990..=5010).chain([65_535]) {
        let mut machine = server();
        let events = receive(&mut machine, &masked(0x88, &close(code, "")));
        let may = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let expected = if may { Event::Closed(Some(code)) } else { Event::Failed(ProtocolError::BadCloseCode) };
        assert_eq!(events, [expected], "{code}");
        let answer = if may { code } else { 1002 };
        assert_eq!(transmit(&mut machine), plain(0x88, &answer.to_be_bytes()), "{code}");
    }
}

#[test]
fn a_close_that_is_no_close_fails() {
    for (payload, error, code) in [
        (&[0x03][..], ProtocolError::HalfCloseCode, 1002u16),
        (&[0x03, 0xe8, 0xff], ProtocolError::NotUtf8, 1007),
        (&[0x03, 0xe8, b'a', 0xc3], ProtocolError::NotUtf8, 1007),
        (&[0x03, 0xed], ProtocolError::BadCloseCode, 1002), // 1005
    ] {
        let mut machine = server();
        assert_eq!(receive(&mut machine, &masked(0x88, payload)), [Event::Failed(error)]);
        assert_eq!(transmit(&mut machine), plain(0x88, &code.to_be_bytes()));
        assert_eq!(machine.peer_close_code(), None);
    }
}

#[test]
fn nothing_is_heard_after_the_peers_close() {
    let mut machine = server();
    let bytes = [masked(0x88, b""), masked(0x81, b"late"), std::vec![0xff; 20]].concat();
    assert_eq!(receive(&mut machine, &bytes), [Event::Closed(None)]);
    assert_eq!(receive(&mut machine, &[0xff; 20]), []);
    assert_eq!(machine.error(), None);
}

#[test]
fn what_comes_before_the_peers_close_is_heard_after_ours() {
    let mut machine = client();
    machine.close(CloseCode::GOING_AWAY, CloseReason::new("bye").unwrap()).unwrap();
    let out = transmit(&mut machine);
    assert_eq!(frames(&out, Role::Client), [(Opcode::Close, true, close(1001, "bye"))]);
    assert!(machine.is_closing() && !machine.is_closed());
    assert_eq!(receive(&mut machine, &plain(0x81, b"late")), [text("late")]);
    assert_eq!(receive(&mut machine, &plain(0x88, &close(1001, ""))), [Event::Closed(Some(1001))]);
    assert_eq!(transmit(&mut machine), b"", "ours was the answer");
    assert!(machine.is_closed() && !machine.should_close_tcp(), "the server closes the TCP connection first");
}

#[test]
fn both_may_close_at_once() {
    let (mut here, mut there) = (client(), server());
    here.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
    there.close(CloseCode::GOING_AWAY, CloseReason::NONE).unwrap();
    let (from_here, from_there) = (transmit(&mut here), transmit(&mut there));
    assert_eq!(receive(&mut here, &from_there), [Event::Closed(Some(1001))]);
    assert_eq!(receive(&mut there, &from_here), [Event::Closed(Some(1000))]);
    assert!(here.is_closed() && there.is_closed());
    assert_eq!((transmit(&mut here), transmit(&mut there)), (Vec::new(), Vec::new()));
}

#[test]
fn our_close_that_waits_is_the_answer_to_the_peers() {
    let mut machine = server();
    machine.close(CloseCode::SERVICE_RESTART, CloseReason::NONE).unwrap();
    receive(&mut machine, &masked(0x88, &close(1000, "")));
    assert_eq!(transmit(&mut machine), plain(0x88, &close(1012, "")));
    assert!(machine.should_close_tcp());
}

#[test]
fn nothing_follows_our_close() {
    let mut machine = server();
    receive(&mut machine, &masked(0x89, b"before"));
    machine.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
    assert_eq!(machine.buffered(), 8 + 4);
    assert_eq!(machine.close(CloseCode::GOING_AWAY, CloseReason::NONE), Err(SendError::Closing));
    assert_eq!(machine.ping(PingPayload::EMPTY), Err(SendError::Closing));
    let mut room = [0; 20];
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Err(SendError::Closing));
    assert_eq!(machine.start_frame(MessageKind::Text, true, 1, &mut Unmasked), Err(SendError::Closing));
    assert_eq!(transmit(&mut machine), [plain(0x8a, b"before"), plain(0x88, &close(1000, ""))].concat());
    assert_eq!(receive(&mut machine, &masked(0x89, b"after")), [Event::Ping]);
    assert_eq!(transmit(&mut machine), b"");
}

#[test]
fn pongs_are_not_owed_to_a_peer_that_closed() {
    let mut machine = server();
    machine.ping(PingPayload::EMPTY).unwrap();
    receive(&mut machine, &[masked(0x89, b"p"), masked(0x88, b"")].concat());
    assert_eq!(transmit(&mut machine), plain(0x88, b""));
}

#[test]
fn a_close_that_comes_while_a_pong_is_half_written_is_answered_after_it() {
    for payload in [close(1000, "done"), Vec::new()] {
        let mut machine = server();
        receive(&mut machine, &masked(0x89, b"first"));
        let mut out = std::vec![0; 4];
        machine.transmit(&mut out, &mut Unmasked).unwrap();
        let frame = masked(0x88, &payload);
        let mut events = Vec::new();
        let consumed = machine.receive(&mut frame.clone()).consumed;
        out.extend(transmit(&mut machine));
        receive_all(&mut machine, &frame[consumed..], &mut events);
        out.extend(transmit(&mut machine));
        let code = payload.get(..2).unwrap_or_default();
        assert_eq!(out, [plain(0x8a, b"first"), plain(0x88, code)].concat());
        assert!(machine.is_closed());
    }
}

#[test]
fn a_frame_that_was_begun_is_ended_before_the_close() {
    let mut machine = server();
    machine.start_frame(MessageKind::Binary, true, 4, &mut Unmasked).unwrap();
    let mut out = [0; 2];
    machine.transmit(&mut out, &mut Unmasked).unwrap();
    assert_eq!(machine.payload(&mut [0; 3], |room| room.len()), 3);
    assert_eq!(receive(&mut machine, &[0xff; 9]), [Event::Failed(ProtocolError::ReservedBits)]);
    assert!(!machine.has_output() && !machine.should_close_tcp());
    assert_eq!(machine.transmit(&mut [0; 9], &mut Unmasked), Ok(0));
    assert_eq!(machine.payload(&mut [0; 3], |room| room.len()), 1);
    assert_eq!(transmit(&mut machine), plain(0x88, &1002u16.to_be_bytes()));
    assert!(machine.should_close_tcp());
}

#[test]
fn a_close_may_stand_between_our_fragments() {
    let mut machine = server();
    machine.start_frame(MessageKind::Binary, false, 0, &mut Unmasked).unwrap();
    machine.close(CloseCode::INTERNAL_ERROR, CloseReason::NONE).unwrap();
    assert_eq!(transmit(&mut machine), [plain(0x02, b""), plain(0x88, &close(1011, ""))].concat());
}

#[test]
fn a_failure_after_our_close_sends_no_other() {
    let mut machine = server();
    machine.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
    assert_eq!(transmit(&mut machine).len(), 4);
    assert_eq!(receive(&mut machine, &[0xff]), [Event::Failed(ProtocolError::ReservedBits)]);
    assert_eq!(transmit(&mut machine), b"");
    assert!(machine.should_close_tcp());
}
