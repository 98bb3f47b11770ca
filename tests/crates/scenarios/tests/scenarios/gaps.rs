//! Each transport reports a gap.

use goldcrest_tests::{
    Capabilities, EventStream, List, Need, PeerError, Reader, Server, Start, Transport, Width, promises, websocket,
    websocket_with,
};
use serde_json::Value;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "gaps",
        &[],
        server,
        [
            a_malformed_cursor_is_a_gap_and_no_error,
            a_cursor_of_the_future_is_a_gap,
            the_newest_id_is_no_gap,
            a_long_poll_reports_a_gap_at_once,
            a_plain_websocket_closes_with_4001,
            a_plain_websocket_with_a_known_cursor_reads_on,
        ]
    );
    promises!(
        list,
        "gaps",
        &[Need::Direct],
        server,
        [
            a_stream_that_is_not_read_accounts_for_every_event,
            an_event_stream_that_is_not_read_accounts_for_every_event,
            a_websocket_that_is_not_read_accounts_for_every_event,
        ]
    );
}

fn a_malformed_cursor_is_a_gap_and_no_error(server: &Server) {
    for transport in Transport::ALL {
        let channel = server.channel();
        channel.publish_all(["one", "two"]);
        let kept = channel.kept();
        for cursor in
            ["nonsense", "1", "-", "00000000-", "%00", "a%20b", "0000000g-1", "99999999999999999999-1", "%F0%9F%90%A6"]
        {
            let mut reader = Reader::open(&channel, transport, Start::after(cursor));
            assert_eq!(reader.gap().missed, None, "{transport:?} after {cursor}");
            assert_eq!(reader.ids(kept.len()), kept, "{transport:?} after {cursor}");
        }
    }
}

fn a_cursor_of_the_future_is_a_gap(server: &Server) {
    for transport in Transport::ALL {
        let channel = server.channel();
        let newest = channel.publish("one").id;
        let kept = channel.kept();
        let (epoch, seq) = newest.split_once('-').unwrap();
        for ahead in [format!("{epoch}-{}", seq.parse::<u64>().unwrap() + 1), format!("{epoch}-{}", u64::MAX)] {
            let mut reader = Reader::open(&channel, transport, Start::after(&ahead));
            assert_eq!(reader.gap().missed, None, "{transport:?} after {ahead}");
            assert_eq!(reader.ids(kept.len()), kept, "{transport:?} after {ahead}");
        }
    }
}

fn the_newest_id_is_no_gap(server: &Server) {
    for transport in Transport::ALL {
        let channel = server.channel();
        channel.publish("one");
        let mut reader = Reader::open(&channel, transport, Start::after(&channel.newest()));
        let id = channel.publish("two").id;
        assert_eq!(reader.ids(1), [id], "{transport:?}");
    }
}

fn a_long_poll_reports_a_gap_at_once(server: &Server) {
    let channel = server.channel();
    let answer = server.ask("GET", &channel.target("after=lost"), &["Prefer: wait=60"], b"").json();
    assert!(answer["gap"].is_object(), "{answer}");
}

fn closes_with_gap(server: &Server, target: &str) {
    let mut socket = websocket(server, target, "", &[]).unwrap();
    match socket.read().unwrap() {
        Message::Close(Some(close)) => {
            assert_eq!((close.code, close.reason.as_str()), (CloseCode::Library(4001), "gap"));
        }
        other => panic!("{other:?} where a Close should be"),
    }
    // The answer to the Close goes out, then the connection ends in order.
    let end = socket.read();
    assert!(matches!(end, Err(tungstenite::Error::ConnectionClosed)), "{end:?} behind a Close");
}

fn a_plain_websocket_closes_with_4001(server: &Server) {
    let channel = server.channel();
    let newest = channel.publish("one").id;
    closes_with_gap(server, &channel.target("after=nonsense"));
    let (epoch, seq) = newest.split_once('-').unwrap();
    let foreign = format!("{:08x}-{seq}", u32::from_str_radix(epoch, 16).unwrap() ^ 1);
    closes_with_gap(server, &channel.target(&format!("after={foreign}")));
}

fn a_plain_websocket_with_a_known_cursor_reads_on(server: &Server) {
    let channel = server.channel();
    let cursor = channel.publish("one").id;
    channel.publish("two");
    let mut socket = websocket(server, &channel.target(&format!("after={cursor}")), "", &[]).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("two"));
}

/// The items of a slow reader: ids of events, and the number of missed events of each gap.
#[derive(Default)]
struct Account {
    last: u64,
    delivered: u64,
    missed: u64,
}

impl Account {
    fn event(&mut self, id: &str) {
        let seq: u64 = id.split_once('-').unwrap().1.parse().unwrap();
        assert_eq!(seq, self.last + 1, "an event was passed over, or came twice");
        self.last = seq;
        self.delivered += 1;
    }

    fn gap(&mut self, missed: &Value, after: &str) {
        let missed = missed["missed"].as_u64().expect("a live reader's gap has a number");
        self.missed += missed;
        self.last += missed;
        assert_eq!(after.split_once('-').unwrap().1, self.last.to_string());
    }
}

/// Publishes far more than a channel keeps and than the kernel holds for a reader that does not read; the last is small.
fn flood(channel: &goldcrest_tests::Channel<'_>) -> u64 {
    let mut filler = "a slow reader must not delay others. ".repeat(350);
    filler.truncate(Capabilities::from_env().largest_event());
    for _ in 0..1000 {
        channel.publish(&filler);
    }
    channel.publish("last").id.split_once('-').unwrap().1.parse().unwrap()
}

fn settle(account: &Account, published: u64, aborted: bool) {
    assert!(aborted || account.last == published);
    assert_eq!(account.delivered + account.missed, account.last);
    assert!(aborted || account.missed > 0, "the reader never fell behind: {} events came", account.delivered);
}

/// Reads on after the connection was broken in the middle of an event: the resume reports the gap.
fn resume(
    channel: &goldcrest_tests::Channel<'_>,
    transport: Transport,
    account: &Account,
    epoch: &str,
    published: u64,
) {
    let cursor = format!("{epoch}-{}", account.last);
    let mut reader = Reader::open(channel, transport, Start::after(&cursor));
    let missed = reader.gap().missed.expect("a known number");
    let rest = published - account.last - missed;
    let ids = reader.ids(rest as usize);
    assert_eq!(ids.last().unwrap(), &format!("{epoch}-{published}"));
}

fn slow(server: &Server, transport: Transport, take: impl Fn(&mut Account, &[u8], &mut Vec<u8>, &mut EventStream)) {
    let channel = server.channel();
    let epoch = channel.newest().split_once('-').unwrap().0.to_owned();
    let mut peer = server.connect_with(Width::Narrow);
    let fields: Vec<&str> = transport.field().into_iter().collect();
    peer.send(&server.request("GET", &channel.target("after=newest"), &fields, b"")).unwrap();
    let head = peer.head().unwrap();
    let mut framing = head.framing("GET").unwrap();
    let mut account =
        Account { last: channel.newest().split_once('-').unwrap().1.parse().unwrap(), ..Account::default() };
    let begun = account.last;
    let published = flood(&channel);
    let (mut unread, mut parser) = (Vec::new(), EventStream::default());
    let mut aborted = false;
    account.delivered = begun;
    while account.last < published {
        match peer.piece(&mut framing) {
            Ok(Some(piece)) => take(&mut account, &piece, &mut unread, &mut parser),
            // Part of an event was on the wire when it was overwritten: then the connection breaks, without an end.
            Err(PeerError::Closed | PeerError::Reset) => {
                aborted = true;
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    settle(&account, published, aborted);
    if aborted {
        resume(&channel, transport, &account, &epoch, published);
    }
}

fn a_stream_that_is_not_read_accounts_for_every_event(server: &Server) {
    slow(server, Transport::Stream, |account, piece, unread, _| {
        unread.extend_from_slice(piece);
        while let Some(end) = unread.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            let json: Value = serde_json::from_slice(&line).expect("a whole line of JSON");
            match (json.get("gap"), json["id"].as_str()) {
                (Some(gap), _) => account.gap(gap, json["after"].as_str().unwrap()),
                (None, Some(id)) => account.event(id),
                (None, None) => assert!(json["after"].is_string(), "{json}"),
            }
        }
    });
}

fn an_event_stream_that_is_not_read_accounts_for_every_event(server: &Server) {
    slow(server, Transport::Sse, |account, piece, _, parser| {
        for event in parser.take(piece) {
            match event.event_type.as_str() {
                "gap" => account.gap(&serde_json::from_str(&event.data).unwrap(), &event.id),
                _ => account.event(&event.id),
            }
        }
    });
}

fn a_websocket_that_is_not_read_accounts_for_every_event(server: &Server) {
    let channel = server.channel();
    let newest = channel.newest();
    let (epoch, seq) = newest.split_once('-').unwrap();
    let target = channel.target("after=newest");
    let mut socket = websocket_with(Width::Narrow, server, &target, "goldcrest.v1", &[]).unwrap();
    let last = seq.parse().unwrap();
    let mut account = Account { last, delivered: last, missed: 0 };
    let published = flood(&channel);
    let mut aborted = false;
    while account.last < published {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let json: Value = serde_json::from_str(text.as_str()).unwrap();
                match json.get("gap") {
                    Some(gap) => account.gap(gap, json["after"].as_str().unwrap()),
                    None => account.event(json["id"].as_str().unwrap()),
                }
            }
            Ok(Message::Ping(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(tungstenite::Error::Protocol(_) | tungstenite::Error::Io(_)) => {
                aborted = true;
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    settle(&account, published, aborted);
    if aborted {
        resume(&channel, Transport::WebSocket, &account, epoch, published);
    }
}
