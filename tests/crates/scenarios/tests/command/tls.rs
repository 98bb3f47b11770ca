//! Certificates and authorities.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use super::other_server::{OtherServer, folder};
use super::run::{Run, goldcrest};

/// A server whose certificate is its own authority's, for these names.
pub(crate) fn server(names: &[&str]) -> (OtherServer, PathBuf) {
    certified(params(names))
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// As `openssl req -x509` makes it: a certificate that says of itself that it is an authority's.
fn of_an_authority(names: &[&str]) -> CertificateParams {
    let mut params = params(names);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A server whose certificate is this one, signed by itself.
fn certified(params: CertificateParams) -> (OtherServer, PathBuf) {
    let folder = folder("tls");
    let signing = KeyPair::generate().unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs::write(&certificate, params.self_signed(&signing).unwrap().pem()).unwrap();
    fs::write(&key, signing.serialize_pem()).unwrap();
    (OtherServer::node_tls(&certificate, &key), certificate)
}

#[test]
fn an_unknown_certificate_authority_is_refused() {
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
}

#[test]
fn an_unreadable_ca_file_is_a_usage_error() {
    let url = "https://127.0.0.1:1/events/x";
    let empty = folder("empty").join("none.pem");
    fs::write(&empty, "").unwrap();
    for file in ["/nowhere.pem", empty.to_str().unwrap()] {
        goldcrest(&["subscribe", url, "--cacert", file]).failed(2, file);
        goldcrest(&["publish", url, "x", "--cacert", file]).failed(2, file);
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_as_its_own_authority() {
    let (server, certificate) = certified(of_an_authority(&["127.0.0.1"]));
    let given = certificate.to_str().unwrap();
    let events = server.at("/ticks");
    goldcrest(&["subscribe", &events]).failed(3, "--cacert");
    assert_eq!(goldcrest(&["subscribe", &events, "--cacert", given, "-n", "1"]).code, 0);
    // Another one of the same name, of another key, and this one for another name or of another time.
    let (_, another) = certified(of_an_authority(&["127.0.0.1"]));
    goldcrest(&["subscribe", &events, "--cacert", another.to_str().unwrap()]).failed(3, "no TLS");
    let (elsewhere, certificate) = certified(of_an_authority(&["other.example"]));
    let given = certificate.to_str().unwrap();
    goldcrest(&["subscribe", &elsewhere.at("/ticks"), "--cacert", given]).failed(3, "not valid for name");
    let mut old = of_an_authority(&["127.0.0.1"]);
    old.not_after = date_time_ymd(2020, 1, 1);
    let (expired, certificate) = certified(old);
    let given = certificate.to_str().unwrap();
    goldcrest(&["subscribe", &expired.at("/ticks"), "--cacert", given]).failed(3, "expired");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (server, certificate) = server(&["other.example"]);
    let authority = certificate.to_str().unwrap();
    goldcrest(&["subscribe", &server.at("/ticks"), "--cacert", authority]).failed(3, "no TLS");
    assert_eq!(goldcrest(&["subscribe", &server.at("/ticks"), "-k", "-n", "1"]).code, 0);
}

#[test]
fn tls_is_detected_without_a_scheme() {
    let (server, _) = server(&["127.0.0.1"]);
    let bare = server.at("/ticks").replace("https://", "");
    assert_eq!(goldcrest(&["subscribe", &bare, "-k", "-n", "1"]).code, 0);
    // A TLS server that is not trusted is not asked without TLS instead.
    goldcrest(&["subscribe", &bare]).failed(3, "no TLS");
}

#[test]
fn a_plaintext_server_is_detected_without_a_scheme() {
    let server = OtherServer::node();
    let secure = server.at("/ticks").replace("http:", "https:");
    goldcrest(&["subscribe", &secure, "-k"]).failed(3, "no TLS");
}
