//! Tokens: a server that needs them, and the command that signs and checks them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use goldcrest_tests::{Server, UPGRADE, patience, websocket};
use serde_json::json;
use tungstenite::Message;

use super::other_server::{folder, tests};
use super::run::{goldcrest, goldcrest_with};

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

/// A file with this content in a folder of its own.
fn file(name: &str, content: &str) -> PathBuf {
    let path = folder("tokens").join(name);
    fs::write(&path, content).unwrap();
    path
}

/// The path of a key of the library's tests.
fn key(name: &str) -> String {
    tests().join("../host/src/tokens/test_keys").join(name).to_str().unwrap().to_owned()
}

/// A token that is signed with the secret of this file.
fn sign(secret: &Path, options: &[&str]) -> String {
    let arguments = [&["token", "sign", "--secret", secret.to_str().unwrap()], options].concat();
    goldcrest(&arguments).lines().remove(0)
}

/// Waits until the server has logged a line with this text. The line may come after the response.
fn wait_for_log(server: &Server, text: &str) {
    let deadline = Instant::now() + patience();
    while server.lines(text).is_empty() {
        assert!(Instant::now() < deadline, "no line with {text:?}: {:#?}", server.lines(""));
        thread::yield_now();
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[test]
fn an_address_of_a_network_needs_tokens_or_open() {
    for address in ["0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"] {
        goldcrest(&["serve", "--listen", "127.0.0.1:0", "--listen", address]).failed(2, "or --open to permit that");
    }
    let secret = file("secret", SECRET);
    let secret = secret.to_str().unwrap();
    let tokens = file("static", "static-0123456789\n");
    let tokens = tokens.to_str().unwrap();
    for (options, reason) in [
        (&["--open", "--token-secret", secret][..], "--open permits a server without tokens"),
        (&["--publish-token-file", tokens], "permits no client to read"),
        (&["--token-in-query"], "have no effect without tokens"),
        (&["--token-audience", "a"], "have no effect without --token-secret"),
        (&["--token-secret", tokens], "a secret has at least 32 bytes"),
        (&["--token-secret", &key("rsa-public.pem")], "this is a PEM file and not a secret"),
        (&["--token-key", &key("rsa.pem")], "has no section PUBLIC KEY"),
        (&["--token-key", "/nowhere.pem"], "--token-key /nowhere.pem: "),
        (&["--token-secret", secret, "--token-algorithm", "EdDSA"], "no key is for this algorithm"),
        (&["--jwks-url", "https://a.example/"], "--token-issuer"),
        (&["--jwks-url", "http://a.example/", "--token-issuer", "a"], "fetched from an https URL"),
    ] {
        goldcrest(&[&["serve", "--listen", "127.0.0.1:0"], options].concat()).failed(2, reason);
    }
    let server = Server::start(&["--listen", "0.0.0.0:0", "--token-secret", secret]);
    assert_eq!(server.ask("GET", "/events/news", &[], b"").status(), 401);
}

#[test]
fn a_token_grants_the_rights_of_its_claims() {
    let secret = file("secret", SECRET);
    let server = Server::start(&["--token-secret", secret.to_str().unwrap()]);
    let token =
        sign(&secret, &["--subject", "ada", "--subscribe", "news", "--subscribe", "user.42.*", "--publish", "news"]);
    let field = bearer(&token);
    assert_eq!(server.ask("POST", "/events/news", &[&field], b"hello").status(), 202);
    assert_eq!(server.ask("GET", "/events/news", &[&field], b"").status(), 200);
    assert_eq!(server.ask("GET", "/events/user.42.inbox", &[&field], b"").status(), 200);
    let answer = server.ask("POST", "/events/user.42.inbox", &[&field, "Accept: application/json"], b"forged");
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.head.field("content-type"), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(&answer.content).unwrap();
    assert_eq!(problem["detail"], "the token does not permit publishing to this channel");
    let challenge = answer.head.field("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert_eq!(server.ask("GET", "/events/user.421", &[&field], b"").status(), 403);

    let answer = server.ask("GET", "/events/news", &[], b"");
    assert_eq!((answer.status(), answer.head.field("www-authenticate")), (401, Some("Bearer realm=\"goldcrest\"")));
    let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), token.split('.').nth(1).unwrap());
    let expired = sign(&secret, &["--subscribe", "news", "--claims", r#"{"exp":1000}"#]);
    let typed = sign(&secret, &["--subscribe", "news", "--claims", r#"{"nbf":"1000"}"#]);
    let other = sign(&file("other", &SECRET.replace('0', "x")), &["--subscribe", "news"]);
    for (token, reason) in [
        (&none, "no key of the server is for the algorithm of the token"),
        (&expired, "the token has expired"),
        (&typed, "the claim nbf of the token is missing or has another type"),
        (&other, "the signature of the token is wrong"),
        (&"no-token".to_owned(), "the token is not a signed JSON Web Token"),
    ] {
        for accept in ["Accept: text/event-stream", "Prefer: wait=1", "Accept: application/x-ndjson"] {
            let answer = server.ask("GET", "/events/news", &[&bearer(token), accept], b"");
            let challenge = answer.head.field("www-authenticate").unwrap_or_default();
            assert_eq!(answer.status(), 401, "{reason}");
            let expected = format!("error=\"invalid_token\", error_description=\"{reason}\"");
            assert!(challenge.ends_with(&expected), "{challenge}");
        }
    }
    wait_for_log(&server, "refused with 401: the token has expired");
}

#[test]
fn a_browser_offers_its_token_as_a_subprotocol() {
    let secret = file("secret", SECRET);
    let server = Server::start(&["--token-secret", secret.to_str().unwrap()]);
    let token = sign(&secret, &["--subscribe", "news"]);
    let protocols = format!("Sec-WebSocket-Protocol: goldcrest.v1, goldcrest.token.{token}");
    let fields = [&UPGRADE[..], &[&protocols]].concat();
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/news", &fields, b"")).unwrap();
    let head = peer.head().unwrap();
    assert_eq!((head.status, head.field("sec-websocket-protocol")), (101, Some("goldcrest.v1")));
    assert!(!head.fields.iter().any(|(_, value)| value.contains(&token)), "the token is not echoed");

    // It reads, and its publication is refused.
    let protocols = format!("goldcrest.v1, goldcrest.token.{token}");
    let mut socket = websocket(&server, "/events/news", &protocols, &[]).unwrap();
    socket.send(Message::text(r#"{"data":"forged","ref":1}"#)).unwrap();
    let reply = socket.read().unwrap().into_text().unwrap();
    assert!(reply.contains("\"error\"") && reply.contains("permitted"), "{reply}");
    let refused = websocket(&server, "/events/news", "goldcrest.v1, goldcrest.token.e30", &[]).unwrap_err();
    assert_eq!(refused.status(), 401);
    assert!(server.lines(&token).is_empty(), "no token is logged");
}

#[test]
fn a_cookie_and_by_option_the_query_have_a_token() {
    let secret = file("secret", SECRET);
    let option = secret.to_str().unwrap();
    let server = Server::start(&["--token-secret", option, "--log", "trace"]);
    let asking = Server::start(&["--token-secret", option, "--token-in-query", "--log", "trace"]);
    let token = sign(&secret, &["--subscribe", "news"]);
    let cookie = format!("Cookie: a=b; __Secure-goldcrest_access_token={token}");
    assert_eq!(server.ask("GET", "/events/news", &[&cookie], b"").status(), 200);
    // The first place counts: an invalid field is not repaired by a valid cookie.
    assert_eq!(server.ask("GET", "/events/news", &[&bearer("e30"), &cookie], b"").status(), 401);
    let target = format!("/events/news?access_token={token}");
    assert_eq!(server.ask("GET", &target, &[], b"").status(), 401);
    assert_eq!(asking.ask("GET", &target, &[], b"").status(), 200);
    assert_eq!(asking.ask("POST", &target, &[], b"forged").status(), 403);
    assert_eq!(asking.ask("GET", &format!("{target}x"), &[], b"").status(), 401);
    for server in [server, asking] {
        wait_for_log(&server, "refused with 401");
        let signature = token.rsplit('.').next().unwrap();
        assert!(server.lines(signature).is_empty() && server.lines("access_token").is_empty());
    }
}

#[test]
fn static_tokens_serve_the_simple_case() {
    let publishers = file("publishers", "# of the shop\npublish-0123456789\npublish-9876543210\n");
    let server = Server::start(&["--publish-token-file", publishers.to_str().unwrap(), "--anonymous-subscribe"]);
    assert_eq!(server.ask("POST", "/events/news", &[], b"x").status(), 401);
    assert_eq!(server.ask("POST", "/events/news", &[&bearer("publish-012345678")], b"x").status(), 401);
    for token in ["publish-0123456789", "publish-9876543210"] {
        assert_eq!(server.ask("POST", "/events/news", &[&bearer(token)], b"x").status(), 202);
    }
    assert_eq!(server.ask("GET", "/events/news", &[], b"").status(), 200);
    // A wrong token is never one without a token.
    assert_eq!(server.ask("GET", "/events/news", &[&bearer("publish-0123456780")], b"").status(), 401);
    let mut reader = websocket(&server, "/events/news", "goldcrest.v1", &[]).unwrap();
    reader.send(Message::text(r#"{"data":"forged"}"#)).unwrap();
    let reply = reader.read().unwrap().into_text().unwrap();
    assert!(reply.contains("\"error\""), "{reply}");
}

#[test]
fn a_live_stream_ends_with_its_token() {
    let secret = file("secret", SECRET);
    let server = Server::start(&["--token-secret", secret.to_str().unwrap(), "--token-leeway", "0"]);
    let token = sign(&secret, &["--subscribe", "news", "--expires-in", "5"]);
    let answer = server.ask("GET", "/events/news", &[&bearer(&token), "Accept: text/event-stream"], b"");
    let text = String::from_utf8(answer.content).unwrap();
    assert!(text.ends_with("event: grant-end\ndata: {\"reason\":\"expired\"}\n\n"), "{text}");
    let again = server.ask("GET", "/events/news", &[&bearer(&token), "Accept: text/event-stream"], b"");
    assert_eq!(again.status(), 401);
}

#[test]
fn the_command_signs_and_checks_with_every_type_of_key() {
    let claims = ["--subject", "ada", "--issuer", "https://a.example", "--audience", "hub", "--subscribe", "user.42.*"];
    let rules = ["--token-issuer", "https://a.example", "--token-audience", "hub"];
    let pairs = [
        ("rsa.pem", "rsa-public.pem", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..]),
        ("p256.pem", "p256-public.pem", &["ES256"]),
        ("p384.pem", "p384-public.pem", &["ES384"]),
        ("ed25519.pem", "ed25519-public.pem", &["EdDSA"]),
    ];
    for (private, public, algorithms) in pairs {
        for algorithm in algorithms {
            let options = ["token", "sign", "--private-key", &key(private), "--algorithm", algorithm, "--key-id", "k1"];
            let token = goldcrest(&[&options[..], &claims].concat()).lines().remove(0);
            let public = key(public);
            let keys = [&["token", "check", "--channel", "user.42.a", "--token-key", &public][..], &rules].concat();
            let lines = goldcrest(&[&keys[..], &[&token]].concat()).lines();
            assert_eq!(lines[0], format!(r#"header: {{"alg":"{algorithm}","kid":"k1"}}"#));
            assert_eq!(lines[2..], ["valid: yes", "subscribe: yes", "publish: no"]);
            let altered = format!("{}A{}", &token[..token.len() - 20], &token[token.len() - 19..]);
            let altered = if altered == token { token.replace('.', ".A") } else { altered };
            goldcrest(&[&keys[..], &[&altered]].concat()).failed(4, "rejected: ");
        }
    }
    let secret = file("secret", SECRET);
    let option = ["token", "check", "--token-secret", secret.to_str().unwrap()];
    let token = sign(&secret, &["--algorithm", "HS512", "--claims", r#"{"exp":7}"#]);
    goldcrest(&[&option[..], &[&token]].concat()).failed(4, "rejected: the token has expired");
    let token = sign(&secret, &[]);
    let lines = goldcrest_with(&[&option[..], &["-"]].concat(), format!("{token}\n").as_bytes()).lines();
    assert_eq!(lines[2], "valid: yes");
    goldcrest(&["token", "sign", "--secret", secret.to_str().unwrap(), "--algorithm", "ES256"])
        .failed(2, "cannot sign");
    goldcrest(&["token", "sign", "--secret", &key("rsa.pem")]).failed(2, "this is a PEM file");
    goldcrest(&["token", "sign", "--secret", secret.to_str().unwrap(), "--subscribe", "a*b"]).failed(2, "a pattern is");
    goldcrest(&["token", "check", &token]).failed(2, "give --token-secret");
}

/// A server of key sets that counts its requests.
struct KeyServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    response: Arc<Mutex<String>>,
}

impl KeyServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, response) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<String>>::default());
        let (counted, sent) = (requests.clone(), response.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let read = stream.read(&mut head).unwrap();
                assert!(head[..read].starts_with(b"GET /keys HTTP/1.1\r\n"));
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(sent.lock().unwrap().as_bytes());
            }
        });
        Self { address, requests, response }
    }

    fn respond(&self, status: &str, body: &str) {
        let length = body.len();
        let response = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        *self.response.lock().unwrap() = response;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The public key of a PEM file with a key on P-256, as a JSON Web Key.
fn p256_jwk(id: &str) -> String {
    let pem = fs::read_to_string(key("p256-public.pem")).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).unwrap();
    let (x, y) = der[der.len() - 64..].split_at(32);
    let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
    format!(r#"{{"kty":"EC","crv":"P-256","kid":"{id}","use":"sig","x":"{x}","y":"{y}"}}"#)
}

#[test]
fn keys_are_fetched_once_for_tokens_of_the_issuer() {
    let keys = KeyServer::start();
    keys.respond("200 OK", &format!(r#"{{"keys":[{}]}}"#, p256_jwk("k1")));
    let url = format!("http://{}/keys", keys.address);
    let server = Server::start(&["--jwks-url", &url, "--token-issuer", "https://a.example"]);
    let sign = |id: &str, issuer: &str| {
        let options = ["token", "sign", "--private-key", &key("p256.pem"), "--subscribe", "news"];
        let token = goldcrest(&[&options[..], &["--key-id", id, "--issuer", issuer]].concat()).lines().remove(0);
        bearer(&token)
    };
    let status = |field: &str| server.ask("GET", "/events/news", &[field], b"").status();
    assert_eq!(status(&sign("k1", "https://b.example")), 401);
    assert_eq!(keys.requests(), 0, "no fetch for a token of another issuer");
    let valid = sign("k1", "https://a.example");
    let answers: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| status(&valid))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert_eq!(answers, [200; 8]);
    assert_eq!(keys.requests(), 1, "one fetch for several tokens");
    // An unknown kid fetches again, but not within ten seconds.
    keys.respond("500 Internal Server Error", "");
    for _ in 0..3 {
        assert_eq!(status(&sign("k2", "https://a.example")), 401);
    }
    assert_eq!((status(&valid), keys.requests()), (200, 1));
}

#[test]
fn a_key_set_that_cannot_be_fetched_is_503() {
    let keys = KeyServer::start();
    let url = format!("http://{}/keys", keys.address);
    let private = key("p256.pem");
    let token = goldcrest(&["token", "sign", "--private-key", &private, "--subscribe", "news", "--issuer", "a"]);
    let field = bearer(&token.lines()[0]);
    for (status, body, reason) in [
        ("404 Not Found", String::new(), "the status is 404"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", String::new(), "redirect"),
        ("200 OK", "no keys".into(), "neither PEM nor a JSON Web Key"),
        ("200 OK", "x".repeat(300_000), "the response has more than 262144 bytes"),
    ] {
        keys.respond(status, &body);
        let server = Server::start(&["--jwks-url", &url, "--token-issuer", "a"]);
        let answer = server.ask("GET", "/events/news", &[&field], b"");
        assert_eq!((answer.status(), answer.head.field("retry-after")), (503, Some("10")), "{reason}");
        wait_for_log(&server, reason);
        assert_eq!(server.lines("the keys for tokens cannot be fetched").len(), 1);
    }
}

#[test]
fn a_websocket_is_renewed_before_its_token_expires() {
    let secret = file("secret", SECRET);
    let server = Server::start(&["--token-secret", secret.to_str().unwrap(), "--token-leeway", "0"]);
    let sign = |subject: &str, seconds: &str| {
        sign(&secret, &["--subject", subject, "--subscribe", "news", "--publish", "news", "--expires-in", seconds])
    };
    let begin = Instant::now();
    let protocols = format!("goldcrest.v1, goldcrest.token.{}", sign("ada", "3"));
    let mut socket = websocket(&server, "/events/news", &protocols, &[]).unwrap();
    let mut next = |sent: Option<serde_json::Value>| -> serde_json::Value {
        if let Some(sent) = sent {
            socket.send(Message::text(sent.to_string())).unwrap();
        }
        serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap()
    };
    // A minute before the end, or at once if there is less.
    let expires = |message: &serde_json::Value| message["grant"]["expires"].as_u64().unwrap();
    assert!(expires(&next(None)) <= 3);
    for (token, error) in [
        (sign("ada", "0"), "the token has expired"),
        (sign("bob", "3600"), "the token is for another identity than the connection"),
        ("no-token".into(), "the token is not a signed JSON Web Token"),
    ] {
        assert_eq!(next(Some(json!({ "token": token, "ref": 1 }))), json!({ "ref": 1, "error": error }));
    }
    let both = json!({ "token": sign("ada", "3600"), "data": "x", "ref": 2 });
    assert_eq!(next(Some(both)), json!({ "ref": 2, "error": "a token is sent without data" }));
    let renewed = next(Some(json!({ "token": sign("ada", "3600"), "ref": 3 })));
    assert!(renewed["ref"] == 3 && (3_590..=3_600).contains(&expires(&renewed)), "{renewed}");
    // A token for a shorter time replaces it, and its end is announced in its turn.
    let renewed = next(Some(json!({ "token": sign("ada", "5"), "ref": 4 })));
    assert!(renewed["ref"] == 4 && expires(&renewed) <= 5, "{renewed}");
    assert!(expires(&next(None)) <= 5);
    // It still publishes and reads.
    let published = next(Some(json!({ "data": "x", "ref": 5 })));
    let event = next(None);
    assert!([&published, &event].iter().any(|message| message["ref"] == 5 && message["id"].is_string()), "{published}");
    let close = loop {
        match socket.read().unwrap() {
            Message::Close(close) => break close.unwrap(),
            _ => continue,
        }
    };
    assert_eq!(u16::from(close.code), 3000);
    assert!(begin.elapsed() >= Duration::from_secs(4), "the first token had ended after three seconds");
}

#[test]
fn rights_of_a_renewed_websocket_never_grow() {
    let secret = file("secret", SECRET);
    let server = Server::start(&["--token-secret", secret.to_str().unwrap()]);
    let reader = sign(&secret, &["--subscribe", "news"]);
    let publisher = sign(&secret, &["--subscribe", "news", "--publish", "news"]);
    let mut socket =
        websocket(&server, "/events/news", &format!("goldcrest.v1, goldcrest.token.{reader}"), &[]).unwrap();
    let mut reply = |sent: serde_json::Value| -> serde_json::Value {
        socket.send(Message::text(sent.to_string())).unwrap();
        serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap()
    };
    assert!(reply(json!({ "token": publisher, "ref": 1 }))["grant"].is_object());
    let refused = reply(json!({ "data": "forged", "ref": 2 }));
    assert!(refused["error"].is_string(), "{refused}");
}

#[test]
fn clients_send_a_token_and_stop_without_the_right() {
    let secret = file("secret", SECRET);
    let server = Server::start(&["--token-secret", secret.to_str().unwrap()]);
    let url = format!("http://{}/events/news", server.address());
    let token = sign(&secret, &["--subscribe", "news", "--publish", "news"]);
    let stored = file("token", &format!("{token}\n"));
    let stored = stored.to_str().unwrap();
    goldcrest(&["publish", "--token", &token, &url, "one"]).lines();
    goldcrest(&["publish", "--token-file", stored, &url, "two"]).lines();
    let subscribe = ["subscribe", "--since", "oldest", "-n", "2", "--token-file", stored, &url];
    assert_eq!(goldcrest(&subscribe).lines(), ["one", "two"]);
    goldcrest(&["publish", &url, "x"]).failed(4, "a token is required");
    goldcrest(&["subscribe", &url]).failed(4, "a token is required");
    let reader = sign(&secret, &["--subscribe", "news"]);
    goldcrest(&["publish", "--token", &reader, &url, "x"]).failed(4, "does not permit publishing");
    let expired = sign(&secret, &["--subscribe", "news", "--claims", r#"{"exp":7}"#]);
    goldcrest(&["subscribe", "--token", &expired, &url]).failed(4, "the token has expired");
}
