//! A server that follows channels of others, and how it asks them.

use goldcrest_tests::Server;

use super::other_server::OtherServer;
use super::run::goldcrest;
use super::tls::server as tls_server;

/// The first event of this channel of a server that was started so.
fn first(channel: &str, arguments: &[&str]) -> String {
    let server = Server::start(arguments);
    let url = format!("http://{}/events/{channel}", server.authority());
    goldcrest(&["subscribe", &url, "--since", "oldest", "-n", "1"]).lines().remove(0)
}

#[test]
fn custom_header_fields_are_sent_to_upstream_hubs() {
    let node = OtherServer::node();
    let follow = format!("theirs={}", node.at("/fields"));
    let arguments =
        ["--follow", &follow, "--follow-header", "X-Token: a b", "--follow-header", "Authorization: Bearer x"];
    let fields: serde_json::Value = serde_json::from_str(&first("theirs", &arguments)).unwrap();
    assert_eq!((&fields["x-token"], &fields["authorization"]), (&"a b".into(), &"Bearer x".into()));
}

#[test]
fn an_upstream_is_verified_by_the_given_authorities() {
    let (node, certificate) = tls_server(&["127.0.0.1"]);
    let follow = format!("theirs={}", node.at("/ticks"));
    for trust in [&["--follow-cacert", certificate.to_str().unwrap()][..], &["--follow-insecure"]] {
        assert_eq!(first("theirs", &[&["--follow", &follow], trust].concat()), "1");
    }
}

#[test]
fn invalid_upstream_options_are_a_usage_error() {
    let follow = ["serve", "--listen", "127.0.0.1:0", "--follow", "http://127.0.0.1:1/events/x"];
    goldcrest(&[&follow[..], &["--follow-header", "Host: x"]].concat()).failed(2, "writes this header field itself");
    goldcrest(&[&follow[..], &["--follow-cacert", "/nowhere.pem"]].concat()).failed(2, "/nowhere.pem");
    goldcrest(&["serve", "--follow-insecure"]).failed(2, "--follow");
}
