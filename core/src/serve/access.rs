//! Who may ask: `Origin` and `Host`.

use crate::http::Request;
use crate::ws::handshake::origin::OriginPolicy;

/// Which pages and which names of the server are answered; anything else is 403.
///
/// Both are needed: `Origin` keeps other sites out, `Host` keeps out a site that lets its own name point here (DNS
/// rebinding) and so is of the same origin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// Which origins may ask, on every method. Default: the same one, and requests without `Origin`.
    pub origins: OriginPolicy<'a>,
    /// Which names the server answers to. Default: addresses and `localhost`.
    pub hosts: HostPolicy<'a>,
}

/// Which names a server answers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPolicy<'a> {
    /// IP addresses, `localhost` and names below it: nobody else can make them point elsewhere.
    #[default]
    Local,
    /// Every name: for a server behind a proxy that judges them, or without anything to protect.
    Any,
    /// Addresses and `localhost`, and these names, compared without case, whatever the port.
    List(&'a [&'a str]),
}

impl Access<'_> {
    /// Whether the request may be answered.
    pub fn judge<B: AsRef<[u8]>>(&self, request: &Request<B>) -> bool {
        let host = request.host().unwrap_or("");
        let mut origins = request.header_all("origin");
        let origin = origins.next();
        self.hosts.judge(host) && origins.next().is_none() && self.origins.judge(origin, host.as_bytes())
    }
}

impl HostPolicy<'_> {
    /// Whether a request for `host` (with or without a port) is answered. One that names nobody is: no browser sends it.
    pub fn judge(&self, host: &str) -> bool {
        let name = without_port(host);
        let local = name.is_empty() || is_address(name) || is_localhost(name);
        match self {
            Self::Any => true,
            Self::Local => local,
            Self::List(names) => local || names.iter().any(|listed| listed.eq_ignore_ascii_case(name)),
        }
    }
}

fn without_port(host: &str) -> &str {
    let name = host.trim_end_matches(|digit: char| digit.is_ascii_digit());
    name.strip_suffix(':').unwrap_or(host)
}

fn is_address(name: &str) -> bool {
    // Only an address stands in brackets, and no name has a top that is a number: neither can be made to point elsewhere.
    // (The library's own parser of addresses panics where it is wrong, and is large.)
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
            && address.bytes().any(|byte| byte == b':');
    }
    let mut parts = labels(name);
    (0..4).all(|_| parts.next().is_some_and(is_octet)) && parts.next().is_none()
}

fn is_octet(part: &[u8]) -> bool {
    (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit) && (part.len() < 3 || part <= b"255")
}

fn labels(name: &str) -> impl Iterator<Item = &[u8]> {
    name.as_bytes().split(|byte| *byte == b'.')
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    labels(name).last().is_some_and(|top| top.eq_ignore_ascii_case(b"localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_point_here_are_local() {
        for host in [
            "127.0.0.1:8080",
            "[::1]:80",
            "[::1]",
            "localhost",
            "LOCALHOST:1",
            "a.localhost.",
            "",
            ":80",
            "10.0.255.15",
        ] {
            assert!(HostPolicy::Local.judge(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "[evil]",
            "[add]",
            "notlocalhost",
            "1.2.3",
            "1.2.3.",
            "1.2.3.4.",
            "1.2.3.256",
            "1.2.3.+4",
            "1.2.3.4.5",
            "[::1",
            "localhost:x",
        ] {
            assert!(!HostPolicy::Local.judge(host), "{host}");
            assert!(HostPolicy::Any.judge(host), "{host}");
        }
        let listed = HostPolicy::List(&["hub.example"]);
        assert!(listed.judge("Hub.Example:443") && listed.judge("localhost") && !listed.judge("x.hub.example"));
    }
}
