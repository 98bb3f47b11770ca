//! nginx and OpenSSL: independent implementations of TLS.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use goldcrest_core::client::tls::embedded_tls::{Aes128GcmSha256, CryptoProvider, MaxFragmentLength, UnsecureProvider};
use goldcrest_core::client::tls::{ServerVerification, TlsConnectError, TlsDisconnect};
use goldcrest_core::client::url::Url;
use goldcrest_core::client::{ClientWebSocket, Connect, ConnectOptions};
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::ws::connection::MessageKind;
use goldcrest_tests::{Program, Server};
use rand_core::OsRng;

use super::authority::{Authority, Credentials};
use super::data_transfer::{WAYS, hear, subscribe};
use super::runtime::{Records, config, through, through_with};
use super::verification::connect;

/// A folder of its own, with the certificates and the key in it.
fn folder(shown: &Credentials) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("chain.pem"), shown.chain_pem()).unwrap();
    fs::write(folder.join("key.pem"), shown.key.serialize_pem()).unwrap();
    folder
}

/// nginx, with TLS, before a server; and its port.
fn nginx(shown: &Credentials, upstream: &Server) -> (Program, u16) {
    let (folder, upstream) = (folder(shown), upstream.address());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let path = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {path}/pid; error_log stderr info; events {{}}
         http {{
             access_log off;
             client_body_temp_path {path}/a; proxy_temp_path {path}/b; fastcgi_temp_path {path}/c;
             scgi_temp_path {path}/d; uwsgi_temp_path {path}/e;
             map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
             server {{
                 listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3;
                 ssl_certificate {path}/chain.pem; ssl_certificate_key {path}/key.pem;
                 location / {{
                     proxy_pass http://{upstream}; proxy_http_version 1.1; proxy_set_header Host localhost;
                     proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
                 }}
             }}
         }}"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let program = Program::other(Path::new("nginx"), &["-p", folder.to_str().unwrap(), "-c", file.to_str().unwrap()]);
    // It has bound its socket before it says this.
    program.wait_for_line("getrlimit(RLIMIT_NOFILE)");
    (program, port)
}

/// `openssl s_server` with these arguments, and its port.
fn openssl(folder: Option<&Path>, arguments: &[&str]) -> (Program, u16) {
    let command = match folder {
        Some(folder) => format!("cd {} && exec openssl s_server -cert chain.pem -key key.pem \"$@\"", folder.display()),
        None => "exec openssl s_server \"$@\"".to_owned(),
    };
    let always = ["-c", &command, "s_server", "-accept", "127.0.0.1:0", "-tls1_3"];
    let program = Program::other(Path::new("sh"), &[&always, arguments].concat());
    let line = program.wait_for_line("ACCEPT 127.0.0.1:");
    let port = line.rsplit(':').next().unwrap().trim().parse().unwrap();
    (program, port)
}

#[test]
fn every_transport_and_websocket_messages_pass_nginx() {
    let (authority, server, echo) = (Authority::new(), Server::start(&[]), Server::start_echo());
    let shown = authority.sign(&["chip.example"]);
    let (_nginx, port) = nginx(&shown, &server);
    for way in WAYS {
        let channel = server.channel();
        let texts: Vec<String> = (0..10).map(|number| format!("event {number}")).collect();
        let url = format!("https://chip.example:{port}/events/{}", channel.name());
        let heard = through(authority.trust(), async |world| {
            let mut subscription = subscribe(world, url, &[way]);
            let mut heard = Vec::new();
            for text in &texts {
                channel.publish(text);
                heard.extend(hear(&mut subscription, 1).await.0);
            }
            heard
        });
        assert_eq!(heard, texts, "{}", way.as_str());
    }
    let (_nginx, port) = nginx(&shown, &echo);
    through(authority.trust(), async |world| {
        let (mut buffer, url) = (vec![0; 70_000], format!("wss://chip.example:{port}/echo"));
        let options = ConnectOptions::default();
        let mut socket = ClientWebSocket::connect(world, config(), &url, &options, &mut buffer).await.unwrap();
        let message: Vec<u8> = (0..65_536_u32).map(|at| (at * 7) as u8).collect();
        socket.send(MessageKind::Binary, &message).await.unwrap();
        assert_eq!(socket.recv(&mut buffer).await.unwrap().unwrap().payload, message);
    });
}

#[test]
fn nginx_with_another_certificate_is_refused() {
    let (authority, other, server) = (Authority::new(), Authority::new(), Server::start(&[]));
    for shown in [other.sign(&["chip.example"]), authority.sign(&["pigeon.example"])] {
        let (_nginx, port) = nginx(&shown, &server);
        let url = format!("https://chip.example:{port}/");
        let verdict = through(authority.trust(), async |world| connect(world, &url).await);
        assert!(matches!(verdict, Err(TlsConnectError::Certificate(_))), "{verdict:?}");
    }
}

/// Asks there for `/file`: how many bytes came, and how it ended.
fn fetched<P>(trust: ServerVerification<'static, P>, records: Records, port: u16) -> (usize, Result<(), TlsDisconnect>)
where
    P: CryptoProvider + 'static,
    P::CipherSuite: 'static,
{
    through_with(trust, records, async |world| {
        let url = format!("https://chip.example:{port}/file");
        let mut socket = world.connector.tls.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        let request = b"GET /file HTTP/1.0\r\n\r\n";
        let said = socket.try_write_with(|room| (request.len(), room[..request.len()].copy_from_slice(request)));
        assert!(matches!(said, Ok(TryIo::Done(()))));
        let mut came = 0;
        loop {
            match socket.try_read_with(|bytes| (bytes.len(), bytes.len())) {
                Ok(TryIo::Done(count)) => came += count,
                Ok(TryIo::Eof) => return (came, Ok(())),
                Err(broken) => return (came, Err(broken)),
                Ok(TryIo::WouldBlock) => {
                    if let Err(broken) = socket.wait(Interest::READ).await {
                        return (came, Err(broken));
                    }
                }
            }
        }
    })
}

#[test]
fn openssl_honours_record_size_limit() {
    let authority = Authority::new();
    let folder = folder(&authority.sign(&["chip.example"]));
    fs::write(folder.join("file"), vec![b'x'; 100_000]).unwrap();
    let small = Records { read: 1024 + 256, write: 512 };
    let (_server, port) = openssl(Some(&folder), &["-WWW"]);
    let trust = authority.trust().configure(|config| config.with_max_fragment_length(MaxFragmentLength::Bits10));
    let (came, end) = fetched(trust, small, port);
    assert!(came > 100_000, "{came} {end:?}");
    // Without that extension it sends records too large for the buffer.
    let (came, end) = fetched(authority.trust(), small, port);
    assert!(came < 100_000 && matches!(end, Err(TlsDisconnect::Tls(_))), "{came} {end:?}");
    let (came, end) = fetched(authority.trust(), Records::ANY, port);
    assert!(came > 100_000, "{came} {end:?}");
}

#[test]
fn a_shared_psk_authenticates_and_a_different_one_does_not() {
    let (_server, port) = openssl(None, &["-nocert", "-psk_identity", "chip-7", "-psk", &"5a".repeat(32), "-rev"]);
    let trust = |key: &'static [u8]| {
        ServerVerification::pre_shared_key(UnsecureProvider::new::<Aes128GcmSha256>(OsRng), b"chip-7", key)
    };
    through(trust(&[0x5a; 32]), async |world| {
        let url = format!("https://chip.example:{port}/");
        let mut socket = world.connector.tls.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        let said = socket.try_write_with(|room| (6, room[..6].copy_from_slice(b"desrev")));
        assert!(matches!(said, Ok(TryIo::Done(()))));
        let said = socket.try_write_with(|room| (1, room[..1].copy_from_slice(b"\n")));
        assert!(matches!(said, Ok(TryIo::Done(()))));
        let mut heard = Vec::new();
        while heard.len() < 7 {
            socket.wait(Interest::READ).await.unwrap();
            if let TryIo::Done(bytes) = socket.try_read_with(|bytes| (bytes.len(), bytes.to_vec())).unwrap() {
                heard.extend(bytes);
            }
        }
        assert_eq!(heard, b"versed\n");
    });
    let verdict =
        through(trust(&[0x5b; 32]), async |world| connect(world, &format!("https://chip.example:{port}/")).await);
    assert!(verdict.is_err(), "{verdict:?}");
    // A server that shows a certificate instead proves nothing by it.
    let authority = Authority::new();
    let (_server, port) = openssl(Some(&folder(&authority.sign(&["chip.example"]))), &["-rev"]);
    let verdict =
        through(trust(&[0x5a; 32]), async |world| connect(world, &format!("https://chip.example:{port}/")).await);
    assert!(verdict.is_err(), "{verdict:?}");
}
