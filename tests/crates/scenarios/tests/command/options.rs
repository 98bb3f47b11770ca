//! Options that can never match.

use crate::run::Run;

#[test]
fn an_origin_or_host_that_cannot_match_is_a_usage_error() {
    for (option, value, right) in [
        ("--allow-origin", "https://app.example/", "an origin has no path; write https://app.example"),
        ("--allow-origin", "app.example", "an origin has a scheme; write https://app.example or http://app.example"),
        (
            "--allow-origin",
            "https://*.example.com",
            "an origin has no wildcard; list each origin, or allow all of them",
        ),
        ("--allow-origin", "wss://app.example", "not of a WebSocket; write https://app.example"),
        ("--allow-host", "https://hub.example/", "a host has neither scheme nor path; write hub.example"),
        ("--allow-host", "*.hub.example", "a host has no wildcard; list each name, or allow all of them"),
    ] {
        let ended = Run::start(&["serve", "-l", "127.0.0.1:0", option, value]).end();
        assert_eq!(ended.code, 2, "{value}: {ended:?}");
        let said = ended.stderr.join("\n");
        assert!(said.contains(option) && said.contains(right), "{value}: {said}");
    }
}

#[test]
fn an_origin_or_host_beside_all_of_them_is_a_usage_error() {
    for (option, value) in [("--allow-origin", "https://app.example"), ("--allow-host", "hub.example")] {
        let ended = Run::start(&["serve", "-l", "127.0.0.1:0", option, value, option, "*"]).end();
        assert_eq!(ended.code, 2, "{value}: {ended:?}");
        let error = format!("{option}: {value} has no effect beside *");
        assert!(ended.stderr.join("\n").contains(&error), "{ended:?}");
    }
}
