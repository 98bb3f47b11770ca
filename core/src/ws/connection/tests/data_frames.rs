//! Data frames of the peer (RFC 6455 §5.6, §5.7).

use super::*;

#[test]
fn the_examples_of_rfc_6455_5_7_are_received() {
    assert_eq!(receive(&mut client(), &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]), [text("Hello")]);
    let masked_hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(receive(&mut server(), &masked_hello), [text("Hello")]);
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(receive(&mut client(), &fragments), [text("Hello")]);
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(receive(&mut client(), &ping), [Event::Ping]);
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(receive(&mut server(), &pong), [Event::Pong(PingPayload::new(b"Hello"))]);
    let bytes = [7u8; 0x1_0000];
    for (len, head) in [(256, &[0x82u8, 0x7e, 1, 0][..]), (0x1_0000, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0])] {
        let frame = [head, &bytes[..len]].concat();
        assert_eq!(receive(&mut client(), &frame), [binary(&bytes[..len])]);
    }
}

#[test]
fn a_small_message_is_one_piece() {
    let mut input = [masked(0x82, b"one"), masked(0x82, b"two")].concat();
    let mut machine = server();
    let received = machine.receive(&mut input);
    let piece = Chunk { kind: MessageKind::Binary, payload: b"one", first: true, last: true };
    assert_eq!(received, Received { consumed: 9, event: Some(Incoming::Chunk(piece)) });
}

#[test]
fn lengths_around_each_length_form_are_received() {
    for len in (0..300).chain([0xfffe, 0xffff, 0x1_0000, 0x1_0001]) {
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        assert_eq!(receive(&mut server(), &masked(0x82, &payload)), [binary(&payload)], "{len}");
        assert_eq!(receive(&mut client(), &plain(0x82, &payload)), [binary(&payload)], "{len}");
    }
}

#[test]
fn a_frame_of_the_largest_length_begins() {
    let mut machine = server();
    let mut frame = std::vec![0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    frame.extend(KEY);
    frame.extend([0; 10]);
    let events = receive(&mut machine, &frame);
    let payload = (0..10).map(|i| KEY[i % 4]).collect();
    assert_eq!(events, [Event::Part { kind: MessageKind::Binary, payload, first: true, last: false }]);
}
