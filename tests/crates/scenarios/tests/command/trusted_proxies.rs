//! Clients behind a trusted proxy: bounds by address, the lines of refusals and the access log.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::run::Run;

/// A server, and its address.
fn serve(flags: &[&str]) -> (Run, SocketAddr) {
    let fixed = ["serve", "--threads", "1", "--listen", "127.0.0.1:0", "--log", "goldcrest=info", "--access-log"];
    let mut run = Run::start(&[&fixed, flags].concat());
    let line = run.wait_for("goldcrest serves http://");
    let authority = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let address = authority.parse().unwrap();
    (run, address)
}

/// The status of a publication with these fields.
fn publish(address: SocketAddr, channel: &str, fields: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /events/{channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n{fields}\r\n\r\nx"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response[9..12].parse().unwrap()
}

#[test]
fn the_channels_of_a_proxy_count_for_its_clients() {
    let (mut run, address) = serve(&["--trusted-proxy", "127.0.0.0/8", "--max-channels-per-address", "1"]);
    let first = "X-Forwarded-For: 198.51.100.1, 192.0.2.1, 127.0.0.9";
    assert_eq!(publish(address, "one", first), 202);
    assert_eq!(publish(address, "two", "Forwarded: for=\"192.0.2.1:4711\""), 503, "the same client by either field");
    let line = run.wait_for("refused with 503");
    assert!(line.contains("POST /events/two from 192.0.2.1:4711 "), "{line}");
    assert_eq!(publish(address, "two", "X-Forwarded-For: 192.0.2.2"), 202);
    assert_eq!(publish(address, "three", "Forwarded: for=\"[2001:db8::1]\""), 202);
    assert_eq!(publish(address, "four", "Forwarded: for=\"[2001:db8::2]\""), 503, "a /64 is one address");
    assert_eq!(publish(address, "four", "Forwarded: for=unknown"), 202, "counted as the proxy");
    assert_eq!(publish(address, "five", "X-Forwarded-For: nonsense"), 503, "counted as the proxy");
    let line = run.wait_for("POST /events/five from ");
    assert!(line.contains(" from 127.0.0.1:"), "{line}");
    let line = run.wait_for("/events/five");
    assert!(line.contains("access") && line.contains("127.0.0.1:"), "{line}");
    assert_eq!(publish(address, "six", "X-Forwarded-For: 203.0.113.9"), 202);
    let line = run.wait_for("/events/six");
    assert!(line.contains("access") && line.contains("203.0.113.9:0"), "{line}");
}

#[test]
fn the_fields_of_any_other_address_are_ignored() {
    for flags in [
        &["--max-channels-per-address", "1"][..],
        &["--max-channels-per-address", "1", "--trusted-proxy", "10.0.0.0/8"],
    ] {
        let (mut run, address) = serve(flags);
        assert_eq!(publish(address, "one", "X-Forwarded-For: 192.0.2.1"), 202);
        assert_eq!(publish(address, "two", "X-Forwarded-For: 192.0.2.2"), 503, "one address with any field");
        let line = run.wait_for("refused with 503");
        assert!(line.contains(" from 127.0.0.1:") && !line.contains("192.0.2."), "{line}");
    }
}

#[test]
fn connections_of_a_trusted_proxy_are_not_counted_by_address() {
    let (_run, address) = serve(&["--trusted-proxy", "127.0.0.1", "--max-per-address", "1"]);
    let _open = [(); 4].map(|()| TcpStream::connect(address).unwrap());
    assert_eq!(publish(address, "one", "X-Forwarded-For: 192.0.2.1"), 202);
}

#[test]
fn a_text_that_is_no_network_is_a_usage_error() {
    for (value, remedy) in [
        ("proxy.example", "write it as 10.0.0.0/8 or 2001:db8::/32"),
        ("10.0.0.0/33", "a number of bits from 0 to 32"),
        ("10.0.0.1/8", "write 10.0.0.0/8"),
    ] {
        let ended = Run::start(&["serve", "-l", "127.0.0.1:0", "--trusted-proxy", value]).end();
        assert_eq!(ended.code, 2, "{value}: {ended:?}");
        assert!(ended.stderr.join("\n").contains(remedy), "{value}: {ended:?}");
    }
}
