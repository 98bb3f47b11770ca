//! Names of channels on the command line: characters beyond ASCII, and the rules that a server states.

use goldcrest_tests::Server;

use super::run::goldcrest;

const UNRESERVED: &str = "a channel name is 1 to 255 of A-Z a-z 0-9 . _ ~ - and neither . nor ..; \
                          start the server with --channel-names extended";
const EXTENDED: &str = "a channel name is 1 to 255 bytes of UTF-8: A-Z a-z 0-9 . _ ~ - : / @";

fn url(server: &Server, name: &str) -> String {
    format!("http://{}/events/{name}", server.authority())
}

#[test]
fn urls_with_characters_beyond_ascii_are_percent_encoded() {
    let server = Server::start(&["--channel-names", "extended"]);
    let (written, encoded) = ("grün/日本:x@y", "gr%C3%BCn/%E6%97%A5%E6%9C%AC%3Ax%40y");
    let id = goldcrest(&["publish", &url(&server, written), "hello"]).lines().remove(0);
    assert_eq!(server.channel_named(encoded).kept(), [id]);
    for transport in ["auto", "websocket", "sse", "stream", "longpoll", "poll"] {
        for name in [written, encoded] {
            let run = goldcrest(&["subscribe", &url(&server, name), "-t", transport, "--since", "oldest", "-n", "1"]);
            assert_eq!(run.lines(), ["hello"], "{transport} {name}");
        }
    }
    goldcrest(&["bench", &url(&server, written), "--connections", "2", "--duration", "1"]).lines();
}

#[test]
fn every_command_states_the_rules_for_names() {
    for (flags, name, rules) in
        [(&[][..], "orders/42", UNRESERVED), (&["--channel-names", "extended"], "a b", EXTENDED)]
    {
        let server = Server::start(flags);
        let url = url(&server, name);
        goldcrest(&["publish", &url, "hello"]).failed(4, rules);
        goldcrest(&["bench", &url, "--connections", "1", "--duration", "1"]).failed(4, rules);
        for transport in ["auto", "websocket", "sse", "stream", "longpoll", "poll"] {
            goldcrest(&["subscribe", &url, "-t", transport, "-n", "1"]).failed(4, rules);
        }
    }
}

#[test]
fn a_server_states_the_rules_for_the_names_of_upstream_channels() {
    let serve = |flags: &[&str]| goldcrest(&[&["serve", "--listen", "127.0.0.1:0"], flags].concat());
    serve(&["--follow", "http://127.0.0.1:1/events/orders/42"]).failed(1, UNRESERVED);
    serve(&["--follow", "grün=http://127.0.0.1:1/events/x"]).failed(1, UNRESERVED);
    serve(&["--channel-names", "extended", "--follow", "http://127.0.0.1:1/events/a b"]).failed(2, EXTENDED);
}

#[test]
fn an_upstream_channel_has_an_extended_name() {
    let there = Server::start(&["--channel-names", "extended"]);
    goldcrest(&["publish", &url(&there, "orders/grün"), "hello"]).lines();
    let here = Server::start(&["--channel-names", "extended", "--follow", &url(&there, "orders/grün")]);
    let run = goldcrest(&["subscribe", &url(&here, "orders/gr%C3%BCn"), "--since", "oldest", "-n", "1"]);
    assert_eq!(run.lines(), ["hello"]);
}
