//! Pings and pongs in both directions (RFC 6455 §5.5.2, §5.5.3).

use super::*;

#[test]
fn a_ping_is_answered_with_its_payload() {
    for len in [0, 1, 8, 9, 124, 125] {
        let payload: Vec<u8> = (0..len).collect();
        let frame = masked(0x89, &payload);
        for cut in 0..=frame.len() {
            let mut machine = server();
            let mut events = receive(&mut machine, &frame[..cut]);
            receive_all(&mut machine, &frame[cut..], &mut events);
            assert_eq!(events, [Event::Ping]);
            assert_eq!(machine.buffered(), 2 + payload.len());
            recv!(machine, [pong(&payload)]);
            assert_eq!(machine.buffered(), 0);
        }
    }
}

#[test]
fn a_ping_between_two_fragments_leaves_the_message_alone() {
    let mut machine = server();
    let part =
        |payload: &[u8], first, last| Event::Part { kind: MessageKind::Text, payload: payload.into(), first, last };
    send!(machine, [Frame::new(Opcode::Text, b"Hel").unfinished()] => [part(b"Hel", true, false)]);
    send!(machine, [ping(b"p")] => [Event::Ping]);
    send!(machine, [Frame::new(Opcode::Continuation, b"lo")] => [part(b"lo", false, true)]);
    recv!(machine, [pong(b"p")]);
}

#[test]
fn the_newest_of_several_pings_is_answered() {
    let mut machine = server();
    send!(machine, [ping(b"first one"), ping(b"second"), ping(b"3")] => [Event::Ping, Event::Ping, Event::Ping]);
    recv!(machine, [pong(b"3")]);
}

#[test]
fn a_newer_ping_in_pieces_replaces_the_pong_that_waits() {
    let mut machine = server();
    send!(machine, [ping(b"older")] => [Event::Ping]);
    let newer = masked(0x89, b"newer");
    assert_eq!(receive(&mut machine, &newer[..8]), []);
    recv!(machine, []); // half a ping is kept
    assert_eq!(receive(&mut machine, &newer[8..]), [Event::Ping]);
    recv!(machine, [pong(b"newer")]);
}

#[test]
fn a_ping_during_a_half_written_pong_is_answered_after_it() {
    for payload in [&b"second"[..], b""] {
        for written in 1..7 {
            let mut machine = server();
            receive(&mut machine, &masked(0x89, b"first"));
            let mut out = std::vec![0; written];
            assert_eq!(machine.transmit(&mut out, &mut Unmasked), Ok(written));
            let frame = masked(0x89, payload);
            let mut input = frame.clone();
            let Received { consumed, event } = machine.receive(&mut input);
            let came = event.is_some();
            if written < 7 && !payload.is_empty() {
                assert!(!came && consumed == 6 && !machine.wants_input());
                assert_eq!(input, frame, "unconsumed bytes are unchanged");
            }
            out.extend(transmit(&mut machine));
            assert!(machine.wants_input());
            if !came {
                assert_eq!(receive(&mut machine, &frame[consumed..]), [Event::Ping]);
                out.extend(transmit(&mut machine));
            }
            assert_eq!(frames(&out, Role::Server), [pong(b"first"), pong(payload)], "{written} bytes written");
        }
    }
}

#[test]
fn a_pong_is_received_while_ours_is_half_written() {
    let mut machine = server();
    send!(machine, [ping(b"first")] => [Event::Ping]);
    machine.transmit(&mut [0; 3], &mut Unmasked).unwrap();
    send!(machine, [pong(b"abc")] => [Event::Pong(PingPayload::new(b"abc"))]);
    assert!(machine.wants_input());
}

#[test]
fn a_long_pong_is_cut_to_the_length_of_our_pings() {
    let frame = masked(0x8a, &[5; 125]);
    for size in [1, 3, 200] {
        let mut machine = server();
        let mut events = Vec::new();
        for piece in frame.chunks(size) {
            receive_all(&mut machine, piece, &mut events);
        }
        assert_eq!(events, [Event::Pong(PingPayload::new(&[5; 8]))]);
    }
    assert_eq!(PingPayload::new(b"123456789").as_bytes(), b"12345678");
}

#[test]
fn the_newest_of_our_pings_is_sent_and_answered() {
    let (mut here, mut there) = (client(), server());
    here.ping(PingPayload::new(b"old")).unwrap();
    here.ping(PingPayload::new(b"\x01\x02\x03")).unwrap();
    assert_eq!(here.buffered(), 9);
    recv!(here, [ping(b"\x01\x02\x03")]);
    send!(there, [ping(b"\x01\x02\x03")] => [Event::Ping]);
    recv!(there, [pong(b"\x01\x02\x03")]);
    send!(here, [pong(b"\x01\x02\x03")] => [Event::Pong(PingPayload::new(b"\x01\x02\x03"))]);
}
