//! Bounds of a message's length (RFC 6455 §7.4.1, 1009; §10.4).

use super::*;

#[test]
fn a_message_over_the_limit_fails_at_its_frame_head() {
    let bounded = || Connection::server(ConnectionConfig { max_message: 10 });
    assert_eq!(receive(&mut bounded(), &masked(0x82, &[1; 10])), [binary(&[1; 10])]);
    let failed = Event::Failed(ProtocolError::MessageTooBig);
    let mut machine = bounded();
    assert_eq!(receive(&mut machine, &masked(0x82, &[1; 11])[..6]), core::slice::from_ref(&failed));
    recv!(machine, [close(1009, "")]);

    let fragments = [masked(0x02, &[1; 5]), masked(0x00, &[1; 5]), masked(0x80, &[1])].concat();
    let part = Event::Part { kind: MessageKind::Binary, payload: [1; 10].to_vec(), first: true, last: false };
    assert_eq!(receive(&mut bounded(), &fragments), [part, failed]);

    let each = [masked(0x82, &[1; 10]), masked(0x82, &[2; 10])].concat();
    assert_eq!(receive(&mut bounded(), &each).len(), 2, "the bound is a message's, not the connection's");
}

#[test]
fn a_message_over_the_callers_buffer_closes_with_1009() {
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
    recv!(machine, [close(1009, "")]);
    assert!(machine.should_close_tcp());
}
