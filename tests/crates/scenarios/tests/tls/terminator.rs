//! A server of TLS before any other, by rustls, which misbehaves if asked to.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use smol::Async;
use smol::future::FutureExt;

use super::authority::Credentials;

/// The end of a connection, after so many bytes of plain text to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    None,
    /// The server changes its keys.
    NewKeys(usize),
    /// TCP ends, and TLS does not say so.
    Truncate(usize),
    /// TCP is reset.
    Reset(usize),
    /// An attacker sends, in the clear, an alert that TLS ends.
    ForgeEnd(usize),
    /// An attacker sends a handshake message, in the clear.
    ForgeHello(usize),
    /// TLS ends in order.
    End(usize),
}

/// A server that runs as long as the process does.
pub(crate) struct Terminator {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Terminator {
    pub(crate) fn before(upstream: SocketAddr, shown: &Credentials) -> Self {
        Self::tricky(upstream, shown, |_| Trick::None)
    }

    /// The same, where `trick` selects the end of each connection, by its number.
    pub(crate) fn tricky(upstream: SocketAddr, shown: &Credentials, trick: fn(usize) -> Trick) -> Self {
        Self::with(upstream, shown, trick, |_| {})
    }

    pub(crate) fn with(
        upstream: SocketAddr,
        shown: &Credentials,
        trick: fn(usize) -> Trick,
        configure: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = shown.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        configure(&mut config);
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (number, config) = (count.fetch_add(1, Ordering::SeqCst), Arc::clone(&config));
                thread::spawn(move || {
                    let tls = ServerConnection::new(config).unwrap();
                    // The client's side reports how a connection ends.
                    let _ = client.and_then(|client| smol::block_on(relay(client, upstream, tls, trick(number))));
                });
            }
        });
        Self { address, connections }
    }

    /// A URL of it, by this name.
    pub(crate) fn url(&self, scheme: &str, host: &str, path: &str) -> String {
        format!("{scheme}://{host}:{}{path}", self.address.port())
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn relay(client: TcpStream, upstream: SocketAddr, mut tls: ServerConnection, trick: Trick) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (client, upstream) = (Async::new(client)?, Async::<TcpStream>::connect(upstream).await?);
    upstream.get_ref().set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    let (mut up, mut said, mut trick, mut ended) = (Vec::new(), 0, Some(trick), false);
    loop {
        let mut moved = false;
        while tls.wants_write() && moves(tls.write_tls(&mut client.get_ref()))?.is_some() {
            moved = true;
        }
        if up.is_empty() && !ended {
            match moves(tls.read_tls(&mut client.get_ref()))? {
                Some(0) => ended = true,
                Some(_) => moved = true,
                None => {}
            }
            let judged = tls.process_new_packets();
            while tls.wants_write() && moves(tls.write_tls(&mut client.get_ref()))?.is_some() {}
            judged.map_err(io::Error::other)?;
        }
        if up.is_empty()
            && let Ok(Some(count)) = moves(tls.reader().read(&mut buffer))
        {
            up.extend(&buffer[..count]);
            if count == 0 {
                // The client's close_notify: here both directions end.
                return Ok(());
            }
        }
        if !up.is_empty()
            && let Some(count) = moves(upstream.get_ref().write(&up))?
        {
            up.drain(..count);
            moved = true;
        }
        if !tls.is_handshaking() && !tls.wants_write() {
            let most = trick.and_then(limit).map_or(buffer.len(), |at| at.saturating_sub(said).min(buffer.len()));
            if most == 0
                && let Some(due) = trick.take()
            {
                if !perform(due, &client, &mut tls)? {
                    // The client's reaction is waited for.
                    let _ = moves((&mut client.get_ref()).read(&mut buffer));
                    return Ok(());
                }
                continue;
            }
            if let Some(count) = moves(upstream.get_ref().read(&mut buffer[..most]))? {
                if count == 0 {
                    tls.send_close_notify();
                    while tls.wants_write() && moves(tls.write_tls(&mut client.get_ref()))?.is_some() {}
                    return Ok(());
                }
                tls.writer().write_all(&buffer[..count])?;
                said += count;
                moved = true;
            }
        }
        if !moved {
            let never = std::future::pending::<io::Result<()>>;
            let leave = async { if tls.wants_write() { client.writable().await } else { never().await } };
            let come = async { if ended { never().await } else { client.readable().await } };
            let answer = async { if tls.wants_write() { never().await } else { upstream.readable().await } };
            let room = async { if up.is_empty() { never().await } else { upstream.writable().await } };
            leave.or(come).or(answer).or(room).await?;
        }
    }
}

fn limit(trick: Trick) -> Option<usize> {
    match trick {
        Trick::None => None,
        Trick::NewKeys(at) | Trick::Truncate(at) | Trick::Reset(at) | Trick::End(at) => Some(at),
        Trick::ForgeEnd(at) | Trick::ForgeHello(at) => Some(at),
    }
}

/// Whether the connection goes on.
fn perform(trick: Trick, client: &Async<TcpStream>, tls: &mut ServerConnection) -> io::Result<bool> {
    match trick {
        Trick::None => {}
        Trick::NewKeys(_) => tls.refresh_traffic_keys().map_err(io::Error::other)?,
        Trick::Truncate(_) => {
            client.get_ref().shutdown(Shutdown::Write)?;
            return Ok(false);
        }
        Trick::Reset(_) => {
            smol::block_on(async { client.get_ref().set_linger_zero() })?;
            return Ok(false);
        }
        Trick::ForgeEnd(_) => client.get_ref().write_all(&[21, 3, 3, 0, 2, 1, 0])?,
        Trick::ForgeHello(_) => {
            client.get_ref().write_all(&[&[22, 3, 3, 0, 36, 20, 0, 0, 32][..], &[7; 32]].concat())?;
        }
        Trick::End(_) => tls.send_close_notify(),
    }
    Ok(true)
}

trait Linger {
    /// A dropped connection is reset.
    fn set_linger_zero(&self) -> io::Result<()>;
}

impl Linger for TcpStream {
    fn set_linger_zero(&self) -> io::Result<()> {
        socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO))
    }
}

fn moves(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
