//! Both sides of a WebSocket's handshake.

use goldcrest_core::http::{MAX_FIELDS, Request, Version};
use goldcrest_core::output::{Output, ResumableWriter};
use goldcrest_core::ws::handshake::extension::offers;
use goldcrest_core::ws::handshake::{RequestLine, UpgradeRequest, accept};
use tungstenite::handshake::derive_accept_key;

/// A client's offer.
#[derive(Clone, Debug, arbitrary::Arbitrary)]
pub struct Asked<'a> {
    /// The value of `Host`.
    pub host: &'a str,
    /// The target.
    pub target: &'a str,
    /// The value of `Origin`.
    pub origin: Option<&'a str>,
    /// The subprotocols offered.
    pub protocols: Vec<&'a str>,
    /// Those that the server speaks.
    pub spoken: Vec<&'a str>,
    /// The random bytes of the key.
    pub nonce: [u8; 16],
}

/// Our server accepts our client's request with the key that tungstenite derives, and our client accepts the response.
pub fn is_accepted_as_by_tungstenite(asked: &Asked<'_>) {
    let Asked { host, target, origin, protocols, spoken, nonce } = asked;
    let client = UpgradeRequest { origin: *origin, protocols, nonce: *nonce };
    let is_visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if client.validate().is_err() || !is_visible(host) || !is_visible(target) {
        return;
    }
    let mut room = [0; 4096];
    let mut sink = ResumableWriter::new(&mut room, 0);
    for part in ["GET ", target, " HTTP/1.1\r\nHost: ", host, "\r\n"] {
        sink.put(part.as_bytes());
    }
    client.put(&mut sink);
    sink.put(b"\r\n");
    if !sink.is_whole() {
        return;
    }
    let written = sink.written();
    // A host or a target that is visible may still not be one.
    let Ok(request) = Request::parse(&room[..], written, MAX_FIELDS) else { return };
    let line = RequestLine { method: request.method().as_str(), version: (1, 1) };
    assert_eq!(request.version(), Version::Http11);
    let granted = match accept(line, request.headers(), spoken) {
        Ok(granted) => granted,
        Err(error) => {
            assert!(protocols.len() > 64, "{error}: {}", room[..written].escape_ascii());
            return;
        }
    };
    let expected = spoken.iter().find(|name| protocols.contains(name)).copied();
    assert_eq!(granted.protocol, expected);
    let key = request.header("sec-websocket-key").expect("it was sent");
    let mut answer = [0; 1024];
    let mut sink = ResumableWriter::new(&mut answer, 0);
    granted.put(&mut sink);
    if !sink.is_whole() {
        return;
    }
    let written = sink.written();
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut fields);
    assert_eq!(response.parse(&answer[..written]), Ok(httparse::Status::Complete(written)));
    let named = |name: &str| response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let accepted = named("sec-websocket-accept").expect("every answer has one").value;
    assert_eq!(accepted, derive_accept_key(key).as_bytes());
    let taken = client.verify(101, response.headers.iter().map(|field| (field.name, field.value)));
    let taken = taken.expect("our own answer");
    assert_eq!(taken, expected);
}

/// No head and no response causes a panic; an accepted request passes a second check of the rules.
pub fn accepts_only_valid_upgrade_requests(head: &[u8], nonce: [u8; 16]) {
    let offered = ["chat", "goldcrest.v1"];
    if let Ok(request) = Request::parse(head, head.len(), MAX_FIELDS) {
        let line = RequestLine { method: request.method().as_str(), version: (1, 1) };
        if let Ok(granted) = accept(line, request.headers(), &offered) {
            assert!(request.header_has_token("upgrade", "websocket") && request.connection_has("upgrade"));
            assert_eq!(request.header_all("sec-websocket-key").count(), 1);
            assert_eq!(request.header("sec-websocket-version"), Some(&b"13"[..]));
            if let Some(protocol) = granted.protocol {
                assert!(offered.contains(&protocol));
            }
        }
    }
    let client = UpgradeRequest { origin: None, protocols: &offered, nonce };
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut fields);
    if let Ok(httparse::Status::Complete(_)) = response.parse(head) {
        let status = response.code.unwrap_or(0);
        let _ = client.verify(status, response.headers.iter().map(|field| (field.name, field.value)));
    }
    for offer in offers(head).flatten() {
        for (name, value) in offer.parameters() {
            assert!(!name.is_empty());
            let _ = value.map(|value| value.bytes().count());
        }
    }
}
