//! Static files: entity tags, 304, gzip and HEAD.

use super::client::{Answer, Client};
use crate::assets::StaticFile;
use crate::server::{Exchange, Handler, HandlerResult, Runtime, ServerConfig};
use crate::testing::{Simulation, leak};
use std::format;
use std::string::String;

const PLAIN: &[u8] = b"the plain bytes of the file";
const GZIP: &[u8] = b"as if in gzip";

static BOTH: StaticFile = StaticFile::new("/both", "text/css", PLAIN).with_gzip(GZIP);
static ONE: StaticFile = StaticFile::new("/one", "text/css", PLAIN).with_cache_control(StaticFile::IMMUTABLE);

struct Files;

impl Handler for Files {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/both" => BOTH.answer(exchange).await,
            _ => ONE.answer(exchange).await,
        }
    }
}

fn open() -> Client {
    Simulation::new().connect(leak(ServerConfig::default()), &Files)
}

fn tag(answer: &Answer) -> String {
    let tag = answer.field("etag").unwrap();
    assert!(tag.len() == 18 && tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    tag.into()
}

#[test]
fn gzip_and_plain_bytes_have_an_entity_tag_each() {
    let mut client = open();
    let mut tags = [String::new(), String::new()];
    for (accepted, gzip) in [
        ("", false),
        ("Accept-Encoding: gzip\r\n", true),
        ("Accept-Encoding: br, gzip;q=0.5\r\n", true),
        ("Accept-Encoding: br, GZIP\r\n", true),
        ("Accept-Encoding: gzip;q=0, identity\r\n", false),
        ("Accept-Encoding: identity\r\n", false),
    ] {
        let answer = client.get("/both", accepted);
        assert_eq!((answer.status, answer.field("vary")), (200, Some("Accept-Encoding")), "{accepted}");
        assert_eq!(answer.field("content-encoding"), gzip.then_some("gzip"), "{accepted}");
        assert_eq!(answer.body, if gzip { GZIP } else { PLAIN }, "{accepted}");
        assert_eq!(answer.field("cache-control"), Some("no-cache"));
        tags[usize::from(gzip)] = tag(&answer);
    }
    assert_ne!(tags[0], tags[1]);
}

#[test]
fn an_unchanged_representation_is_304_without_content() {
    let mut client = open();
    let plain = tag(&client.get("/both", ""));
    let gzip = tag(&client.get("/both", "Accept-Encoding: gzip\r\n"));
    for (fields, status) in [
        (format!("If-None-Match: {plain}\r\n"), 304),
        (format!("If-None-Match: \"other\", W/{plain}\r\n"), 304),
        (format!("If-None-Match: {gzip}\r\n"), 200),
        (format!("If-None-Match: {gzip}\r\nAccept-Encoding: gzip\r\n"), 304),
        (format!("If-None-Match: {plain}\r\nAccept-Encoding: gzip\r\n"), 200),
        ("If-None-Match: *\r\n".into(), 304),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = client.ask(&format!("{method} /both HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
            assert_eq!(answer.status, status, "{method} {fields}");
            assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
            assert_eq!(answer.field("cache-control"), Some("no-cache"));
            tag(&answer);
            if status == 304 {
                assert_eq!(answer.field("content-encoding"), None);
                assert_eq!(answer.field("content-type"), None);
                assert!(answer.field("content-length").is_none() && answer.body.is_empty());
            }
        }
    }
}

#[test]
fn head_has_the_fields_of_get_and_other_methods_are_405() {
    let mut client = open();
    let get = client.get("/one", "Accept-Encoding: gzip\r\n");
    assert_eq!((get.status, &get.body[..], get.field("vary")), (200, PLAIN, None));
    assert_eq!(get.field("cache-control"), Some("public, max-age=31536000, immutable"));
    let head = client.ask("HEAD /one HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, &head.fields, head.body.len()), (200, &get.fields, 0));
    let post = client.post("/one", "", "");
    assert_eq!((post.status, post.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
}
