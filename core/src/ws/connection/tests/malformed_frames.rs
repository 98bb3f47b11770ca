//! Frames that break a rule (RFC 6455 §5.1, §5.2, §7.1.7).

use super::*;

#[test]
fn a_broken_rule_fails_the_connection_with_its_code() {
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
        recv!(machine, [close(code, "")]);
        assert!(machine.should_close_tcp());
    }
    let mut machine = client();
    assert_eq!(receive(&mut machine, &masked(0x81, b"x")), [Event::Failed(Masked)]);
    recv!(machine, [close(1002, "")]);
    assert!(machine.should_close_tcp(), "after a protocol error the client closes TCP at once");
}
