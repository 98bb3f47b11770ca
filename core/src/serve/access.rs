//! Who may ask: `Origin` and `Host`.

use crate::http::{Request, is_bracketed_address};
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
    let colon = host.bytes().rposition(|byte| byte == b':');
    match colon.and_then(|at| host.split_at_checked(at)) {
        Some((name, port)) if port.bytes().skip(1).all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// An address: what stands in brackets is never a name, and neither are four numbers.
fn is_address(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => is_bracketed_address(address.as_bytes()),
        None => {
            let mut parts = name.as_bytes().split(|byte| *byte == b'.');
            let four = [(); 4].iter().all(|()| parts.next().is_some_and(is_part));
            four && parts.next().is_none()
        }
    }
}

/// A number up to 255, without a zero in front.
fn is_part(digits: &[u8]) -> bool {
    match digits {
        [digit] => digit.is_ascii_digit(),
        [b'1'..=b'9', rest @ ..] => {
            rest.len() < 3 && digits.iter().all(u8::is_ascii_digit) && (rest.len() < 2 || *digits <= b"255"[..])
        }
        _ => false,
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let below = name.len().checked_sub(LOCALHOST.len()).and_then(|at| name.split_at_checked(at));
    below.is_some_and(|(before, top)| top.eq_ignore_ascii_case(LOCALHOST) && matches!(before, [] | [.., b'.']))
}

const LOCALHOST: &[u8] = b"localhost";

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
            "10.0.2.15",
            "255.249.199.0",
            "[fe80::1.2.3.4]",
        ] {
            assert!(HostPolicy::Local.judge(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "[evil]",
            "notlocalhost",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.1000",
            "1.2.3.04",
            "1.2.3.",
            "1.2..3",
            "1.2.3.x",
            "[1.2.3.4]",
            "[::1",
            "localhost..",
        ] {
            assert!(!HostPolicy::Local.judge(host), "{host}");
            assert!(HostPolicy::Any.judge(host), "{host}");
        }
        let listed = HostPolicy::List(&["hub.example"]);
        assert!(listed.judge("Hub.Example:443") && listed.judge("localhost") && !listed.judge("x.hub.example"));
    }
}
