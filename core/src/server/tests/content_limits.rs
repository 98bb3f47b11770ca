//! The bound on the content of a route, redirections, and error responses of a handler.

use super::client::{Client, post};
use crate::http::{Response, Status};
use crate::server::{Exchange, Handler, HandlerResult, Runtime, ServerConfig};
use crate::testing::{Simulation, leak};
use std::format;

/// `/limited` reads at most 8 bytes; any other path redirects to its query.
struct Routes;

impl Handler for Routes {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if exchange.request().path() == "/error" {
            return exchange.respond_error(Status::CONFLICT, "it is sold out\n").await;
        }
        if exchange.request().path() != "/limited" {
            let mut buffer = [0; 100];
            let target = exchange.request().query_param("to").and_then(|to| to.decode(&mut buffer)).unwrap_or_default();
            let target = core::str::from_utf8(target).unwrap_or_default();
            return exchange.redirect(Status::SEE_OTHER, target).await;
        }
        if let Err(error) = exchange.limit_content(8) {
            return exchange.respond_body_error(error).await;
        }
        let mut content = [0; 100];
        match exchange.read_whole(&mut content).await {
            Ok(length) => exchange.respond(&Response::new(Status::OK, "text/plain", &content[..length])).await,
            Err(error) => exchange.respond_body_error(error).await,
        }
    }
}

fn open() -> Client {
    Simulation::new().connect(leak(ServerConfig { max_body: 100, ..ServerConfig::default() }), &Routes)
}

#[test]
fn content_up_to_the_limit_of_a_route_is_read() {
    let mut client = open();
    assert_eq!(client.post("/limited", "", "8 bytes.").text(), "8 bytes.");
    let chunked = "POST /limited HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(client.ask(&format!("{chunked}5\r\nfive.\r\n3\r\nhoy\r\n0\r\n\r\n")).text(), "five.hoy");
    assert_eq!(client.post("/limited", "", "").text(), "");
}

#[test]
fn a_content_length_above_the_limit_is_413_before_the_content() {
    let mut client = open();
    let request = post("/limited", "Expect: 100-continue\r\n", "nine byte");
    let (head, _) = request.split_at(request.len() - 9);
    client.send(head.as_bytes());
    let answer = client.answer().expect("neither the content nor 100 Continue is waited for");
    assert_eq!((answer.status, answer.text(), answer.keeps()), (413, "content too large", false));
}

#[test]
fn a_chunk_above_the_limit_is_413_at_its_size() {
    let mut client = open();
    client.send(b"POST /limited HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive.\r\n4\r\n");
    assert_eq!(client.answer().expect("the content of the chunk is not waited for").status, 413);
}

#[test]
fn a_redirection_has_a_location_of_visible_ascii() {
    let mut client = open();
    for target in ["/login", "/orders?page=2#last", "https://b.example/", "//b.example"] {
        let encoded = target.replace('#', "%23");
        let answer = client.get(&format!("/?to={encoded}"), "");
        assert_eq!((answer.status, answer.field("location"), answer.text()), (303, Some(target), ""));
    }
    for target in ["", "/a%0d%0aSet-Cookie:x=1", "/a%20b", "/%c3%a9", "/%00"] {
        let answer = client.get(&format!("/?to={target}"), "");
        assert_eq!(
            (answer.status, answer.field("location"), answer.field("set-cookie")),
            (500, None, None),
            "{target}"
        );
    }
}

#[test]
fn a_handlers_error_is_a_line_of_text() {
    let mut client = open();
    let answer = client.get("/error", "");
    assert_eq!((answer.status, answer.text(), answer.keeps()), (409, "it is sold out\n", true));
    assert_eq!(answer.field("content-type"), Some("text/plain;charset=UTF-8"));
}
