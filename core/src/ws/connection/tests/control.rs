//! Pings and pongs, in both directions.

use super::*;

fn pongs(bytes: &[u8]) -> Vec<Vec<u8>> {
    frames(bytes, Role::Server)
        .into_iter()
        .map(|(opcode, fin, payload)| {
            assert_eq!((opcode, fin), (Opcode::Pong, true));
            payload
        })
        .collect()
}

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
            assert_eq!(transmit(&mut machine), plain(0x8a, &payload), "{len} cut at {cut}");
            assert_eq!(machine.buffered(), 0);
        }
    }
}

#[test]
fn a_ping_between_two_fragments_leaves_the_message_alone() {
    let mut machine = server();
    let input = [masked(0x01, b"Hel"), masked(0x89, b"p"), masked(0x80, b"lo")].concat();
    let part =
        |payload: &[u8], first, last| Event::Part { kind: MessageKind::Text, payload: payload.into(), first, last };
    assert_eq!(receive(&mut machine, &input), [part(b"Hel", true, false), Event::Ping, part(b"lo", false, true)]);
    assert_eq!(transmit(&mut machine), plain(0x8a, b"p"));
}

#[test]
fn the_newest_of_several_pings_is_answered() {
    let mut machine = server();
    let input = [masked(0x89, b"first one"), masked(0x89, b"second"), masked(0x89, b"3")].concat();
    assert_eq!(receive(&mut machine, &input), [Event::Ping, Event::Ping, Event::Ping]);
    assert_eq!(pongs(&transmit(&mut machine)), [b"3"]);
}

#[test]
fn a_pong_that_waits_gives_way_to_a_newer_ping_in_pieces() {
    let mut machine = server();
    receive(&mut machine, &masked(0x89, b"older"));
    let newer = masked(0x89, b"newer");
    assert_eq!(receive(&mut machine, &newer[..8]), []);
    assert_eq!(transmit(&mut machine), [], "half a ping is in the carry");
    assert_eq!(receive(&mut machine, &newer[8..]), [Event::Ping]);
    assert_eq!(transmit(&mut machine), plain(0x8a, b"newer"));
}

#[test]
fn a_clients_control_frames_are_masked_in_any_room() {
    for size in 1..140 {
        let mut machine = client();
        receive(&mut machine, &plain(0x89, &[7; 125]));
        machine.ping(PingPayload::new(b"ours")).unwrap();
        machine.close(CloseCode::NORMAL, super::super::CloseReason::new("a reason").unwrap()).unwrap();
        let waiting = machine.buffered();
        let out = transmit_by(&mut machine, size);
        assert_eq!(out.len(), waiting);
        let close = [&1000u16.to_be_bytes()[..], b"a reason"].concat();
        let expected = [
            (Opcode::Pong, true, [7; 125].to_vec()),
            (Opcode::Ping, true, b"ours".to_vec()),
            (Opcode::Close, true, close),
        ];
        assert_eq!(frames(&out, Role::Client), expected, "rooms of {size}");
    }
}

#[test]
fn a_ping_that_comes_while_a_pong_is_half_written_waits_its_turn() {
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
                assert_eq!(input, frame, "what is not consumed is as it was");
            }
            out.extend(transmit(&mut machine));
            assert!(machine.wants_input());
            if !came {
                assert_eq!(receive(&mut machine, &frame[consumed..]), [Event::Ping]);
                out.extend(transmit(&mut machine));
            }
            assert_eq!(pongs(&out), [b"first", payload], "{written} bytes written");
        }
    }
}

#[test]
fn a_pong_is_taken_while_ours_is_half_written() {
    let mut machine = server();
    receive(&mut machine, &masked(0x89, b"first"));
    machine.transmit(&mut [0; 3], &mut Unmasked).unwrap();
    assert_eq!(receive(&mut machine, &masked(0x8a, b"abc")), [Event::Pong(PingPayload::new(b"abc"))]);
    assert!(machine.wants_input());
}

#[test]
fn a_pong_shows_as_much_as_a_ping_of_ours_has() {
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
fn our_ping_comes_back_as_its_pong() {
    let (mut here, mut there) = (client(), server());
    here.ping(PingPayload::new(b"old")).unwrap();
    here.ping(PingPayload::new(b"\x01\x02\x03")).unwrap();
    assert_eq!(here.buffered(), 9);
    assert_eq!(receive(&mut there, &transmit(&mut here)), [Event::Ping]);
    let answer = transmit(&mut there);
    assert_eq!(receive(&mut here, &answer), [Event::Pong(PingPayload::new(b"\x01\x02\x03"))]);
}

#[test]
fn a_failing_random_source_is_an_error_and_no_zero_mask() {
    let mut machine = client();
    machine.ping(PingPayload::new(b"x")).unwrap();
    let mut room = [0xaa; 50];
    assert_eq!(machine.transmit(&mut room, &mut Unmasked), Err(NoEntropy));
    assert_eq!(machine.start_frame(MessageKind::Text, true, 1, &mut Unmasked), Err(SendError::NoEntropy));
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Err(SendError::NoEntropy));
    assert_eq!(room, [0xaa; 50]);
    assert!(machine.has_output());
    let mut sick_once = Some(NoEntropy);
    let mut keys = || sick_once.take().map_or(Ok([1, 2, 3, 4]), Err);
    assert_eq!(machine.transmit(&mut room, &mut keys), Err(NoEntropy));
    let written = machine.transmit(&mut room, &mut keys).unwrap();
    assert_eq!(room[..written], [0x89, 0x81, 1, 2, 3, 4, b'x' ^ 1]);
}

#[test]
fn what_was_written_before_the_source_failed_is_told() {
    let mut machine = client();
    receive(&mut machine, &plain(0x89, b"p"));
    machine.ping(PingPayload::new(b"x")).unwrap();
    let mut keys = Some([9, 9, 9, 9]).into_iter();
    let mut keys = || keys.next().ok_or(NoEntropy);
    let mut room = [0; 50];
    assert_eq!(machine.transmit(&mut room, &mut keys), Ok(7));
    assert_eq!(machine.transmit(&mut room, &mut keys), Err(NoEntropy));
}
