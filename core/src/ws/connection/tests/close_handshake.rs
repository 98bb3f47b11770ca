//! The closing handshake (RFC 6455 §5.5.1, §7).

use super::*;

#[test]
fn a_close_is_answered_with_its_code() {
    for (frame, code, reason) in [
        (Frame::new(Opcode::Close, b""), None, ""),
        (close(1000, ""), Some(1000), ""),
        (close(1001, "going"), Some(1001), "going"),
        (close(4999, "gr\u{fc}n"), Some(4999), "gr\u{fc}n"),
        (close(3000, &"r".repeat(123)), Some(3000), &"r".repeat(123)),
    ] {
        let bytes = frame.wire(Role::Client);
        for cut in 0..=bytes.len() {
            let mut machine = server();
            let mut events = receive(&mut machine, &bytes[..cut]);
            receive_all(&mut machine, &bytes[cut..], &mut events);
            assert_eq!(events, [Event::Closed(code)]);
            assert_eq!(machine.peer_close(), Some(CloseFrame { code: code.and_then(CloseCode::new), reason }));
            assert!(!machine.is_closed() && machine.is_closing());
            recv!(machine, [code.map_or(Frame::new(Opcode::Close, b""), |code| close(code, ""))]);
            assert!(machine.is_closed() && machine.should_close_tcp());
        }
    }
}

#[test]
fn only_the_close_codes_of_rfc_6455_7_4_are_accepted() {
    for code in (0..=1100).chain(2990..=3010).chain(4990..=5010).chain([65_535]) {
        let mut machine = server();
        if matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            send!(machine, [close(code, "")] => [Event::Closed(Some(code))]);
            recv!(machine, [close(code, "")]);
        } else {
            send!(machine, [close(code, "")] => [Event::Failed(ProtocolError::BadCloseCode)]);
            recv!(machine, [close(1002, "")]);
        }
    }
}

#[test]
fn a_malformed_close_fails_the_connection() {
    for (payload, error, code) in [
        (&[0x03][..], ProtocolError::HalfCloseCode, 1002),
        (&[0x03, 0xe8, 0xff], ProtocolError::NotUtf8, 1007),
        (&[0x03, 0xe8, b'a', 0xc3], ProtocolError::NotUtf8, 1007),
        (&[0x03, 0xed], ProtocolError::BadCloseCode, 1002), // 1005
    ] {
        let mut machine = server();
        send!(machine, [Frame::new(Opcode::Close, payload)] => [Event::Failed(error)]);
        recv!(machine, [close(code, "")]);
        assert_eq!(machine.peer_close(), None);
    }
}

#[test]
fn input_after_the_peers_close_is_ignored() {
    let mut machine = server();
    let bytes = [masked(0x88, b""), masked(0x81, b"late"), std::vec![0xff; 20]].concat();
    assert_eq!(receive(&mut machine, &bytes), [Event::Closed(None)]);
    assert_eq!(receive(&mut machine, &[0xff; 20]), []);
    assert_eq!(machine.error(), None);
}

#[test]
fn messages_between_our_close_and_the_peers_are_received() {
    let mut machine = client();
    machine.close(CloseCode::GOING_AWAY, CloseReason::new("bye").unwrap()).unwrap();
    recv!(machine, [close(1001, "bye")]);
    assert!(machine.is_closing() && !machine.is_closed());
    send!(machine, [Frame::new(Opcode::Text, b"late")] => [text("late")]);
    send!(machine, [close(1001, "")] => [Event::Closed(Some(1001))]);
    recv!(machine, []); // ours was the answer
    assert!(machine.is_closed() && !machine.should_close_tcp(), "the server closes the TCP connection first (§7.1.1)");
}

#[test]
fn both_sides_close_at_once() {
    let (mut here, mut there) = (client(), server());
    here.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
    there.close(CloseCode::GOING_AWAY, CloseReason::NONE).unwrap();
    recv!(here, [close(1000, "")]);
    recv!(there, [close(1001, "")]);
    send!(here, [close(1001, "")] => [Event::Closed(Some(1001))]);
    send!(there, [close(1000, "")] => [Event::Closed(Some(1000))]);
    assert!(here.is_closed() && there.is_closed());
    recv!(here, []);
    recv!(there, []);
}

#[test]
fn a_queued_close_answers_the_peers() {
    let mut machine = server();
    machine.close(CloseCode::SERVICE_RESTART, CloseReason::NONE).unwrap();
    send!(machine, [close(1000, "")] => [Event::Closed(Some(1000))]);
    recv!(machine, [close(1012, "")]);
    assert!(machine.should_close_tcp());
}

#[test]
fn no_frame_follows_our_close() {
    let mut machine = server();
    send!(machine, [ping(b"before")] => [Event::Ping]);
    machine.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
    assert_eq!(machine.buffered(), 8 + 4);
    assert_eq!(machine.close(CloseCode::GOING_AWAY, CloseReason::NONE), Err(SendError::Closing));
    assert_eq!(machine.ping(PingPayload::EMPTY), Err(SendError::Closing));
    let mut room = [0; 20];
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Err(SendError::Closing));
    assert_eq!(machine.start_frame(MessageKind::Text, true, 1, &mut Unmasked), Err(SendError::Closing));
    recv!(machine, [pong(b"before"), close(1000, "")]);
    send!(machine, [ping(b"after")] => [Event::Ping]);
    recv!(machine, []);
}

#[test]
fn a_close_drops_the_pong_that_waits() {
    let mut machine = server();
    machine.ping(PingPayload::EMPTY).unwrap();
    send!(machine, [ping(b"p"), Frame::new(Opcode::Close, b"")] => [Event::Ping, Event::Closed(None)]);
    recv!(machine, [Frame::new(Opcode::Close, b"")]);
}

#[test]
fn a_close_during_a_half_written_pong_is_answered_after_it() {
    for payload in [close(1000, "done").payload, Vec::new()] {
        let mut machine = server();
        send!(machine, [ping(b"first")] => [Event::Ping]);
        let mut out = std::vec![0; 4];
        machine.transmit(&mut out, &mut Unmasked).unwrap();
        let frame = masked(0x88, &payload);
        let mut events = Vec::new();
        let consumed = machine.receive(&mut frame.clone()).consumed;
        out.extend(transmit(&mut machine));
        receive_all(&mut machine, &frame[consumed..], &mut events);
        out.extend(transmit(&mut machine));
        let code = payload.get(..2).unwrap_or_default();
        assert_eq!(frames(&out, Role::Server), [pong(b"first"), Frame::new(Opcode::Close, code)]);
        assert!(machine.is_closed());
    }
}

#[test]
fn a_frame_under_way_ends_before_the_close() {
    let mut machine = server();
    machine.start_frame(MessageKind::Binary, true, 4, &mut Unmasked).unwrap();
    let mut out = [0; 2];
    machine.transmit(&mut out, &mut Unmasked).unwrap();
    assert_eq!(machine.payload(&mut [0; 3], |room| room.len()), 3);
    assert_eq!(receive(&mut machine, &[0xff; 9]), [Event::Failed(ProtocolError::ReservedBits)]);
    assert!(!machine.has_output() && !machine.should_close_tcp());
    assert_eq!(machine.transmit(&mut [0; 9], &mut Unmasked), Ok(0));
    assert_eq!(machine.payload(&mut [0; 3], |room| room.len()), 1);
    recv!(machine, [close(1002, "")]);
    assert!(machine.should_close_tcp());
}

#[test]
fn a_close_may_stand_between_our_fragments() {
    let mut machine = server();
    machine.start_frame(MessageKind::Binary, false, 0, &mut Unmasked).unwrap();
    machine.close(CloseCode::INTERNAL_ERROR, CloseReason::NONE).unwrap();
    recv!(machine, [Frame::new(Opcode::Binary, b"").unfinished(), close(1011, "")]);
}

#[test]
fn a_failure_after_our_close_sends_no_second_close() {
    let mut machine = server();
    machine.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
    recv!(machine, [close(1000, "")]);
    assert_eq!(receive(&mut machine, &[0xff]), [Event::Failed(ProtocolError::ReservedBits)]);
    recv!(machine, []);
    assert!(machine.should_close_tcp());
}
