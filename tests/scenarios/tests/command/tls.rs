//! Certificates, and whom to trust.

use std::fs;
use std::path::PathBuf;

use super::run::{Run, goldcrest};
use super::stranger::{Stranger, folder};

/// A server whose certificate is its own authority's, for these names.
fn server(names: &[&str]) -> (Stranger, PathBuf) {
    let folder = folder("tls");
    let made =
        rcgen::generate_simple_self_signed(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (Stranger::node_tls(&certificate, &key), certificate)
}

#[test]
fn nobody_is_trusted_who_is_not_known() {
    let (server, certificate) = server(&["127.0.0.1", "localhost"]);
    let authority = certificate.to_str().unwrap();
    let (events, echo) = (server.at("/ticks"), server.ws("/echo"));
    assert!(events.starts_with("https:") && echo.starts_with("wss:"));
    goldcrest(&["subscribe", &events]).failed(3, "no TLS");
    goldcrest(&["subscribe", &echo]).failed(3, "no TLS");
    goldcrest(&["publish", &events, "x", "--retry", "0"]).failed(3, "no TLS");
    for trust in [&["-k"][..], &["--cacert", authority]] {
        let shown = goldcrest(&[&["subscribe", &events, "-n", "2", "-j"], trust].concat()).lines();
        assert_eq!(shown.len(), 2, "{trust:?}");
        let mut run = Run::start(&[&["subscribe", &echo, "-n", "2"], trust].concat());
        let large = "x".repeat(200_000);
        run.type_in(format!("{large}\nhello\n"));
        assert_eq!((run.line(), run.line()), (large, "hello".to_owned()), "{trust:?}");
        assert_eq!(run.end().code, 0);
    }
    let by_environment = Run::start_with(&["subscribe", &events, "-n", "1"], &[("SSL_CERT_FILE", authority)]);
    assert_eq!(by_environment.end().code, 0);
    goldcrest(&["subscribe", &events, "--cacert", "/nowhere.pem"]).failed(3, "/nowhere.pem");
}

#[test]
fn a_certificate_of_another_name_is_none() {
    let (server, certificate) = server(&["other.example"]);
    let authority = certificate.to_str().unwrap();
    goldcrest(&["subscribe", &server.at("/ticks"), "--cacert", authority]).failed(3, "no TLS");
    assert_eq!(goldcrest(&["subscribe", &server.at("/ticks"), "-k", "-n", "1"]).code, 0);
}

#[test]
fn tls_is_found_where_no_scheme_is_given() {
    let (server, _) = server(&["127.0.0.1"]);
    let bare = server.at("/ticks").replace("https://", "");
    assert_eq!(goldcrest(&["subscribe", &bare, "-k", "-n", "1"]).code, 0);
    // Who speaks TLS and is not trusted is not asked in the clear instead.
    goldcrest(&["subscribe", &bare]).failed(3, "no TLS");
}

#[test]
fn a_server_in_the_clear_is_not_asked_by_tls() {
    let server = Stranger::node();
    let secure = server.at("/ticks").replace("http:", "https:");
    goldcrest(&["subscribe", &secure, "-k"]).failed(3, "no TLS");
}
