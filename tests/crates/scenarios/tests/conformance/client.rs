//! The table of responses to an opening handshake, and the client's reaction to each.

use std::io::{Read, Write};
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use goldcrest_host::client::{ConnectError, SmolRuntime, TlsOptions};
use goldcrest_host::core::client::{ClientConfig, ClientWebSocket, ConnectOptions, Error};
use goldcrest_host::core::websocket::Disconnect;
use goldcrest_host::core::ws::connection::MessageKind;
use goldcrest_tests::List;
use serde::Deserialize;

use crate::Cut;
use crate::opening::{accept, head};
use crate::table::Table;
use crate::text::bytes;

/// A response and the client's reaction; the table explains it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    is: String,
    #[serde(default)]
    offers: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    line: Option<String>,
    #[serde(default)]
    before: String,
    #[serde(default)]
    behind: String,
    opens: Option<String>,
    fails: Option<String>,
}

pub(crate) fn rows(list: &mut List) {
    let mut table = Table::<Row>::read("responses.toml");
    let opening = mem::take(&mut table.opening);
    for (about, row) in table.into_rows() {
        for (cut, how) in Cut::ALL {
            let lines = opening.lines(row.line.as_deref(), &row.without, &row.with);
            let (name, row) = (format!("answer: {about}: {} ({how})", row.is), row.clone());
            list.add(name, &[], move || row.run(cut, lines));
        }
    }
}

impl Row {
    fn run(self, cut: Cut, lines: Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/chat", listener.local_addr().unwrap());
        let row = self.clone();
        let server = thread::spawn(move || row.serve(&listener, cut, &lines));
        let said = SmolRuntime::block_on(TlsOptions::default(), async |runtime| self.connect(runtime, &url).await);
        let said = said.unwrap();
        let told = server.join().unwrap();
        match (&self.opens, &self.fails) {
            (Some(protocol), None) => {
                assert_eq!(said.map_err(|error| format!("{error:?}")), Ok(protocol.clone()));
                assert_eq!(told, ["hello".as_bytes(), &1000_u16.to_be_bytes()], "the message and the close");
            }
            (None, Some(name)) => {
                let error = format!("{:?}", said.expect_err("it must not open"));
                assert!(error.starts_with(name.as_str()), "{error}, not {name}");
                assert!(told.is_empty(), "bytes were sent without an open WebSocket: {told:?}");
            }
            _ => panic!("a row opens or fails"),
        }
    }

    /// Connects, and when that opens a WebSocket, says and hears a message and closes it; the subprotocol.
    async fn connect(&self, runtime: &SmolRuntime, url: &str) -> Result<String, Error<ConnectError>> {
        let config = ClientConfig { response_timeout: Duration::from_secs(10), ..ClientConfig::default() };
        let offers: Vec<&str> = self.offers.iter().map(String::as_str).collect();
        let options = ConnectOptions { protocols: &offers, ..ConnectOptions::default() };
        let mut buffer = [0; 4096];
        let mut socket = ClientWebSocket::connect(runtime, &config, url, &options, &mut buffer).await?;
        let protocol = socket.protocol().unwrap_or_default().to_owned();
        if !self.behind.is_empty() {
            let message = socket.recv(&mut buffer).await?.ok_or(Error::Disconnected(Disconnect::Closed))?;
            assert_eq!(message.payload, b"abc", "the frame in the same piece");
        }
        socket.send(MessageKind::Text, b"hello").await?;
        let message = socket.recv(&mut buffer).await?.ok_or(Error::Disconnected(Disconnect::Closed))?;
        assert_eq!(message.payload, b"hello", "the echo");
        socket.close().await?;
        Ok(protocol)
    }

    /// Responds to one client and echoes. Returns the payloads that the client then sent.
    fn serve(&self, listener: &TcpListener, cut: Cut, lines: &[String]) -> Vec<Vec<u8>> {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let answer = self.answer(&String::from_utf8(request).expect("a head is ASCII"), lines);
        // The client does not read a head that is too long to its end.
        let pieces = answer.chunks(if cut == Cut::Bytes { 1 } else { answer.len() });
        let _ = pieces.take(10_000).try_for_each(|piece| socket.write_all(piece));
        let mut told = Vec::new();
        while let Some((first, payload)) = frame(&mut socket) {
            told.push(payload.clone());
            let head = [first, u8::try_from(payload.len()).expect("a short payload")];
            if socket.write_all(&[&head, &payload[..]].concat()).is_err() || first == 0x88 {
                break;
            }
        }
        told
    }

    fn answer(&self, request: &str, lines: &[String]) -> Vec<u8> {
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let own = accept(key);
        let lines = lines.iter().map(|line| {
            let line = line.replace("{accept}", &own).replace("{other}", &accept("AAAAAAAAAAAAAAAAAAAAAA=="));
            line.replace("{bare}", own.trim_end_matches('=')).replace("{capitals}", &own.to_uppercase())
        });
        [bytes(&self.before), head(lines), bytes(&self.behind)].concat()
    }
}

/// The next masked frame: its first byte and its payload; `None` at the end.
fn frame(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 6];
    socket.read_exact(&mut head).ok()?;
    let [first, length, key @ ..] = head;
    assert_eq!(length & 0x80, 0x80, "a client masks");
    let mut payload = vec![0; usize::from(length & 0x7f)];
    socket.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Some((first, payload))
}
