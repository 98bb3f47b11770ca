//! A server that follows channels of others, and how it asks them.

use goldcrest_tests::Server;

use super::run::goldcrest;
use super::stranger::Stranger;
use super::tls::server as tls_server;

/// The first event of this channel of a server that was started so.
fn first(channel: &str, arguments: &[&str]) -> String {
    let server = Server::start(arguments);
    let url = format!("http://{}/events/{channel}", server.authority());
    goldcrest(&["subscribe", &url, "--since", "oldest", "-n", "1"]).lines().remove(0)
}

#[test]
fn a_field_is_sent_to_the_hubs_that_are_followed() {
    let node = Stranger::node();
    let follow = format!("theirs={}", node.at("/fields"));
    let arguments =
        ["--follow", &follow, "--follow-header", "X-Token: a b", "--follow-header", "Authorization: Bearer x"];
    let fields: serde_json::Value = serde_json::from_str(&first("theirs", &arguments)).unwrap();
    assert_eq!((&fields["x-token"], &fields["authorization"]), (&"a b".into(), &"Bearer x".into()));
}

#[test]
fn a_hub_is_followed_by_the_authorities_that_were_given_or_by_none() {
    let (node, certificate) = tls_server(&["127.0.0.1"]);
    let follow = format!("theirs={}", node.at("/ticks"));
    for trust in [&["--follow-cacert", certificate.to_str().unwrap()][..], &["--follow-insecure"]] {
        assert_eq!(first("theirs", &[&["--follow", &follow], trust].concat()), "1");
    }
}

#[test]
fn what_cannot_be_meant_is_a_wrong_command_line() {
    let follow = ["serve", "--listen", "127.0.0.1:0", "--follow", "http://127.0.0.1:1/events/x"];
    goldcrest(&[&follow[..], &["--follow-header", "Host: x"]].concat()).failed(2, "writes this field itself");
    goldcrest(&[&follow[..], &["--follow-cacert", "/nowhere.pem"]].concat()).failed(2, "/nowhere.pem");
    goldcrest(&["serve", "--follow-insecure"]).failed(2, "--follow");
}
