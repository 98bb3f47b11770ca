//! Every limit has its clear answer.

use goldcrest_tests::{
    Answer, EventStream, List, Need, Peer, PeerError, Published, Reader, Server, Start, Transport, UPGRADE, promises,
};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "limits",
        &[],
        server,
        [
            a_target_that_is_too_long,
            too_many_fields,
            an_event_that_is_too_large_is_refused_and_not_stored,
            content_that_says_it_is_too_large_is_not_waited_for,
            chunks_that_become_too_large_are_refused,
            a_websocket_message_that_is_too_large_closes_with_1009,
        ]
    );
    promises!(
        list,
        "limits",
        &[Need::OwnHttp],
        server,
        [a_field_that_is_too_long, content_of_an_enormous_length_is_not_waited_for]
    );
    promises!(
        list,
        "limits",
        &[Need::OwnServer],
        server,
        [
            a_channel_above_the_limit_is_503_with_retry_after,
            a_connection_above_the_limit_is_503_with_retry_after,
            a_connection_above_the_address_limit_is_503_with_retry_after,
        ]
    );
}

/// Sends with one hand and reads with the other, since a refusal may come before all is sent.
fn refused(server: &Server, bytes: &[u8]) -> Answer {
    let mut peer = server.connect();
    let mut sending = peer.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The server does not read the rest of a rejected request.
            let _ = std::io::Write::write_all(&mut sending, bytes);
        });
        let answer = peer.answer("GET").unwrap();
        assert!(answer.head.lists("connection", "close"), "{:?}", answer.head);
        let _ = peer.stream().shutdown(std::net::Shutdown::Both);
        answer
    })
}

fn a_target_that_is_too_long(server: &Server) {
    let request = server.request("GET", &format!("/{}", "a".repeat(200_000)), &[], b"");
    assert_eq!(refused(server, &request).status(), 414);
}

fn a_field_that_is_too_long(server: &Server) {
    let field = format!("X-Long: {}", "a".repeat(200_000));
    assert_eq!(refused(server, &server.request("GET", "/", &[&field], b"")).status(), 431);
}

fn too_many_fields(server: &Server) {
    let fields = vec!["X: 1"; 1000];
    assert_eq!(refused(server, &server.request("GET", "/", &fields, b"")).status(), 431);
}

const TOO_LARGE: usize = 32 << 20;

fn an_event_that_is_too_large_is_refused_and_not_stored(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("before").id;
    let request = server.request("POST", &channel.target(""), &["Content-Type: text/plain"], &vec![b'a'; TOO_LARGE]);
    assert_eq!(refused(server, &request).status(), 413);
    assert_eq!(channel.newest(), before);
}

fn content_that_says_it_is_too_large_is_not_waited_for(server: &Server) {
    is_too_large(server, &TOO_LARGE.to_string());
}

fn content_of_an_enormous_length_is_not_waited_for(server: &Server) {
    for length in [u64::MAX.to_string(), "99999999999999999999999".to_owned()] {
        is_too_large(server, &length);
    }
}

fn is_too_large(server: &Server, length: &str) {
    let channel = server.channel();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n",
        channel.target(""),
        server.authority()
    );
    let mut peer = server.connect();
    peer.send(head.as_bytes()).unwrap();
    assert_eq!(peer.head().unwrap().status, 413, "{length}");
}

fn chunks_that_become_too_large_are_refused(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("before").id;
    let mut bytes = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
        channel.target(""),
        server.authority()
    )
    .into_bytes();
    for _ in 0..TOO_LARGE / 0x10000 {
        bytes.extend_from_slice(b"10000\r\n");
        bytes.extend_from_slice(&[b'a'; 0x10000]);
        bytes.extend_from_slice(b"\r\n");
    }
    assert_eq!(refused(server, &bytes).status(), 413);
    assert_eq!(channel.newest(), before);
}

fn a_websocket_message_that_is_too_large_closes_with_1009(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("before").id;
    let mut peer = server.connect();
    peer.send(&server.request("GET", &channel.target(""), &UPGRADE, b"")).unwrap();
    assert_eq!(peer.head().unwrap().status, 101);
    // A text frame of 2^40 bytes, masked: its length alone is too much.
    peer.send(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let close = peer.exactly(4).unwrap();
    assert_eq!(close[0], 0x88, "a Close");
    assert_eq!(u16::from_be_bytes([close[2], close[3]]), 1009);
    assert_eq!(channel.newest(), before);
}

/// A client above a limit gets a status and `Retry-After`. An event stream gets 200 with `retry:`, since an `EventSource`
/// does not reconnect after any other status.
fn is_told_to_come_back(server: &Server, mut connect: impl FnMut() -> Peer, target: &str) {
    let mut peer = connect();
    peer.send(&server.request("GET", target, &["Prefer: wait=1"], b"")).unwrap();
    let answer = peer.answer("GET").unwrap();
    assert_eq!(answer.status(), 503);
    let seconds: u64 = answer.head.field("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(seconds > 0);

    let mut peer = connect();
    peer.send(&server.request("GET", target, &["Accept: text/event-stream"], b"")).unwrap();
    let answer = peer.answer("GET").unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head.field("content-type"), Some("text/event-stream;charset=UTF-8"));
    let mut parser = EventStream::default();
    assert_eq!(parser.take(&answer.content), []);
    assert!(parser.retry.is_some_and(|milliseconds| milliseconds >= 1000), "{}", answer.content.escape_ascii());
}

fn a_channel_above_the_limit_is_503_with_retry_after(_: &Server) {
    let server = Server::start(&["--max-channels-per-address", "1024"]);
    let mut peer = server.connect();
    for number in 0..1024 {
        let target = format!("/events/channel-{number}");
        peer.send(&server.request("POST", &target, &["Content-Type: text/plain"], b"x")).unwrap();
        Published::of(&peer.answer("POST").unwrap());
    }
    peer.send(&server.request("POST", "/events/one-more", &["Content-Type: text/plain"], b"x")).unwrap();
    let answer = peer.answer("POST").unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.head.field("retry-after").is_some());
    is_told_to_come_back(&server, || server.connect(), "/events/one-more");
    // Those that are there go on.
    let channel = server.channel_named("channel-7");
    assert_eq!(Reader::open(&channel, Transport::Poll, Start::default()).ids(1), channel.kept());
}

fn a_connection_above_the_limit_is_503_with_retry_after(_: &Server) {
    the_fifth_is_told_to_come_back(&["--max-connections", "4", "--threads", "1"]);
    the_fifth_is_told_to_come_back(&["--max-connections", "4", "--threads", "4"]);
}

fn a_connection_above_the_address_limit_is_503_with_retry_after(_: &Server) {
    the_fifth_is_told_to_come_back(&["--max-per-address", "4"]);
}

fn the_fifth_is_told_to_come_back(flags: &[&str]) {
    let server = Server::start(flags);
    let channel = server.channel_named("full");
    let mut held: Vec<Reader<'_>> = (0..4).map(|_| Reader::open(&channel, Transport::Sse, Start::default())).collect();
    is_told_to_come_back(&server, || server.connect(), "/events/full");
    // A place that is left is a place for the next: at the latest once its end was noticed.
    held.pop();
    let deadline = std::time::Instant::now() + goldcrest_tests::patience();
    loop {
        let mut peer = server.connect();
        match peer
            .send(&server.request("POST", "/events/full", &["Content-Type: text/plain"], b"x"))
            .and_then(|()| peer.answer("POST"))
        {
            Ok(answer) if answer.status() == 201 => break,
            Ok(answer) => assert_eq!(answer.status(), 503),
            Err(PeerError::Reset | PeerError::Closed) => {}
            Err(trouble) => panic!("{trouble:?}"),
        }
        assert!(std::time::Instant::now() < deadline, "the place stays taken");
    }
    for reader in &mut held {
        reader.event();
    }
}
