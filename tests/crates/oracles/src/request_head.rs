//! The head of a request beside httparse's reading of it.

use goldcrest_core::http::{BodyDecoder, BodyLength, HeadReader, MAX_FIELDS, Request, RequestError};

/// The longest head.
pub const MAX_HEAD: usize = 512;

/// Collects a head out of `bytes`, cut by `cuts`. If it parses, httparse parses it to the same values. (Ours is
/// stricter: it rejects two lengths, a bare LF, a missing Host.)
pub fn parses_the_same_as_httparse(bytes: &[u8], cuts: &[u8]) {
    let mut room = [0; MAX_HEAD];
    let judged = collect(bytes, cuts, &mut room);
    let mut whole = [0; MAX_HEAD];
    let once = collect(bytes, &[], &mut whole);
    assert_eq!(judged, once, "{}", bytes.escape_ascii());
    let Ok(Some(length)) = judged else { return };
    let head = &room[..length];
    assert_eq!(head, &whole[..length]);
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut theirs = httparse::Request::new(&mut fields);
    let their_verdict = theirs.parse(head);
    let request = match Request::parse(head, length, MAX_FIELDS) {
        Ok(request) => request,
        Err(_) => return,
    };
    let context = head.escape_ascii();
    if their_verdict == Err(httparse::Error::Version) {
        // HTTP/1.2 to 1.9 are answered as 1.1 (RFC 9110 §2.5).
        assert!(
            head.windows(8).any(|word| word.starts_with(b"HTTP/1.") && (b'2'..=b'9').contains(&word[7])),
            "{context}"
        );
        return;
    }
    assert_eq!(their_verdict, Ok(httparse::Status::Complete(length)), "{context}");
    assert_eq!(Some(request.method().as_str()), theirs.method, "{context}");
    assert_eq!(Some(request.target()), theirs.path, "{context}");
    let ours: Vec<_> = request.headers().collect();
    let theirs: Vec<_> = theirs.headers.iter().map(|field| (field.name, field.value)).collect();
    assert_eq!(ours, theirs, "{context}");
    read_on(&request, bytes);
}

fn collect(bytes: &[u8], cuts: &[u8], room: &mut [u8]) -> Result<Option<usize>, RequestError> {
    let mut accumulator = HeadReader::new();
    for piece in super::cut(bytes, cuts) {
        let taken = accumulator.take(room, piece)?;
        if taken.complete.is_some() {
            return Ok(taken.complete);
        }
        assert_eq!(taken.consumed, piece.len(), "without a head all is taken");
    }
    Ok(None)
}

/// Asks a request all that there is to ask.
fn read_on(request: &Request<&[u8]>, bytes: &[u8]) {
    assert!(request.path().len() + request.query().unwrap_or_default().len() <= request.target().len());
    let mut room = [0; MAX_HEAD];
    for name in ["after", "transport", ""] {
        if let Some(value) = request.query_param(name) {
            let _ = value.decode(&mut room);
        }
    }
    let _ = (request.host(), request.keep_alive(), request.expects_continue(), request.prefer_wait());
    let _ = (request.accept_names("text/event-stream"), request.header_has_token("connection", "upgrade"));
    let _ = request.header_list("accept").count();
    let length = request.body_length();
    if let Ok(mut body) = BodyDecoder::new(length, 1000) {
        let mut rest = bytes;
        while let Ok(decoded) = body.decode(rest) {
            if decoded.done || rest.is_empty() {
                break;
            }
            assert!(decoded.consumed > 0, "no progress");
            rest = &rest[decoded.consumed..];
        }
    }
    if let BodyLength::Fixed(length) = length {
        let named: Vec<_> = request.header_all("content-length").collect();
        assert_eq!(named.len(), 1);
        assert_eq!(std::str::from_utf8(named[0]).unwrap().trim().parse(), Ok(length));
    }
}
