//! Our parsers beside those of others, on the same random input.

use goldcrest_core::ws::Role;
use goldcrest_oracles::{
    channel_name, chunked, event_stream, handshake, json, request_head, response_head, token, url, websocket,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

/// Sizes that input is cut by.
fn cuts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![1]), prop::collection::vec(1u8..20, 1..6), prop::collection::vec(any::<u8>(), 1..4)]
}

/// Replaces some bytes of well-formed input.
fn spoilt(good: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let defects = prop_oneof![
        3 => Just(vec![]),
        1 => prop::collection::vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..3),
    ];
    (good, defects).prop_map(|(mut bytes, defects)| {
        for (at, byte, insert) in defects {
            match at.index(bytes.len() + 1) {
                at if at == bytes.len() || insert => bytes.insert(at, byte),
                at => bytes[at] = byte,
            }
        }
        bytes
    })
}

fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>, wide: u8) -> Vec<u8> {
    let bit = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match (payload.len(), wide) {
        (len @ 0..=125, 1..) => bytes.push(bit | len as u8),
        (len @ 0..=0xffff, _) if len > 125 || wide == 0 => {
            bytes.push(bit | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        (len, _) => {
            bytes.push(bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    let mask = key.unwrap_or_default();
    if key.is_some() {
        bytes.extend(mask);
    }
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

/// Messages in fragments, with control frames between and behind them.
fn conversation(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        8 => "[a-z\u{e4}\u{20ac}\u{1f426}]{0,12}".prop_map(String::into_bytes),
        1 => "[a-z]{120,140}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    let message = (text, 1u8..=2, prop::collection::vec(any::<Index>(), 0..3));
    let control = prop_oneof![
        6 => (select(vec![0x89u8, 0x8a]), prop::collection::vec(any::<u8>(), 0..20)),
        1 => (select(vec![0x89u8, 0x8a]), prop::collection::vec(any::<u8>(), 120..130)),
        1 => (Just(0x88u8), (select(vec![999u16, 1000, 1001, 1004, 1005, 1007, 1014, 1015, 2999, 3000, 4999, 5000]), "[a-z\u{e4}]{0,5}")
            .prop_map(|(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat())),
        1 => (Just(0x88u8), prop::collection::vec(any::<u8>(), 0..4)),
    ];
    let unit = (message, prop::option::weighted(0.3, control), any::<[u8; 4]>(), 0u8..200, 0u8..200);
    prop::collection::vec(unit, 1..5).prop_map(move |units| {
        let mut bytes = Vec::new();
        for ((payload, kind, cuts), control, key, wide, lax) in units {
            // Now and then a side masks that should not, or does not that should.
            let masked = (role == Role::Client) != (lax == 0);
            let key = masked.then_some(key);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
            cuts.sort_unstable();
            let (mut from, mut opcode) = (0, kind);
            for to in cuts {
                bytes.extend(frame(opcode, &payload[from..to], key, wide));
                (from, opcode) = (to, 0);
                if let Some((first, payload)) = &control {
                    bytes.extend(frame(*first, payload, key, wide));
                }
            }
            bytes.extend(frame(0x80 | opcode, &payload[from..], key, wide));
            if let Some((first, payload)) = &control {
                bytes.extend(frame(*first, payload, key, wide));
            }
        }
        bytes
    })
}

/// Streams of the bytes that parsers get wrong.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => select(vec![&b"data"[..], b"event", b"id", b"retry"]),
        6 => select(vec![&b":"[..], b": ", b"\n", b"\r", b"\r\n", b"\n\n"]),
        3 => select(vec![&b"x"[..], b" ", b"\0", b"12", b"\xEF\xBB\xBF", b"\xC3", b"\xA9", b"\xF0\x9F", b"y: z"]),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn head() -> impl Strategy<Value = Vec<u8>> {
    let method = select(vec!["GET", "POST", "HEAD", "OPTIONS", "CONNECT", "BREW", "get"]);
    let target = prop_oneof![
        select(vec!["/", "*", "/events/a?after=oldest&x=%2f", "http://a/b?c", "a:80", "//a", "/%zz", "/\u{e4}"])
            .prop_map(str::to_owned),
        "/[ -~]{0,12}",
    ];
    let version = select(vec!["HTTP/1.1", "HTTP/1.0", "HTTP/1.3", "HTTP/2.0", "http/1.1", "HTTP/1.1 "]);
    let field = prop_oneof![
        3 => select(vec![
            "Host: a", "Host: a:80", "Host:", "Content-Length: 5", "Content-Length: 5, 5", "Content-Length: +5",
            "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Connection: close, Upgrade",
            "Accept: text/event-stream;q=0.5, */*", "Expect: 100-continue", "Prefer: wait=5", "Upgrade: websocket",
            "X : y", " folded", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]).prop_map(str::to_owned),
        1 => "[!-~]{1,8}: {0,2}[ -~\t\u{e4}]{0,10}",
    ];
    let fields = prop::collection::vec(field, 0..5);
    let end = select(vec!["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"]);
    (method, target, version, fields, end, any::<bool>()).prop_map(|(method, target, version, fields, end, host)| {
        let mut head = format!("{method} {target} {version}{end}");
        if host {
            head += "Host: a.example\r\n";
        }
        for field in fields {
            head += &field;
            head += end;
        }
        (head + end + "5\r\nhello\r\n0\r\n\r\n").into_bytes()
    })
}

fn chunks() -> impl Strategy<Value = Vec<u8>> {
    let chunk =
        (prop::collection::vec(any::<u8>(), 1..20), 0usize..5, select(vec!["", "", ";a", ";a=b", ";a=\"b;\\\"\""]));
    let trailer = select(vec!["", "", "X: y\r\n"]);
    (prop::collection::vec(chunk, 0..4), trailer).prop_map(|(chunks, trailer)| {
        let mut bytes = Vec::new();
        for (content, zeros, extension) in chunks {
            bytes.extend(format!("{}{:x}{extension}\r\n", "0".repeat(zeros), content.len()).into_bytes());
            bytes.extend(content);
            bytes.extend(b"\r\n");
        }
        bytes.extend(format!("0\r\n{trailer}\r\n").into_bytes());
        bytes
    })
}

fn object() -> impl Strategy<Value = Vec<u8>> {
    let string = prop_oneof![
        "[a-z\u{e4}\u{1f426}]{0,6}".prop_map(|text| format!("\"{text}\"")),
        r#"(\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\ud83d\\udc26|\\ud83d|\\udc26|[ -!]){0,4}"#
            .prop_map(|text| format!("\"{text}\"")),
    ];
    let value = prop_oneof![
        4 => string.clone(),
        2 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?",
        1 => select(vec!["true", "false", "null", "[]", "{}", "[1,{\"a\":[\"]\"]}]", "01", "+1", "nul", "1.", ".5", "1e"])
            .prop_map(str::to_owned),
    ];
    let blank = select(vec!["", "", "", " ", "\t\n", "\r "]);
    let member = (blank.clone(), string, blank.clone(), blank.clone(), value, blank)
        .prop_map(|(a, name, b, c, value, d)| format!("{a}{name}{b}:{c}{value}{d}"));
    prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")).into_bytes())
}

/// An answer's head.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let line = "HTTP/1\\.[0-9] [1-5][0-9][0-9]( [ -~]{0,9})?";
    let fields = prop::collection::vec(
        "(Content-Length: [0-9]{1,3}|Transfer-Encoding: chunked|[A-Za-z-]{1,9}:[ \t]?[ -~]{0,9})\r\n",
        0..5,
    );
    (line, fields).prop_map(|(line, fields)| format!("{line}\r\n{}\r\n", fields.concat()).into_bytes())
}

/// Mostly a URL.
/// Names and their encodings, and text that is neither.
fn channel_name_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z0-9._~-]{1,12}",
        4 => "[:/@]",
        2 => select(&["%2F", "%2f", "%3A", "%40", "%2E", "%2e", "%C3%BC", "%e6%97%A5", "%F0%9F%90%A6", "%41"][..]).prop_map(String::from),
        2 => select(&["%00", "%0A", "%7F", "%C2%85", "%E2%80%AE", "%EF%BB%BF", "%FF", "%C3", "%C0%AF", "%ED%A0%80"][..]).prop_map(String::from),
        2 => select(&["%", "%4", "%zz", "+", "%20", "%25", "%2B", "=", "&", "\\", "\"", "^", "|"][..]).prop_map(String::from),
        2 => "[\u{e4}\u{65e5}\u{1f426}\u{2027}\u{2030}\u{200b}\u{a0}\u{e000}]",
        1 => "[\u{85}\u{2028}\u{feff}\u{61c}\u{200e}\u{202a}\u{2069}\u{206a}]",
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z]{60,70}",
        1 => "\u{e4}{120,130}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn url_text() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        3 => "[a-zA-Z0-9~_.-]{1,9}",
        1 => "[0-9]{1,3}(\\.[0-9]{1,3}){0,4}",
        1 => "\\[[0-9a-f:.]{2,20}\\]",
        1 => "[!-~]{0,9}",
    ];
    ("(http|https|ws|wss|HTTP|ftp)", host, "(:[0-9]{0,5})?", reference())
        .prop_map(|(scheme, host, port, rest)| format!("{scheme}://{host}{port}{rest}"))
}

/// References from one URL to another.
fn reference() -> impl Strategy<Value = String> {
    "(https?:|//[a-z]{1,3})?(/?(\\.|\\.\\.|[a-z%;:@.]{0,3}))(/(\\.|\\.\\.|[a-z%.;=]{0,3})){0,4}(\\?[a-z&=/.?%@]{0,6})?(#[a-z/?.]{0,3})?|[!-~]{0,6}"
}

proptest! {
    #[test]
    fn a_server_receives_the_same_as_tungstenite(bytes in spoilt(conversation(Role::Client)), cuts in cuts()) {
        websocket::receives_the_same_as_tungstenite(Role::Client, &bytes, &cuts);
    }

    #[test]
    fn a_client_receives_the_same_as_tungstenite(bytes in spoilt(conversation(Role::Server)), cuts in cuts()) {
        websocket::receives_the_same_as_tungstenite(Role::Server, &bytes, &cuts);
    }

    #[test]
    fn an_event_stream_parses_the_same_as_eventsource_stream(bytes in stream(), cuts in cuts()) {
        event_stream::parses_the_same_as_eventsource_stream(&bytes, &cuts);
    }

    #[test]
    fn a_request_head_parses_the_same_as_httparse(bytes in spoilt(head()), cuts in cuts()) {
        request_head::parses_the_same_as_httparse(&bytes, &cuts);
    }

    #[test]
    fn a_response_head_parses_the_same_as_httparse(bytes in spoilt(answer())) {
        response_head::parses_the_same_as_httparse(&bytes);
    }

    #[test]
    fn a_channel_name_decodes_the_same_as_by_the_percent_encoding_crate(text in channel_name_text()) {
        channel_name::decodes_the_same_as_the_percent_encoding_crate(&text);
    }

    #[test]
    fn a_permitted_channel_name_survives_a_url(text in channel_name_text()) {
        channel_name::a_permitted_name_survives_a_url(&text);
    }

    #[test]
    fn a_url_parses_the_same_as_the_url_crate(text in url_text()) {
        url::parses_the_same_as_the_url_crate(&text);
    }

    #[test]
    fn references_resolve_as_in_the_url_crate(base in url_text(), reference in reference(), memory in 20usize..200) {
        url::resolves_as_the_url_crate_does(&base, &reference, memory);
    }

    #[test]
    fn chunked_content_decodes_as_httparse_sizes_it(bytes in spoilt(chunks()), cuts in cuts()) {
        chunked::decodes_by_httparse_chunk_sizes(&bytes, &cuts);
    }

    #[test]
    fn chunked_content_round_trips(
        content in prop::collection::vec(any::<u8>(), 0..300),
        rooms in prop::collection::vec(1u8..80, 1..6),
        cuts in cuts(),
    ) {
        chunked::round_trips(&content, &rooms, &cuts);
    }

    #[test]
    fn a_json_object_parses_the_same_as_serde_json(bytes in spoilt(object())) {
        json::parses_the_same_as_serde_json(&bytes);
    }

    #[test]
    fn a_handshake_is_accepted_as_by_tungstenite(
        target in "/[!-~]{0,8}",
        protocols in prop::collection::vec("[a-c]{1,2}", 0..4),
        spoken in prop::collection::vec("[a-c]{1,2}", 0..4),
        nonce: [u8; 16],
    ) {
        let [protocols, spoken] = [&protocols, &spoken].map(|names| names.iter().map(String::as_str).collect());
        let origin = Some("http://a");
        let asked = handshake::Asked { host: "a", target: &target, origin, protocols, spoken, nonce };
        handshake::is_accepted_as_by_tungstenite(&asked);
    }

    #[test]
    fn only_a_valid_upgrade_request_is_accepted(bytes in spoilt(head()), nonce: [u8; 16]) {
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        handshake::accepts_only_valid_upgrade_requests(&bytes[..end], nonce);
    }
}

/// Claims that are mostly right: each one is present, absent, or of another type.
fn token_claims() -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let time = move |good: i64| {
        let near = (now as i64 + good) as u64;
        prop_oneof![
            6 => Just(Some(json!(near))),
            2 => select(vec![-100_000, -40, 40, 100_000]).prop_map(move |off| Some(json!(now as i64 + off))),
            1 => Just(Some(json!(near as f64 + 0.5))),
            1 => Just(None),
            1 => select(vec![json!(near.to_string()), json!(null), json!([near]), json!(true), json!(-1), json!(1e300)])
                .prop_map(Some),
        ]
    };
    let text = |good: serde_json::Value| {
        prop_oneof![
            8 => Just(Some(good)),
            1 => Just(None),
            2 => select(vec![json!("other"), json!(7), json!(null), json!(["hub"]), json!(["x", 7]), json!({})])
                .prop_map(Some),
        ]
    };
    let claims =
        (time(1000), time(-1000), text(json!("https://a.example")), text(json!(["x", "hub"])), text(json!("ada")));
    claims.prop_map(|(exp, nbf, iss, aud, sub)| {
        let named = [("exp", exp), ("nbf", nbf), ("iss", iss), ("aud", aud), ("sub", sub)];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}

proptest! {
    #[test]
    fn tokens_are_verified_as_by_jsonwebtoken(
        signing in 0..token::KEYS,
        algorithm in any::<usize>(),
        verifying in prop_oneof![4 => Just(None), 1 => (0..token::KEYS).prop_map(Some)],
        claims in token_claims(),
        defect in prop_oneof![3 => Just(None), 1 => any::<(Index, u8)>().prop_map(Some)],
    ) {
        if let Some(text) = token::sign(signing, algorithm, &claims) {
            let mut bytes = text.into_bytes();
            if let Some((at, byte)) = defect {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let text = String::from_utf8_lossy(&bytes);
            token::is_verified_as_by_jsonwebtoken(verifying.unwrap_or(signing), &text);
        }
    }
}
