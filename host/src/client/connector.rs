//! A connector by Happy Eyeballs (RFC 8305): all addresses of a name, in parallel.

use std::cell::OnceCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use goldcrest_core::client::Connect;
use goldcrest_core::client::url::{Endpoint, Host};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use smol::{Async, Timer};

use super::tls_socket::TlsSocket;
use super::{ClientSocket, TlsOptions};
use crate::reactor::{Reactor, TcpSocket};

/// The Connection Attempt Delay (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Opens connections for the clients of a thread, by TLS if the URL's scheme requires it.
#[derive(Clone)]
pub struct Connector(Rc<Inner>);

struct Inner {
    reactor: Rc<Reactor>,
    tls: TlsOptions,
    /// Created on first use: reading the system's authorities is slow.
    config: OnceCell<Arc<ClientConfig>>,
}

/// The reason for a failed attempt.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name was not resolved.
    Name(io::Error),
    /// No address accepted a connection. The error is the last one.
    Tcp(io::Error),
    /// The server does not speak TLS, or its certificate was rejected.
    Tls(io::Error),
    /// The trusted authorities cannot be read.
    Authorities(io::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "the host's name was not resolved: {error}"),
            Self::Tcp(error) => write!(f, "no TCP connection: {error}"),
            Self::Tls(_) if self.is_untrusted() => {
                f.write_str("no TLS: the server's certificate is not signed by a trusted authority")
            }
            Self::Tls(error) => write!(f, "no TLS: {error}"),
            Self::Authorities(error) => write!(f, "the trusted authorities cannot be read: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {}

impl ConnectError {
    /// Whether the certificate is not signed by a trusted authority. [`TlsOptions::authorities`] can add one.
    pub fn is_untrusted(&self) -> bool {
        let Self::Tls(error) = self else { return false };
        let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        error.is_some_and(|error| {
            let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
            *error == unknown || super::tls_options::is_ca_as_end_entity(error)
        })
    }
}

impl Connector {
    pub(super) fn new(reactor: Rc<Reactor>, tls: TlsOptions) -> Self {
        Self(Rc::new(Inner { reactor, tls, config: OnceCell::new() }))
    }

    /// The same connector without verification of certificates, to test whether a server speaks TLS. An attacker on
    /// the path can read and alter all data.
    #[must_use]
    pub fn danger_accept_any_certificate(&self) -> Self {
        Self::new(Rc::clone(&self.0.reactor), TlsOptions { danger_accept_any_certificate: true, authorities: None })
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        if let Some(config) = self.0.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = self.0.tls.client_config().map_err(ConnectError::Authorities)?;
        Ok(Arc::clone(self.0.config.get_or_init(|| config)))
    }
}

impl Connect for Connector {
    type Socket<'a> = ClientSocket;
    type Error = ConnectError;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<ClientSocket, ConnectError> {
        let addresses = match endpoint.host {
            Host::Ip(address) => vec![SocketAddr::new(address, endpoint.port)],
            Host::Name(name) => smol::net::resolve((name, endpoint.port)).await.map_err(ConnectError::Name)?,
        };
        // Report invalid TLS options before a packet is sent.
        let tls = if endpoint.secure { Some((self.tls()?, server_name(endpoint.host)?)) } else { None };
        let stream = race(interleave_families(addresses)).await.map_err(ConnectError::Tcp)?;
        let socket = stream.set_nodelay(true).and_then(|()| TcpSocket::new(stream, &self.0.reactor));
        let socket = socket.map_err(ConnectError::Tcp)?;
        Ok(match tls {
            None => ClientSocket::plain(socket),
            Some((config, name)) => {
                ClientSocket::tls(TlsSocket::connect(socket, config, name).await.map_err(ConnectError::Tls)?)
            }
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// The name for which the certificate has to be valid.
fn server_name(host: Host<'_>) -> Result<ServerName<'static>, ConnectError> {
    match host {
        Host::Ip(address) => Ok(ServerName::IpAddress(address.into())),
        Host::Name(name) => {
            let name = ServerName::try_from(name.strip_suffix('.').unwrap_or(name).to_owned());
            name.map_err(|error| ConnectError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))
        }
    }
}

/// The address families in turns, the preferred one first (RFC 8305 §4).
fn interleave_families(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let family = |address: &SocketAddr| matches!(address.ip(), IpAddr::V6(_));
    let first = addresses.first().is_some_and(family);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| family(address) == first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut ordered = Vec::new();
    loop {
        let before = ordered.len();
        ordered.extend(preferred.next());
        ordered.extend(others.next());
        if ordered.len() == before {
            return ordered;
        }
    }
}

/// The first connection that opens. Another attempt starts after each failure, and each [`ATTEMPT_DELAY`].
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;
    let mut left = addresses.into_iter();
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        match left.next() {
            Some(address) => {
                attempts.push(Box::pin(async move { Async::<TcpStream>::connect(address).await?.into_inner() }))
            }
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        let more = left.len() > 0;
        let mut delay = pin!(async {
            if more {
                Timer::after(ATTEMPT_DELAY).await;
            } else {
                std::future::pending::<()>().await;
            }
        });
        let connected = poll_fn(|cx| {
            let mut at = 0;
            while let Some(attempt) = attempts.get_mut(at) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Some(stream)),
                    Poll::Ready(Err(error)) => {
                        last = error;
                        drop(attempts.remove(at));
                        if more || attempts.is_empty() {
                            return Poll::Ready(None);
                        }
                    }
                    Poll::Pending => at += 1,
                }
            }
            delay.as_mut().poll(cx).map(|()| None)
        });
        if let Some(stream) = connected.await {
            return Ok(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn address_families_alternate_from_the_preferred_one() {
        let ordered = interleave_families(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(ordered, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
        let ordered = interleave_families(addresses(&["1.1.1.1:1", "[::1]:1"]));
        assert_eq!(ordered, addresses(&["1.1.1.1:1", "[::1]:1"]));
    }

    #[test]
    fn a_refused_address_is_followed_by_the_next_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let bad = closed.local_addr().unwrap();
        drop(closed);
        let start = std::time::Instant::now();
        let stream = smol::block_on(race(vec![bad, bad, good])).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(start.elapsed() < 2 * ATTEMPT_DELAY, "a failed attempt must not delay the next");
        assert_eq!(smol::block_on(race(vec![bad])).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(smol::block_on(race(Vec::new())).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
