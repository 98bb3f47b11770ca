//! Messages of the peer: the RFC's figures, fragments, text, bounds.

use super::*;

#[test]
fn the_examples_of_the_rfc() {
    // RFC 6455 §5.7.
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
fn every_length_around_a_form_is_received() {
    for len in (0..300).chain([0xfffe, 0xffff, 0x1_0000, 0x1_0001]) {
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        assert_eq!(receive(&mut server(), &masked(0x82, &payload)), [binary(&payload)], "{len}");
        assert_eq!(receive(&mut client(), &plain(0x82, &payload)), [binary(&payload)], "{len}");
    }
}

#[test]
fn empty_messages_and_fragments_are_messages() {
    assert_eq!(receive(&mut server(), &masked(0x81, b"")), [text("")]);
    let fragments = [masked(0x01, b""), masked(0x00, b""), masked(0x80, b"")].concat();
    assert_eq!(receive(&mut server(), &fragments), [text("")]);
    let fragments = [masked(0x02, b""), masked(0x00, b"x"), masked(0x80, b"")].concat();
    assert_eq!(receive(&mut server(), &fragments), [binary(b"x")]);
}

#[test]
fn masked_chunks_of_one_then_255_bytes() {
    let payload: Vec<u8> = (0..=255).collect();
    let frame = masked(0x82, &payload);
    let mut machine = server();
    let mut events = receive(&mut machine, &frame[..9]);
    receive_all(&mut machine, &frame[9..], &mut events);
    assert_eq!(events, [binary(&payload)]);
}

#[test]
fn what_a_peer_breaks_fails_with_its_code() {
    use ProtocolError::*;
    let long = [0u8; 126];
    let cases: [(Vec<u8>, ProtocolError, u16); 12] = [
        (plain(0x81, b"x"), Unmasked, 1002),
        (masked(0xc1, b"x"), ReservedBits, 1002),
        (masked(0x83, b"x"), ReservedOpcode, 1002),
        (masked(0x89, &long), LongControl, 1002),
        (masked(0x09, b""), FragmentedControl, 1002),
        (masked(0x80, b"x"), UnexpectedContinuation, 1002),
        (masked(0x00, b"x"), UnexpectedContinuation, 1002),
        ([masked(0x01, b"a"), masked(0x81, b"b")].concat(), MessageUnfinished, 1002),
        ([masked(0x02, b"a"), masked(0x01, b"b")].concat(), MessageUnfinished, 1002),
        (std::vec![0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], LengthTooLarge, 1002),
        (std::vec![0x82, 0xfe, 0, 125], LengthNotMinimal, 1002),
        (masked(0x81, b"\xff"), NotUtf8, 1007),
    ];
    for (bytes, error, code) in cases {
        let mut machine = server();
        let events = receive(&mut machine, &[bytes.clone(), masked(0x81, b"ignored")].concat());
        assert_eq!(events.last(), Some(&Event::Failed(error)), "{bytes:x?}");
        assert_eq!(machine.error(), Some(error));
        assert_eq!(receive(&mut machine, &masked(0x81, b"ignored")), []);
        assert!(!machine.should_close_tcp(), "the Close has to leave first");
        let close = (Opcode::Close, true, code.to_be_bytes().to_vec());
        assert_eq!(frames(&transmit(&mut machine), Role::Server), [close], "{bytes:x?}");
        assert!(machine.should_close_tcp());
    }
    let mut machine = client();
    assert_eq!(receive(&mut machine, &masked(0x81, b"x")), [Event::Failed(Masked)]);
    let close = (Opcode::Close, true, 1002u16.to_be_bytes().to_vec());
    assert_eq!(frames(&transmit(&mut machine), Role::Client), [close]);
    assert!(machine.should_close_tcp(), "a client does not wait for who broke the protocol");
}

#[test]
fn the_largest_length_is_only_a_length() {
    let mut machine = server();
    let mut frame = std::vec![0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    frame.extend(KEY);
    frame.extend([0; 10]);
    let events = receive(&mut machine, &frame);
    let payload = (0..10).map(|i| KEY[i % 4]).collect();
    assert_eq!(events, [Event::Part { kind: MessageKind::Binary, payload, first: true, last: false }]);
}

#[test]
fn text_fails_at_its_first_bad_byte_and_gives_what_stood_before() {
    let good = "gr\u{fc}\u{df}e \u{1f426}";
    for (bytes, before) in [
        (b"abc\xffdef".to_vec(), &b"abc"[..]),
        (b"\xc0\xaf".to_vec(), b""),
        (b"a\xe0\x80\x80".to_vec(), b"a\xe0"),
        (b"a\xed\xa0\x80".to_vec(), b"a\xed"),
        (b"a\xf4\x90\x80\x80".to_vec(), b"a\xf4"),
        (b"\xce\xba\xe1\xbd".to_vec(), b"\xce\xba\xe1"), // ends within a character
        (good.as_bytes()[..good.len() - 1].to_vec(), &good.as_bytes()[..good.len() - 2]),
    ] {
        for (frames, sizes) in [
            (masked(0x81, &bytes), [1, 2, 1000]),
            ([masked(0x01, &bytes[..1]), masked(0x80, &bytes[1..])].concat(), [1, 3, 1000]),
        ] {
            for size in sizes {
                let mut machine = server();
                let mut events = Vec::new();
                for piece in frames.chunks(size) {
                    receive_all(&mut machine, piece, &mut events);
                }
                let failed = Event::Failed(ProtocolError::NotUtf8);
                if before.is_empty() {
                    assert_eq!(events, [failed]);
                } else {
                    let payload = before.to_vec();
                    let part = Event::Part { kind: MessageKind::Text, payload, first: true, last: false };
                    assert_eq!(events, [part, failed], "{bytes:x?} by {size}");
                }
            }
        }
    }
    assert_eq!(receive(&mut server(), &masked(0x82, b"\xff")), [binary(b"\xff")]);
    let unfinished = [masked(0x01, b"\xc3"), masked(0x80, b"")].concat();
    assert_eq!(receive(&mut server(), &unfinished).last(), Some(&Event::Failed(ProtocolError::NotUtf8)));
}

#[test]
fn a_message_past_the_bound_fails_at_the_head_that_tells_it() {
    let bounded = || Connection::server(ConnectionConfig { max_message: 10 });
    assert_eq!(receive(&mut bounded(), &masked(0x82, &[1; 10])), [binary(&[1; 10])]);
    let failed = Event::Failed(ProtocolError::MessageTooBig);
    let mut machine = bounded();
    assert_eq!(receive(&mut machine, &masked(0x82, &[1; 11])[..6]), core::slice::from_ref(&failed));
    assert_eq!(transmit(&mut machine), plain(0x88, &1009u16.to_be_bytes()));

    let fragments = [masked(0x02, &[1; 5]), masked(0x00, &[1; 5]), masked(0x80, &[1])].concat();
    let part = Event::Part { kind: MessageKind::Binary, payload: [1; 10].to_vec(), first: true, last: false };
    assert_eq!(receive(&mut bounded(), &fragments), [part, failed]);

    let each = [masked(0x82, &[1; 10]), masked(0x82, &[2; 10])].concat();
    assert_eq!(receive(&mut bounded(), &each).len(), 2, "the bound is a message's, not the connection's");
}

#[test]
fn a_message_past_the_callers_buffer_closes_with_1009() {
    let mut machine = server();
    let (mut room, mut at) = (4_usize, 0);
    let mut input = [masked(0x01, b"abc"), masked(0x80, b"de")].concat();
    while let Received { consumed, event: Some(Incoming::Chunk(chunk)) } = machine.receive(&mut input[at..]) {
        at += consumed;
        match room.checked_sub(chunk.payload.len()) {
            Some(left) => room = left,
            None => machine.fail(ProtocolError::MessageTooBig),
        }
    }
    assert_eq!(transmit(&mut machine), plain(0x88, &1009u16.to_be_bytes()));
    assert!(machine.should_close_tcp());
}
