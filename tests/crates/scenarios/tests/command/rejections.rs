//! Rejected requests in a server's log and responses.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use crate::run::Run;

/// A server, and where it listens.
fn serve(flags: &[&str]) -> (Run, SocketAddr) {
    let mut run = Run::start(&[&["serve", "--threads", "1"], flags].concat());
    let line = run.wait_for("goldcrest serves http://");
    let authority = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let address = authority.parse().unwrap();
    (run, address)
}

/// All that the server answers to these bytes, to the end of the connection.
fn answer(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_rejected_request_is_logged_and_answered_with_the_remedy() {
    let (mut run, address) = serve(&["--listen", "127.0.0.1:0", "--max-body", "100", "--max-head", "600"]);
    let long = "x".repeat(700);
    for (request, status, remedy) in [
        (
            "GET /events/news?token=secret HTTP/1.1\r\nHost: goldcrest:8080\r\nConnection: close\r\n\r\n",
            403,
            "host \"goldcrest:8080\" is not allowed; start the server with --allow-host goldcrest",
        ),
        (
            "POST /events/news HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n",
            403,
            "start the server with --allow-origin https://app.example",
        ),
        (
            "GET /events/news HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nConnection: close\r\n\r\n",
            403,
            "(Sec-Fetch-Site: cross-site); allowed origins have to be listed by --allow-origin",
        ),
        (
            "POST /events/news HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\nConnection: close\r\n\r\n",
            413,
            "the content has more than 100 bytes; raise --max-body",
        ),
        (
            &format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
            431,
            "the request head has more than 600 bytes; raise --max-head",
        ),
    ] {
        let answer = answer(address, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let content = answer.split("\r\n\r\n").nth(1).unwrap();
        assert!(content.starts_with(&format!("{status}: ")) && content.contains(remedy), "{answer}");
        let line = run.wait_for(&format!("refused with {status}"));
        assert!(line.contains("WARN") && line.contains("from 127.0.0.1:") && line.contains(remedy), "{line}");
        assert!(!line.contains("secret"), "{line}");
        if status == 403 {
            assert!(line.contains(" /events/news from "), "{line}");
        }
    }
}

#[test]
fn an_exhausted_limit_is_logged_with_its_value() {
    let (mut run, address) = serve(&["--listen", "127.0.0.1:0", "--max-channels", "1"]);
    let publish = |channel: &str| {
        answer(
            address,
            &format!(
                "POST /events/{channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
            ),
        )
    };
    assert!(publish("one").starts_with("HTTP/1.1 202 "));
    let full = publish("two");
    assert!(full.starts_with("HTTP/1.1 503 ") && full.contains("all channels are in use"), "{full}");
    let line = run.wait_for("refused with 503");
    assert!(line.contains("WARN") && line.contains("raise --max-channels"), "{line}");

    let (mut run, address) = serve(&["--listen", "127.0.0.1:0", "--max-per-address", "1"]);
    let _first = TcpStream::connect(address).unwrap();
    let _second = TcpStream::connect(address).unwrap();
    let line = run.wait_for("its address has 1 connections");
    assert!(line.contains("WARN") && line.contains("raise --max-per-address"), "{line}");
}

#[test]
fn rejections_are_logged_at_a_limited_rate_with_a_count() {
    let (mut run, address) = serve(&["--listen", "127.0.0.1:0"]);
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /\u{1b}]0;x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert!(answer(address, request).starts_with("HTTP/1.1 400 "), "no control character comes as far as a log");
    // Until a line says that others were suppressed; each second has ten.
    let request = "GET / HTTP/1.1\r\nHost: evil\r\n\r\n";
    let mut sent = 0u64;
    let line = loop {
        for _ in 0..100 {
            stream.write_all(request.as_bytes()).unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"--allow-host evil\n") {
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
        }
        sent += 100;
        let lines = run.stderr_so_far();
        if let Some(line) = lines.iter().find(|line| line.contains("more were refused and not logged")) {
            break line.clone();
        }
        let logged = lines.iter().filter(|line| line.contains("refused with 403")).count() as u64;
        assert!(logged < sent, "{logged} lines for {sent} requests");
    };
    let suppressed: u64 = line.split('(').nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    assert!(suppressed > 0 && suppressed < sent, "{line}");
}

#[test]
fn the_ipv6_wildcard_accepts_ipv4_unless_bound_separately() {
    // A port that is free on both.
    let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let (mut run, address) = serve(&["--listen", "[::]:0", "--open"]);
    let by_ipv4 = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let by_ipv6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], address.port()));
    for address in [by_ipv4, by_ipv6] {
        let answer = answer(address, "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 404 "), "{address}: {answer}");
    }
    assert!(run.stderr_so_far().iter().any(|line| line.contains("(IPv4 as well)")));
    let (listen, all) = (format!("0.0.0.0:{port}"), format!("[::]:{port}"));
    let (mut run, _) = serve(&["--listen", &listen, "--listen", &all, "--open"]);
    run.wait_for("goldcrest serves http://[::]:");
    assert!(!run.stderr_so_far().iter().any(|line| line.contains("(IPv4 as well)")));
}

#[test]
fn localhost_and_all_addresses_are_of_both_families() {
    let request = "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (mut run, all) = serve(&["--listen", ":0", "--open"]);
    assert!(run.stderr_so_far().iter().any(|line| line.contains("http://[::]:")), "{:?}", run.stderr_so_far());
    // A port that is free on both.
    let port = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
    // Loopback needs neither tokens nor --open.
    let (_run, localhost) = serve(&["--listen", &format!("localhost:{port}")]);
    for port in [all.port(), localhost.port()] {
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            let answer = answer((ip, port).into(), request);
            assert!(answer.starts_with("HTTP/1.1 404 "), "{ip} {port}: {answer}");
        }
    }
}
