//! The head of an answer beside httparse's reading of it.

use goldcrest_core::http::{MAX_FIELDS, ResponseHead};

/// Parses `head` as a response's. If it parses, httparse parses it to the same values.
pub fn parses_the_same_as_httparse(head: &[u8]) {
    let Ok(answer) = ResponseHead::parse(head, MAX_FIELDS) else { return };
    let context = head.escape_ascii();
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut theirs = httparse::Response::new(&mut fields);
    let verdict = theirs.parse(head);
    if verdict == Err(httparse::Error::Version) {
        // HTTP/1.2 to 1.9 are read as 1.1 (RFC 9110 §2.5).
        assert!(head.starts_with(b"HTTP/1.") && (b'2'..=b'9').contains(&head[7]), "{context}");
        return;
    }
    assert_eq!(verdict, Ok(httparse::Status::Complete(head.len())), "{context}");
    assert_eq!(Some(answer.status()), theirs.code, "{context}");
    let ours: Vec<_> = answer.fields().collect();
    let theirs: Vec<_> = theirs.headers.iter().map(|field| (field.name, field.value)).collect();
    assert_eq!(ours, theirs, "{context}");
    let _ = (answer.is_interim(), answer.body_length(false), answer.body_length(true), answer.keep_alive());
    let _ = (answer.retry_after(), answer.header("location"));
}
