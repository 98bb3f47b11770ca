//! Proxies: nginx that passes everything, buffers, or removes the upgrade, and a proxy that collects responses.

use goldcrest_tests::Server;

use super::other_server::OtherServer;
use super::run::{Run, goldcrest};

/// Lets WebSockets and streams pass.
const PASSES: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                      proxy_set_header Connection upgrade; proxy_buffering off;";
/// Makes of an upgrade a plain request.
const EATS_THE_UPGRADE: &str = "proxy_http_version 1.1; proxy_set_header Connection '';";
/// Buffers responses as well.
const BUFFERS: &str = "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering on; \
                        proxy_ignore_headers X-Accel-Buffering;";

fn through(location: &str, transport: &str, takes: &str) {
    let server = Server::start(&[]);
    heard(&OtherServer::nginx(server.authority(), location), transport, takes);
}

/// Each event comes once through the proxy, at last over the transport that `takes` names.
fn heard(proxy: &OtherServer, transport: &str, takes: &str) {
    let url = proxy.at("/events/news");
    let first = goldcrest(&["publish", &url, "one"]).lines().remove(0);
    let arguments = [
        "subscribe",
        &url,
        "-n",
        "3",
        "-t",
        transport,
        "--since",
        &first,
        "--first-byte",
        "0.5",
        "--poll-interval",
        "0.1",
    ];
    let mut run = Run::start(&arguments);
    goldcrest(&["publish", &url, "two"]).lines();
    assert_eq!(run.line(), "two");
    goldcrest(&["publish", &url, "three"]).lines();
    assert_eq!(run.line(), "three");
    goldcrest(&["publish", &url, "four"]).lines();
    assert_eq!(run.line(), "four");
    let ended = run.end();
    let over = ended.stderr.iter().rfind(|line| line.contains(" over ")).expect("it has been open");
    assert!(over.ends_with(takes), "{takes} was to be taken: {:#?}", ended.stderr);
}

#[test]
fn a_transparent_proxy_leaves_the_transport_unchanged() {
    for transport in ["websocket", "sse", "stream", "longpoll", "poll"] {
        let takes = if transport == "websocket" { "over websocket, goldcrest.v1" } else { transport };
        through(PASSES, transport, takes);
    }
    through(PASSES, "auto", "over websocket");
}

#[test]
fn without_an_upgrade_the_next_transport_is_used() {
    through(EATS_THE_UPGRADE, "auto", "over sse");
}

#[test]
fn a_buffering_proxy_delays_no_event() {
    through(BUFFERS, "auto", "over sse");
}

#[test]
fn a_proxy_that_collects_responses_falls_back_to_long_polling() {
    let server = Server::start(&["--allow-host", "*"]);
    let proxy = OtherServer::collector(&format!("http://{}", server.authority()));
    heard(&proxy, "auto", "over longpoll");
}

#[test]
fn other_servers_work_through_a_proxy() {
    let node = OtherServer::node();
    let upstream = node.url.trim_start_matches("http://").to_owned();
    let passes = OtherServer::nginx(&upstream, PASSES);
    let mut run = Run::start(&["subscribe", &passes.ws("/echo"), "-n", "1"]);
    run.type_in("hello\n");
    assert_eq!(run.end().lines(), ["hello"]);
    let eats = OtherServer::nginx(&upstream, EATS_THE_UPGRADE);
    goldcrest(&["subscribe", &eats.ws("/echo")]).failed(4, "not 101");
    // A collected response is passed on only when it has ended: here it does.
    let collects = OtherServer::collector(&node.url);
    assert_eq!(goldcrest(&["subscribe", &collects.at("/stop")]).lines(), ["one", "two"]);
}
