//! Who may ask: `Origin`, `Sec-Fetch-Site` and `Host`.

use core::fmt;
use core::net::Ipv6Addr;

use crate::http::{Method, Request, is_bracketed_address, is_host_and_port};
use crate::ws::handshake::origin::{self, OriginError, OriginMatch, OriginPolicy};

/// Which pages and which names of the server are answered; anything else is 403.
///
/// Both are needed: `Origin` keeps other sites out, `Host` keeps out a site that lets its own name point here (DNS
/// rebinding) and so is of the same origin.
///
/// A browser sends no `Origin` for what a page embeds, an `<img>` or a classic `<script>`, nor for a link. Where it sends
/// `Sec-Fetch-Site` instead (W3C Fetch Metadata), a request from another origin is permitted only if it is a top-level
/// navigation by GET or HEAD: a link to a page keeps working, and what other sites embed is refused.
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
    /// Addresses and `localhost`, and these names, compared without case, whatever the port. [`HostError`] says what no
    /// `Host` matches.
    List(&'a [&'a str]),
}

/// Why no `Host` matches an entry of [`HostPolicy::List`]. Its text has the right form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError<'e> {
    /// It is no host at all.
    Malformed,
    /// `https://hub.example/`: the host in it.
    Url(&'e str),
    /// `*.hub.example`
    Wildcard,
    /// Letters beyond ASCII.
    NotAscii,
}

impl fmt::Display for HostError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a host is a name or an address, such as hub.example"),
            Self::Url(host) => write!(f, "a host has neither scheme nor path; write {host}"),
            Self::Wildcard => f.write_str("a host has no wildcard; list each name, or allow all of them"),
            Self::NotAscii => f.write_str("clients send a name in ASCII, such as xn--bcher-kva.example"),
        }
    }
}

impl core::error::Error for HostError<'_> {}

/// Whether `Host` may have a value that `entry` matches, as an entry of [`HostPolicy::List`]. A port in it makes no difference.
///
/// # Errors
/// Why it has none, with the right form.
pub fn validate_host(entry: &str) -> Result<(), HostError<'_>> {
    if !entry.is_ascii() {
        return Err(HostError::NotAscii);
    }
    if entry.contains('*') {
        return Err(HostError::Wildcard);
    }
    if entry.parse::<Ipv6Addr>().is_ok() {
        // Addresses are answered to in any case.
        return Ok(());
    }
    let rest = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = without_port(authority);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if name.is_empty() || !(is_name || name.starts_with('[')) || !is_host_and_port(authority.as_bytes()) {
        return Err(HostError::Malformed);
    }
    if authority.len() < entry.len() { Err(HostError::Url(name)) } else { Ok(()) }
}

/// An entry of [`Access`] that no request matches, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError<'e> {
    /// Of [`Access::origins`].
    Origin(&'e str, OriginError<'e>),
    /// Of [`Access::hosts`].
    Host(&'e str, HostError<'e>),
}

impl fmt::Display for AccessError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(entry, error) => write!(f, "allowed origin {entry:?}: {error}"),
            Self::Host(entry, error) => write!(f, "allowed host {entry:?}: {error}"),
        }
    }
}

impl core::error::Error for AccessError<'_> {}

/// Why [`Access`] does not permit a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDenied {
    /// The server does not answer to the name in `Host`.
    Host,
    /// `Origin` names a page of another origin, or there are two.
    Origin,
    /// `Sec-Fetch-Site` says that a page of another origin embeds what is asked for.
    CrossSite,
}

impl<'a> Access<'a> {
    /// Whether each entry of the lists may match a request.
    ///
    /// # Errors
    /// The first that never does.
    ///
    /// ```
    /// use goldcrest_core::server::{Access, HostPolicy};
    /// use goldcrest_core::ws::handshake::OriginPolicy;
    ///
    /// let origins = OriginPolicy::List(&["app.example"]);
    /// let access = Access { origins, hosts: HostPolicy::List(&["hub.example"]) };
    /// let error = access.validate().unwrap_err().to_string();
    /// assert!(error.ends_with("write https://app.example or http://app.example"), "{error}");
    /// ```
    pub fn validate(&self) -> Result<(), AccessError<'a>> {
        if let OriginPolicy::List(origins) = self.origins {
            for entry in origins {
                origin::validate(entry).map_err(|error| AccessError::Origin(entry, error))?;
            }
        }
        if let HostPolicy::List(hosts) = self.hosts {
            for entry in hosts {
                validate_host(entry).map_err(|error| AccessError::Host(entry, error))?;
            }
        }
        Ok(())
    }

    /// Whether the request may be answered.
    pub fn permits<B: AsRef<[u8]>>(&self, request: &Request<B>) -> bool {
        self.check(request).is_ok()
    }

    /// How the request's origin is permitted.
    ///
    /// # Errors
    /// The rule by which the request is to be refused.
    pub fn check<B: AsRef<[u8]>>(&self, request: &Request<B>) -> Result<OriginMatch, AccessDenied> {
        let host = request.host().unwrap_or("");
        if !self.hosts.permits(host) {
            return Err(AccessDenied::Host);
        }
        let mut origins = request.header_all("origin");
        match self.origins.find(origins.next(), host.as_bytes()) {
            _ if origins.next().is_some() => Err(AccessDenied::Origin),
            Some(OriginMatch::Absent) if is_embedded(request) => Err(AccessDenied::CrossSite),
            found => found.ok_or(AccessDenied::Origin),
        }
    }
}

/// Whether a browser asks on behalf of a page of another origin, and not since its user follows a link. Another origin
/// of the same site (another port, another subdomain) is another one.
fn is_embedded<B: AsRef<[u8]>>(request: &Request<B>) -> bool {
    let is = |name, value: &[u8]| request.header(name).is_some_and(|it| it == value);
    let follows_link = || {
        matches!(request.method(), Method::Get | Method::Head)
            && is("sec-fetch-mode", b"navigate")
            && is("sec-fetch-dest", b"document")
    };
    (is("sec-fetch-site", b"cross-site") || is("sec-fetch-site", b"same-site")) && !follows_link()
}

impl HostPolicy<'_> {
    /// Whether a request for `host` (with or without a port) is answered. One that names nobody is: no browser sends it.
    pub fn permits(&self, host: &str) -> bool {
        let name = without_port(host);
        let local = name.is_empty() || is_address(name) || is_localhost(name);
        match self {
            Self::Any => true,
            Self::Local => local,
            Self::List(names) => local || names.iter().any(|listed| without_port(listed).eq_ignore_ascii_case(name)),
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
    use crate::http::MAX_FIELDS;
    use std::format;

    fn check(access: Access<'_>, method: &str, fields: &str) -> Result<OriginMatch, AccessDenied> {
        let head = format!("{method} /events/a HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        access.check(&Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).unwrap())
    }

    #[test]
    fn a_host_that_nothing_matches_is_an_error_with_the_right_form() {
        for entry in ["hub", "hub:8080", "Hub.Example", "127.0.0.1", "[::1]:80", "::1", "localhost", "my_hub"] {
            assert_eq!(validate_host(entry), Ok(()), "{entry}");
            assert!(entry == "::1" || HostPolicy::List(&[entry]).permits(entry), "{entry}");
        }
        for (entry, right) in [
            ("http://hub", "write hub"),
            ("https://hub:8080/", "write hub"),
            ("hub/", "write hub"),
            ("*.hub.example", "list each name"),
            ("*", "list each name"),
            ("h\u{fc}b", "xn--"),
            ("", "hub.example"),
            (":80", "hub.example"),
            ("a b", "hub.example"),
            ("a,b", "hub.example"),
            ("u@hub", "hub.example"),
            ("hub:port", "hub.example"),
        ] {
            let error = validate_host(entry).map_err(|error| format!("{error}"));
            assert!(error.as_ref().is_err_and(|text| text.contains(right)), "{entry:?}: {error:?}");
        }
        let access = Access { hosts: HostPolicy::List(&["hub", "http://hub"]), ..Access::default() };
        let error = access.validate().map_err(|error| format!("{error}"));
        assert_eq!(error.unwrap_err(), "allowed host \"http://hub\": a host has neither scheme nor path; write hub");
    }

    #[test]
    fn what_another_site_embeds_is_refused_and_its_links_work() {
        let link = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
        let image = "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n";
        let frame = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n";
        for (site, method, fields, may) in [
            ("cross-site", "GET", image, false),
            ("cross-site", "GET", frame, false),
            ("cross-site", "GET", "", false),
            ("cross-site", "GET", link, true),
            ("cross-site", "HEAD", link, true),
            ("cross-site", "POST", link, false),
            ("same-site", "GET", image, false),
            ("same-site", "GET", link, true),
            ("same-origin", "GET", image, true),
            ("same-origin", "POST", "", true),
            ("none", "GET", link, true),
            ("none", "GET", "", true),
        ] {
            let fields = format!("Sec-Fetch-Site: {site}\r\n{fields}");
            let seen = check(Access::default(), method, &fields);
            assert_eq!(seen == Ok(OriginMatch::Absent), may, "{method} {fields}");
            assert_eq!(seen == Err(AccessDenied::CrossSite), !may, "{method} {fields}");
            let any = Access { origins: OriginPolicy::Any, ..Access::default() };
            assert_eq!(check(any, method, &fields), Ok(OriginMatch::Any));
        }
        let listed = Access { origins: OriginPolicy::List(&["https://app.example"]), ..Access::default() };
        let fields = "Sec-Fetch-Site: cross-site\r\n";
        assert_eq!(check(listed, "GET", fields), Err(AccessDenied::CrossSite));
        let fields = "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n";
        assert_eq!(check(listed, "POST", fields), Ok(OriginMatch::Listed));
        assert_eq!(check(Access::default(), "POST", fields), Err(AccessDenied::Origin));
    }

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
            assert!(HostPolicy::Local.permits(host), "{host}");
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
            assert!(!HostPolicy::Local.permits(host), "{host}");
            assert!(HostPolicy::Any.permits(host), "{host}");
        }
        assert!(HostPolicy::List(&["hub.example:8080"]).permits("hub.example"));
        let listed = HostPolicy::List(&["hub.example"]);
        assert!(listed.permits("Hub.Example:443") && listed.permits("localhost") && !listed.permits("x.hub.example"));
    }
}
