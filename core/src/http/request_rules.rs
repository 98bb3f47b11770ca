//! Raw requests and their results, fed whole and in steps.

use super::{BodyDecoder, BodyLength, HeadReader, MAX_FIELDS, Method, Request, RequestError, Version};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// The result of one connection: the accepted requests, as `METHOD path content`, and the state after them.
#[derive(Debug, PartialEq)]
struct Seen {
    served: Vec<String>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The connection is open, between requests.
    Open,
    /// A request is incomplete.
    Waits,
    /// The last request asked to close the connection.
    Closed,
    /// A request was rejected with this error.
    Refused(RequestError),
}
use End::{Closed, Open, Refused, Waits};

/// The server side of a connection, fed `step` bytes at a time.
fn serve(wire: &[u8], step: usize) -> Seen {
    let mut served = Vec::new();
    let end = serve_into(&mut served, wire, step).unwrap_or_else(Refused);
    Seen { served, end }
}

fn serve_into(served: &mut Vec<String>, wire: &[u8], step: usize) -> Result<End, RequestError> {
    let mut at = 0;
    loop {
        let (mut buffer, mut reader) = (vec![0; 8192], HeadReader::new());
        let length = loop {
            let taken = reader.take(&mut buffer, &wire[at..wire.len().min(at + step)])?;
            at += taken.consumed;
            if let Some(length) = taken.complete {
                break length;
            }
            if at == wire.len() {
                return Ok(if reader.is_idle() { Open } else { Waits });
            }
        };
        let request = Request::parse(buffer, length, MAX_FIELDS).map_err(|(refusal, _)| refusal)?;
        let (mut body, mut content) = (BodyDecoder::new(request.body_length(), 4096)?, Vec::new());
        while !body.is_done() {
            if at == wire.len() {
                return Ok(Waits);
            }
            let piece = &wire[at..wire.len().min(at + step)];
            let decoded = body.decode(piece)?;
            content.extend_from_slice(&piece[decoded.data]);
            at += decoded.consumed;
        }
        let content = content.escape_ascii();
        served.push(String::from(format!("{} {} {content}", request.method().as_str(), request.path()).trim_end()));
        if !request.keep_alive() {
            return Ok(Closed);
        }
    }
}

fn check(cases: &[(&str, &[&str], End)]) {
    for (wire, served, end) in cases {
        // The rows are Latin-1, so that they can contain bytes that are not UTF-8.
        let bytes: Vec<u8> = wire.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
        let expected = Seen { served: served.iter().map(|&text| text.into()).collect(), end: *end };
        for step in [usize::MAX / 2, 1, 2, 3, 7] {
            assert_eq!(serve(&bytes, step), expected, "{} in steps of {step}", bytes.escape_ascii());
        }
    }
}

/// A complete GET request with `Host` and these fields.
fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn requests_are_accepted_in_order_until_connection_close() {
    check(&[
        ("", &[], Open),
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /a"], Open),
        ("GET / HTTP/1.1\r\nhOsT:\t a:80 \t\r\n\r\n", &["GET /"], Open),
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /a", "HEAD /b"], Open),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\nGET /c",
            &["PUT /a abc", "GET /b"],
            Closed,
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", &["GET /"], Closed),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", &["GET /"], Open),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", &["GET /"], Open),
        ("GET / HTTP/1.0\r\n\r\n", &["GET /"], Closed),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &["GET /"], Open),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", &["GET /"], Closed),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", &["GET /"], Open),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", &["BREW /"], Open),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &["OPTIONS *"], Open),
        ("GET http://b:80/c?d HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /c"], Open),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", &["CONNECT"], Open),
        ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &["GET /"], Open),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", &["GET /"], Open),
        ("GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: caf\u{e9}\t\u{80}\r\nEmpty:\r\n\r\n", &["GET /"], Open),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", &["GET /"], Open),
    ]);
}

#[test]
fn incomplete_requests_wait_for_more_input() {
    let whole = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for end in 1..whole.len() {
        check(&[(&whole[..end], &[], Waits)]);
    }
    check(&[(whole, &["PUT / abc"], Open), ("PUT / HTTP/1.0\r\nContent-Length: 2\r\n\r\na", &[], Waits)]);
}

#[test]
fn the_request_line_has_three_words_and_single_spaces() {
    let line = Refused(RequestError::RequestLine);
    check(&[
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", &[], line),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET /\r\nHost: a\r\n\r\n", &[], line),
        ("GET\r\n\r\n", &[], line),
        ("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET: / HTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET / HTTP/11\r\nHost: a\r\n\r\n", &[], line),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", &[], line),
        ("GET / HTTP/+1.1\r\nHost: a\r\n\r\n", &[], line),
        ("GET / HTTPS/1.1\r\nHost: a\r\n\r\n", &[], line),
        ("\r\n\r\n\r\n\r\n\r\nGET", &[], Refused(RequestError::EmptyLines)),
        ("\u{16}\u{3}\u{1}", &[], Refused(RequestError::NotHttp)),
        ("G\u{1}T / HTTP/1.1\r\n", &[], Refused(RequestError::Control)),
        ("GET /\0 HTTP/1.1\r\n", &[], Refused(RequestError::Control)),
        ("GET / HTTP/1.1\nHost: a\n\n", &[], Refused(RequestError::LineEnd)),
    ]);
}

#[test]
fn other_versions_and_the_http_2_preface_are_505() {
    check(&[
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[], Refused(RequestError::Version)),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", &[], Refused(RequestError::Version)),
        ("GET / HTTP/0.9\r\n\r\n", &[], Refused(RequestError::Version)),
    ]);
}

#[test]
fn the_target_form_matches_the_method() {
    let target = Refused(RequestError::Target);
    check(&[
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", &[], target),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", &[], target),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", &[], target),
        ("GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", &[], target),
        ("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", &[], target),
        ("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", &[], target),
    ]);
}

#[test]
fn host_is_required_once_and_valid() {
    let host = Refused(RequestError::Host);
    check(&[
        ("GET / HTTP/1.1\r\n\r\n", &[], host),
        ("GET http://a/ HTTP/1.1\r\n\r\n", &[], host),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", &[], host),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", &[], host),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", &[], host),
        ("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", &[], host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", &[], host),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[], host),
    ]);
}

#[test]
fn field_lines_follow_their_grammar() {
    let field = Refused(RequestError::FieldLine);
    check(&[
        (&get("X : y\r\n"), &[], field),
        (&get("X\t: y\r\n"), &[], field),
        (&get("X Y: z\r\n"), &[], field),
        (&get(": y\r\n"), &[], field),
        (&get("X\r\n"), &[], field),
        (&get("X\"Y: z\r\n"), &[], field),
        (&get("X\u{e9}: z\r\n"), &[], field),
        (&get("X: y\r\n z\r\n"), &[], field),
        (&get("Transfer-Encoding:\r\n\tchunked\r\n"), &[], field),
        ("GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n", &[], field),
        (&get("X: a\u{7f}b\r\n"), &[], Refused(RequestError::Control)),
        (&get("X: a\0b\r\n"), &[], Refused(RequestError::Control)),
        (&get("X: a\rb\r\n"), &[], Refused(RequestError::LineEnd)),
        (&get("X: a\nY: b\r\n"), &[], Refused(RequestError::LineEnd)),
        (&get("\rX: a\r\n"), &[], Refused(RequestError::LineEnd)),
    ]);
}

#[test]
fn ambiguous_lengths_are_rejected() {
    let length = Refused(RequestError::ContentLength);
    for bad in ["", "abc", "+5", "-5", "5 5", "5,", "5, 5", "5,6", "0x5", "5.0", "\"5\"", "\u{b2}"] {
        check(&[(&get(&format!("Content-Length: {bad}\r\n")), &[], length)]);
    }
    let coding = Refused(RequestError::TransferEncoding);
    for bad in ["", ",", "chunked,", ",chunked", "chunked, chunked", "chunked, gzip", "chunked;q=1", "gzip,,chunked"] {
        check(&[(&get(&format!("Transfer-Encoding: {bad}\r\n")), &[], coding)]);
    }
    for unknown in ["gzip", "identity", "xchunked", "gzip, chunked", "\u{b}chunked", "\"chunked\"", "chunked\u{a0}"] {
        let refused =
            Refused(if unknown.starts_with('\u{b}') { RequestError::Control } else { RequestError::TransferCoding });
        check(&[(&get(&format!("Transfer-Encoding: {unknown}\r\n")), &[], refused)]);
    }
    let served: &[&str] = &["GET / hello"];
    check(&[
        (&(get("Content-Length: 5\r\nContent-Length: 5\r\n") + "hello"), &[], length),
        (&(get("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello!"), &[], length),
        (&get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), &[], coding),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", &[], coding),
        (&get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), &[], Refused(RequestError::AmbiguousLength)),
        (&get("Content-Length: 18446744073709551616\r\n"), &[], Refused(RequestError::ContentTooLarge)),
        (&get("Content-Length: 18446744073709551615\r\n"), &[], Refused(RequestError::ContentTooLarge)),
        (&get("Content-Length: 4097\r\n"), &[], Refused(RequestError::ContentTooLarge)),
        (&(get("Content-Length: 0005\r\n") + "hello"), served, Open),
        (&get("Content-Length: 0\r\n"), &["GET /"], Open),
        (&(get("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n") + "hello"), served, Open),
        (
            &(get("Transfer-Encoding: Chunked\r\n") + "5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\nContent-Length: 9\r\n\r\n"),
            served,
            Open,
        ),
    ]);
}

#[test]
fn chunks_follow_their_grammar() {
    let chunked = |chunks: &str| get("Transfer-Encoding: chunked\r\n") + chunks;
    check(&[
        (&chunked("0x5\r\nhello\r\n0\r\n\r\n"), &[], Refused(RequestError::ChunkSize)),
        (&chunked("5 \r\nhello\r\n0\r\n\r\n"), &[], Refused(RequestError::ChunkSize)),
        (&chunked("5\nhello\r\n0\r\n\r\n"), &[], Refused(RequestError::ChunkSize)),
        (&chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), &[], Refused(RequestError::ChunkSize)),
        (&chunked("FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), &[], Refused(RequestError::ContentTooLarge)),
        (&chunked("5\r\nhello\n0\r\n\r\n"), &[], Refused(RequestError::ChunkEnd)),
        (&chunked("5\r\nhello\r0\r\n\r\n"), &[], Refused(RequestError::ChunkEnd)),
        (&chunked("5\r\nhello\r\n0\r\nbad trailer\r\n\r\n"), &[], Refused(RequestError::Trailer)),
        (&chunked("5\r\nhello\r\n0\n\n"), &[], Refused(RequestError::ChunkSize)),
        (
            &chunked(&("1;aaaaaaaaaaaaaaa\r\nx\r\n".repeat(300) + "0\r\n\r\n")),
            &[],
            Refused(RequestError::ChunkExtension),
        ),
    ]);
}

#[test]
fn heads_are_bounded_in_bytes_and_fields() {
    let fields = |count| get(&"X: y\r\n".repeat(count));
    check(&[
        (&fields(MAX_FIELDS - 1), &["GET /"], Open),
        (&fields(MAX_FIELDS), &[], Refused(RequestError::TooManyFields)),
        (&get(&format!("X: {}\r\n", "y".repeat(8192))), &[], Refused(RequestError::HeadTooLarge)),
        (&format!("GET /{}", "a".repeat(9000)), &[], Refused(RequestError::UriTooLong)),
        (&"A".repeat(9000), &[], Refused(RequestError::UriTooLong)),
    ]);
}

fn parse(head: &str) -> Result<Request<&[u8]>, RequestError> {
    Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).map_err(|(refusal, _)| refusal)
}

#[test]
fn heads_are_validated_without_the_head_reader() {
    for head in ["", "\r\n", "GET / HTTP/1.0", "GET / HTTP/1.0\n\n", "\r\nGET / HTTP/1.0\r\n\r\n"] {
        assert_eq!(parse(head).unwrap_err(), RequestError::RequestLine, "{head:?}");
    }
    for fields in ["A: b", "A: b\r\n", "A: b\r\n\r\nC", " A: b\r\n\r\n", "A: b\r\n c\r\n\r\n", "\r"] {
        assert_eq!(parse(&format!("GET / HTTP/1.0\r\n{fields}")).unwrap_err(), RequestError::FieldLine, "{fields:?}");
    }
    for value in ["b\0", "b\n", "b\n\r\nC: d", "\u{7f}"] {
        assert_eq!(
            parse(&format!("GET / HTTP/1.0\r\nA: {value}\r\n\r\n")).unwrap_err(),
            RequestError::Control,
            "{value:?}"
        );
    }
    assert_eq!(Request::parse(b"GET", 4, MAX_FIELDS).unwrap_err().0, RequestError::RequestLine);
}

#[test]
fn unknown_expectations_are_417_and_http_1_0_has_none() {
    let of = |version: &str, fields: &str| {
        parse(&format!("PUT / HTTP/{version}\r\nHost: a\r\n{fields}\r\n")).map(|request| request.expects_continue())
    };
    assert_eq!(of("1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n"), Ok(true));
    assert_eq!(of("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), Ok(true));
    assert_eq!(of("1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n"), Ok(false));
    assert_eq!(of("1.1", "Content-Length: 5\r\n"), Ok(false));
    assert_eq!(of("1.0", "Expect: 100-continue, foo\r\nContent-Length: 5\r\n"), Ok(false));
    assert_eq!(of("1.1", "Expect: foo\r\n"), Err(RequestError::Expectation));
    assert_eq!(of("1.1", "Expect: 100-continue\r\nExpect: foo=\"100-continue\"\r\n"), Err(RequestError::Expectation));
}

#[test]
fn if_none_match_compares_weakly_in_lists_and_with_a_star() {
    let holds = |fields: &str| parse(&get(fields)).unwrap().matches_etag("\"a,b\"");
    for fields in ["\"a,b\"", "W/\"a,b\"", "\"x\", W/\"a,b\"", "*", "\"x\"\r\nIf-None-Match: \"a,b\""] {
        assert!(holds(&format!("If-None-Match: {fields}\r\n")), "{fields}");
    }
    for fields in ["\"a\"", "a,b", "w/\"a,b\"", "W/W/\"a,b\"", "\"a,b", "\"*\"", ""] {
        assert!(!holds(&format!("If-None-Match: {fields}\r\n")), "{fields}");
    }
    assert!(!holds("If-Match: \"a,b\"\r\n"));
}

#[test]
fn the_parts_of_a_request_are_as_sent() {
    let head = "POST /a/b?x=1&after=%41+b HTTP/1.1\r\nHost: a:1\r\nX: 1\r\nAccept: text/html, */*;q=0.5\r\nx:  2 \r\n\
                Connection: keep-alive, Upgrade\r\nPrefer: wait=9\r\n\r\n";
    let request = parse(head).unwrap();
    assert_eq!((request.method(), request.version()), (Method::Post, Version::Http11));
    assert_eq!((request.target(), request.path()), ("/a/b?x=1&after=%41+b", "/a/b"));
    assert_eq!(request.query(), Some("x=1&after=%41+b"));
    assert!(request.query_param("after").unwrap().is("A b"));
    assert_eq!(request.query_params().count(), 2);
    assert_eq!(request.host(), Some("a:1"));
    assert_eq!(request.header("X"), Some(&b"1"[..]));
    assert_eq!(request.header_all("X").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(request.header_list("x").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(request.headers().map(|(name, _)| name).collect::<Vec<_>>()[..3], ["Host", "X", "Accept"]);
    assert!(request.connection_has("upgrade") && !request.connection_has("close"));
    assert!(request.accept_names("text/html") && !request.accept_names("text/event-stream"));
    assert_eq!(request.prefer_wait(), Some(9));
    assert_eq!(request.body_length(), BodyLength::None);
    assert_eq!(request.head(), head.as_bytes());
    assert_eq!(request.into_buffer(), head.as_bytes());
}

#[test]
fn an_absolute_target_overrides_host() {
    let request = parse("GET http://b:2?c HTTP/1.1\r\nHost: a:1\r\n\r\n").unwrap();
    assert_eq!((request.host(), request.path(), request.query()), (Some("b:2"), "/", Some("c")));
    assert_eq!(parse("GET / HTTP/1.0\r\n\r\n").unwrap().host(), None);
    assert_eq!(parse("GET / HTTP/1.1\r\nHost:\r\n\r\n").unwrap().host(), Some(""));
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn like_requests() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            3 => Just(b"GET /a?b HTTP/1.1\r\nHost: a\r\n".to_vec()),
            3 => Just(b"\r\n".to_vec()),
            1 => Just(b"Transfer-Encoding: chunked\r\n\r\n".to_vec()),
            1 => Just(b"Content-Length: 3\r\n\r\nabc".to_vec()),
            1 => Just(b"2\r\nab\r\n0\r\n\r\n".to_vec()),
            1 => Just(b"Connection: close\r\n".to_vec()),
            2 => (any::<bool>(), proptest::collection::vec(b'!'..=b'~', 0..6), proptest::collection::vec(b' '..=b'~', 0..10))
                .prop_map(|(indented, name, value)| [if indented { &b" "[..] } else { b"" }, &name, b": ", &value, b"\r\n"].concat()),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_step_results_in_the_same_requests(wire in like_requests(), step in 1_usize..40) {
            let whole = serve(&wire, usize::MAX / 2);
            prop_assert_eq!(serve(&wire, step), whole);
        }

        /// An independent parser reads every accepted head alike.
        #[test]
        fn httparse_reads_accepted_heads_alike(wire in like_requests()) {
            let mut buffer = vec![0; 8192];
            let length = match HeadReader::new().take(&mut buffer, &wire) {
                Ok(taken) => taken.complete,
                Err(_) => None,
            };
            let Some(length) = length else { return Ok(()) };
            let Ok(request) = Request::parse(&buffer[..], length, MAX_FIELDS) else { return Ok(()) };
            let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
            let mut other = httparse::Request::new(&mut fields);
            prop_assert_eq!(other.parse(request.head()), Ok(httparse::Status::Complete(length)));
            prop_assert_eq!(other.method, Some(request.method().as_str()));
            prop_assert_eq!(other.path, Some(request.target()));
            let theirs: Vec<_> = other.headers.iter().map(|field| (field.name, field.value)).collect();
            prop_assert_eq!(request.headers().collect::<Vec<_>>(), theirs);
        }
    }
}
