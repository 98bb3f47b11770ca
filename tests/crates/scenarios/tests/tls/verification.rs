//! Servers that the client refuses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use goldcrest_core::client::tls::embedded_tls::{Aes128GcmSha256, TlsError, UnsecureProvider};
use goldcrest_core::client::tls::{ServerVerification, TlsConnectError};
use goldcrest_core::client::url::Url;
use goldcrest_core::client::{ClientConfig, ClientWebSocket, Connect, ConnectOptions, Error, MaybeTls};
use rand_core::OsRng;
use smol::Timer;
use smol::future::FutureExt;

use super::authority::{Authority, Credentials};
use super::data_transfer::{converse, echo};
use super::runtime::{Records, World, through, through_with};
use super::terminator::{Terminator, Trick};

/// The result of connecting there.
pub(crate) async fn connect(world: &'static World, url: &str) -> Result<(), TlsConnectError<String>> {
    let connected = world.connector.tls.connect(Url::parse(url).unwrap().endpoint()).await;
    connected.map(|_| ()).map_err(|error| match error {
        TlsConnectError::Tcp(error) => TlsConnectError::Tcp(error.to_string()),
        TlsConnectError::NotTls => TlsConnectError::NotTls,
        TlsConnectError::Busy => TlsConnectError::Busy,
        TlsConnectError::Buffers => TlsConnectError::Buffers,
        TlsConnectError::NoVerifier => TlsConnectError::NoVerifier,
        TlsConnectError::Disconnected => TlsConnectError::Disconnected,
        TlsConnectError::Alert(alert) => TlsConnectError::Alert(alert),
        TlsConnectError::ChainTooLong(sent) => TlsConnectError::ChainTooLong(sent),
        TlsConnectError::Unauthenticated => TlsConnectError::Unauthenticated,
        TlsConnectError::Signature(error) => TlsConnectError::Signature(error),
        TlsConnectError::Certificate(error) => TlsConnectError::Certificate(error),
        TlsConnectError::Tls(error) => TlsConnectError::Tls(error),
        other => panic!("{other:?}"),
    })
}

/// The result of connecting by this name to a server with these credentials.
fn met(authority: &Authority, shown: &Credentials, host: &str) -> Result<(), TlsConnectError<String>> {
    let front = Terminator::before(echo(), shown);
    through(authority.trust(), async |world| connect(world, &front.url("wss", host, "/")).await)
}

/// A server that sends this to each client, and no more.
fn says(what: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut held = Vec::new();
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(what);
            held.push(client);
        }
    });
    address
}

#[test]
fn a_certificate_is_verified_by_issuer_name_and_validity() {
    let (authority, other) = (Authority::new(), Authority::new());
    let verdict = met(&authority, &authority.sign(&["localhost"]), "localhost");
    assert!(verdict.is_ok(), "{verdict:?}");
    let verdict = met(&authority, &other.sign(&["localhost"]), "localhost");
    assert!(matches!(verdict, Err(TlsConnectError::Certificate(TlsError::InvalidCertificate))), "{verdict:?}");
    let verdict = met(&authority, &authority.sign(&["other.example"]), "localhost");
    assert!(matches!(verdict, Err(TlsConnectError::Certificate(TlsError::InvalidCertificate))), "{verdict:?}");
    let verdict = met(&authority, &authority.expired(&["localhost"]), "localhost");
    assert!(matches!(verdict, Err(TlsConnectError::Certificate(TlsError::InvalidCertificate))), "{verdict:?}");
}

#[test]
fn host_names_match_without_case_and_trailing_dot() {
    let authority = Authority::new();
    for name in ["chip.example.", "CHIP.example"] {
        let verdict = met(&authority, &authority.sign(&["chip.example"]), name);
        assert!(verdict.is_ok(), "{name}: {verdict:?}");
    }
}

#[test]
fn a_certificate_for_an_ip_address_is_refused() {
    // The verifier of embedded-tls does not support addresses in certificates: it refuses every server at an address.
    let authority = Authority::new();
    for names in [&["localhost"][..], &["127.0.0.1"]] {
        let verdict = met(&authority, &authority.sign(names), "127.0.0.1");
        assert!(matches!(verdict, Err(TlsConnectError::Certificate(TlsError::InvalidCertificate))), "{verdict:?}");
    }
}

#[test]
fn an_end_entity_certificate_cannot_issue() {
    let authority = Authority::new();
    let verdict = met(&authority, &authority.signed_by_a_server(&["localhost"]), "localhost");
    assert!(matches!(verdict, Err(TlsConnectError::ChainTooLong(2))), "{verdict:?}");
}

#[test]
fn without_a_verifier_every_server_is_refused() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let trust = ServerVerification::certificate(UnsecureProvider::new::<Aes128GcmSha256>(OsRng));
    let verdict = through(trust, async |world| connect(world, &front.url("https", "localhost", "/")).await);
    assert!(matches!(verdict, Err(TlsConnectError::NoVerifier)), "{verdict:?}");
    assert_eq!(front.connections(), 0, "no verifier was called");
}

#[test]
fn no_plaintext_is_sent() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    through(authority.trust(), async |world| {
        let verdict = connect(world, &front.url("http", "localhost", "/")).await;
        assert!(matches!(verdict, Err(TlsConnectError::NotTls)), "{verdict:?}");
        // A server without TLS is not asked in another way.
        let url = format!("wss://localhost:{}/", says(b"HTTP/1.1 400 Bad Request\r\n\r\n").port());
        let verdict = connect(world, &url).await;
        assert!(matches!(verdict, Err(TlsConnectError::Tls(TlsError::InvalidRecord))), "{verdict:?}");
        let config = ClientConfig::default();
        let opened = ClientWebSocket::connect(world, &config, &url, &ConnectOptions::default(), &mut [0; 512]).await;
        assert!(matches!(opened, Err(Error::Connect(MaybeTls::Tls(TlsConnectError::Tls(_))))));
    });
}

#[test]
fn a_malformed_handshake_is_an_error() {
    let authority = Authority::new();
    let cases: [&[u8]; 7] = [
        &[0; 100],
        &[22, 3, 3, 255, 255, 2, 0, 0, 90],
        &[22, 3, 3, 0, 0, 0, 0, 0, 0],
        &[22, 3, 3, 0, 6, 2, 0, 0, 2, 3, 3],
        &[22, 3, 3, 0, 4, 11, 0, 0, 0],
        &[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        &[20, 3, 3, 0, 1, 1],
    ];
    for case in cases {
        let verdict = through(authority.trust(), async |world| {
            connect(world, &format!("https://localhost:{}/", says(case).port())).await
        });
        assert!(matches!(verdict, Err(TlsConnectError::Tls(_))), "{case:?}: {verdict:?}");
    }
    let verdict = through(authority.trust(), async |world| {
        connect(world, &format!("https://localhost:{}/", says(&[21, 3, 3, 0, 2, 2, 40]).port())).await
    });
    assert!(matches!(verdict, Err(TlsConnectError::Alert(_))), "{verdict:?}");
}

#[test]
fn a_stalled_handshake_times_out_and_frees_the_connector() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let silent = format!("wss://localhost:{}/", says(b"").port());
    through(authority.trust(), async |world| {
        let config = ClientConfig { connect_timeout: Duration::from_millis(100), ..ClientConfig::default() };
        let opened = ClientWebSocket::connect(world, &config, &silent, &ConnectOptions::default(), &mut [0; 512]).await;
        assert!(matches!(opened, Err(Error::Disconnected(_))));
        // The next one does not wait for the last.
        let url = front.url("https", "localhost", "/");
        let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        converse(&mut socket, 10).await;
    });
}

#[test]
fn a_second_connection_is_refused_while_one_is_open() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let silent = format!("wss://localhost:{}/", says(b"").port());
    through(authority.trust(), async |world| {
        let url = front.url("https", "localhost", "/");
        let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        let verdict = connect(world, &url).await;
        assert!(matches!(verdict, Err(TlsConnectError::Busy)), "{verdict:?}");
        converse(&mut socket, 10).await;
        drop(socket);
        let second = async {
            Timer::after(Duration::from_millis(20)).await;
            connect(world, &url).await
        };
        let verdict = connect(world, &silent).or(second).await;
        assert!(matches!(verdict, Err(TlsConnectError::Busy)), "{verdict:?}");
    });
}

#[test]
fn record_buffers_that_are_too_small_are_an_error() {
    let authority = Authority::new();
    let names: Vec<String> = (0..20).map(|number| format!("a-name-as-long-as-names-are-{number}.example")).collect();
    let names: Vec<&str> = ["localhost"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let front = Terminator::before(echo(), &authority.sign(&names));
    let url = front.url("https", "localhost", "/");
    for (records, expected) in [
        (Records { read: 0, write: 0 }, "Buffers"),
        (Records { read: 511, write: 1024 }, "Buffers"),
        (Records { read: 1024, write: 511 }, "Buffers"),
        (Records { read: 512, write: 512 }, "Tls(InsufficientSpace)"),
    ] {
        let verdict = through_with(authority.trust(), records, async |world| connect(world, &url).await);
        assert_eq!(format!("{:?}", verdict.unwrap_err()), expected, "{} and {}", records.read, records.write);
    }
}

#[test]
fn a_refused_tcp_connection_is_a_tcp_error() {
    let authority = Authority::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let front = Terminator::tricky(closed, &authority.sign(&["localhost"]), |_| Trick::None);
    through(authority.trust(), async |world| {
        let verdict = connect(world, &format!("https://localhost:{}/", closed.port())).await;
        assert!(matches!(verdict, Err(TlsConnectError::Tcp(_))), "{verdict:?}");
        // One that ends before it has said anything.
        let verdict = connect(world, &front.url("https", "localhost", "/")).await;
        assert!(matches!(verdict, Err(TlsConnectError::Disconnected)), "{verdict:?}");
    });
}
