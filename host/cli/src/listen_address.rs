//! The addresses that a server listens on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

/// A value of `--listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// `:PORT`: all addresses of the machine, of both families
    All(u16),
    /// `localhost:PORT`: the loopback addresses of both families
    Localhost(u16),
    One(SocketAddr),
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::One(address));
        }
        let port = |port: &str| port.parse::<u16>().map_err(|_| format!("{port:?} is not a port of 0 to 65535"));
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            port(text)?;
            return Err(format!("a port alone; write localhost:{text} for this machine, or :{text} for all addresses"));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Err(format!("a port is missing; write {}", SocketAddr::new(address, 8080)));
        }
        match text.rsplit_once(':') {
            Some(("", number)) => Ok(Self::All(port(number)?)),
            Some((name, number)) if name.eq_ignore_ascii_case("localhost") => Ok(Self::Localhost(port(number)?)),
            Some(("*", number)) => {
                port(number)?;
                Err(format!("all addresses are written :{number}"))
            }
            _ if text.eq_ignore_ascii_case("localhost") => Err("a port is missing; write localhost:8080".into()),
            _ => Err("not an address with a port; write 127.0.0.1:8080, [::1]:8080, localhost:8080 or :8080".into()),
        }
    }
}

/// The families of addresses that the machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Families {
    v4: bool,
    v6: bool,
}

impl Families {
    /// Those whose loopback address a socket can be bound to. A machine or a container may have none of IPv6.
    pub(crate) fn of_this_machine() -> Self {
        let has = |address: IpAddr| UdpSocket::bind((address, 0)).is_ok();
        Self { v4: has(Ipv4Addr::LOCALHOST.into()), v6: has(Ipv6Addr::LOCALHOST.into()) }
    }
}

/// The addresses of sockets, each once. `[::]` accepts IPv4 connections too.
///
/// # Errors
/// An address has no effect, because `:PORT` includes it.
pub(crate) fn resolve(listen: &[ListenAddress], families: Families) -> Result<Vec<SocketAddr>, String> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let mut add = |address: SocketAddr| {
        // Each port 0 is a port of its own.
        if address.port() == 0 || !addresses.contains(&address) {
            addresses.push(address);
        }
    };
    for each in listen {
        match *each {
            ListenAddress::All(port) => {
                let included = |other: &&ListenAddress| match **other {
                    ListenAddress::All(_) => false,
                    ListenAddress::Localhost(other) => port != 0 && other == port,
                    ListenAddress::One(other) => port != 0 && other.port() == port,
                };
                if let Some(other) = listen.iter().find(included) {
                    let other = match other {
                        ListenAddress::One(address) => address.to_string(),
                        ListenAddress::All(_) | ListenAddress::Localhost(_) => format!("localhost:{port}"),
                    };
                    return Err(format!("{other} has no effect beside :{port}, which includes it; give one of them"));
                }
                let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
                add(if families.v6 { SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)) } else { v4 });
            }
            ListenAddress::Localhost(port) => {
                // Without any, the error of IPv4 is reported where it is bound.
                if families.v4 || !families.v6 {
                    add(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                }
                if families.v6 {
                    add(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
                }
            }
            ListenAddress::One(address) => add(address),
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Families = Families { v4: true, v6: true };
    const ONLY_V4: Families = Families { v4: true, v6: false };
    const ONLY_V6: Families = Families { v4: false, v6: true };

    fn resolved(listen: &[&str], families: Families) -> String {
        let listen: Vec<ListenAddress> = listen.iter().map(|text| text.parse().unwrap()).collect();
        match resolve(&listen, families) {
            Ok(addresses) => addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error,
        }
    }

    #[test]
    fn names_resolve_to_the_families_of_the_machine() {
        assert_eq!(resolved(&[":80"], BOTH), "[::]:80");
        assert_eq!(resolved(&[":80"], ONLY_V4), "0.0.0.0:80");
        assert_eq!(resolved(&["localhost:80"], BOTH), "127.0.0.1:80 [::1]:80");
        assert_eq!(resolved(&["LOCALHOST:80"], ONLY_V4), "127.0.0.1:80");
        assert_eq!(resolved(&["localhost:80"], ONLY_V6), "[::1]:80");
        assert_eq!(resolved(&["127.0.0.1:80", "[::1]:81"], BOTH), "127.0.0.1:80 [::1]:81");
    }

    #[test]
    fn an_address_is_used_once() {
        assert_eq!(resolved(&["127.0.0.1:80", "localhost:80", ":81", ":81"], BOTH), "127.0.0.1:80 [::1]:80 [::]:81");
        assert_eq!(resolved(&["localhost:80", "[::1]:80"], BOTH), "127.0.0.1:80 [::1]:80");
        assert_eq!(resolved(&["127.0.0.1:0", "127.0.0.1:0"], BOTH), "127.0.0.1:0 127.0.0.1:0");
    }

    #[test]
    fn an_address_that_all_addresses_include_has_no_effect() {
        for other in ["localhost:80", "127.0.0.1:80", "0.0.0.0:80", "[::]:80"] {
            let error = format!("{other} has no effect beside :80, which includes it; give one of them");
            assert_eq!(resolved(&[other, ":80"], BOTH), error);
            assert_eq!(resolved(&[":80", other], ONLY_V4), error);
        }
        assert_eq!(resolved(&[":0", "127.0.0.1:0"], BOTH), "[::]:0 127.0.0.1:0");
    }

    #[test]
    fn an_error_has_the_right_form() {
        for (text, right) in [
            ("8080", "write localhost:8080 for this machine, or :8080"),
            ("*:80", "written :80"),
            ("localhost", "write localhost:8080"),
            ("127.0.0.1", "write 127.0.0.1:8080"),
            ("::1", "write [::1]:8080"),
            ("hub.example:80", "write 127.0.0.1:8080, [::1]:8080, localhost:8080 or :8080"),
            (":65536", "\"65536\" is not a port"),
            ("localhost:", "\"\" is not a port"),
            ("", "is not a port"),
        ] {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.contains(right), "{text}: {error}");
        }
    }
}
