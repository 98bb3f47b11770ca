//! Masking (RFC 6455 §5.3).

use super::*;

#[test]
fn the_key_is_rotated_between_two_pieces() {
    let payload: Vec<u8> = (0..=255).collect();
    let frame = masked(0x82, &payload);
    let mut machine = server();
    let mut events = receive(&mut machine, &frame[..9]);
    receive_all(&mut machine, &frame[9..], &mut events);
    assert_eq!(events, [binary(&payload)]);
}

#[test]
fn a_clients_control_frames_are_masked_in_any_room() {
    for size in 1..140 {
        let mut machine = client();
        receive(&mut machine, &plain(0x89, &[7; 125]));
        machine.ping(PingPayload::new(b"ours")).unwrap();
        machine.close(CloseCode::NORMAL, CloseReason::new("a reason").unwrap()).unwrap();
        let waiting = machine.buffered();
        let out = transmit_by(&mut machine, size);
        assert_eq!(out.len(), waiting);
        let expected = [pong(&[7; 125]), ping(b"ours"), close(1000, "a reason")];
        assert_eq!(frames(&out, Role::Client), expected, "rooms of {size}");
    }
}

#[test]
fn a_failing_random_source_sends_no_frame() {
    let mut machine = client();
    machine.ping(PingPayload::new(b"x")).unwrap();
    let mut room = [0xaa; 50];
    assert_eq!(machine.transmit(&mut room, &mut Unmasked), Err(NoEntropy));
    assert_eq!(machine.start_frame(MessageKind::Text, true, 1, &mut Unmasked), Err(SendError::NoEntropy));
    assert_eq!(machine.frame(&mut room, MessageKind::Text, b"x", &mut Unmasked), Err(SendError::NoEntropy));
    assert_eq!(room, [0xaa; 50]);
    assert!(machine.has_output());
    let mut fails_once = Some(NoEntropy);
    let mut keys = || fails_once.take().map_or(Ok([1, 2, 3, 4]), Err);
    assert_eq!(machine.transmit(&mut room, &mut keys), Err(NoEntropy));
    let written = machine.transmit(&mut room, &mut keys).unwrap();
    assert_eq!(room[..written], [0x89, 0x81, 1, 2, 3, 4, b'x' ^ 1]);
}

#[test]
fn bytes_written_before_the_source_failed_are_counted() {
    let mut machine = client();
    receive(&mut machine, &plain(0x89, b"p"));
    machine.ping(PingPayload::new(b"x")).unwrap();
    let mut keys = Some([9, 9, 9, 9]).into_iter();
    let mut keys = || keys.next().ok_or(NoEntropy);
    let mut room = [0; 50];
    assert_eq!(machine.transmit(&mut room, &mut keys), Ok(7));
    assert_eq!(machine.transmit(&mut room, &mut keys), Err(NoEntropy));
}
