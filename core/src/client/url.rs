//! Absolute URLs of `http`, `https`, `ws` and `wss` (RFC 3986), parsed in place.
//!
//! ```
//! use goldcrest_core::client::url::{Host, Scheme, Url, UrlBuf, UrlError};
//!
//! let url = Url::parse("https://chip.local/events/news?after=oldest#top")?;
//! assert_eq!((url.scheme(), url.host(), url.port()), (Scheme::Https, Host::Name("chip.local"), 443));
//! assert_eq!(url.target().to_string(), "/events/news?after=oldest");
//! assert_eq!(Url::parse("http://ann:secret@chip.local/").unwrap_err(), UrlError::UserInfo);
//!
//! // A reference of `Location`.
//! let mut memory = [0; 64];
//! let mut followed = UrlBuf::new(&mut memory);
//! followed.set("https://chip.local/events/news")?;
//! followed.follow(b"../other?x")?;
//! assert_eq!(followed.as_str(), "https://chip.local/other?x");
//! # Ok::<(), UrlError>(())
//! ```

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standards'")]
pub enum Scheme {
    Http,
    Https,
    Ws,
    Wss,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Ws, Self::Wss];

    /// The scheme's name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether the connection is one of TLS.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// The default port.
    pub const fn default_port(self) -> u16 {
        if self.is_secure() { 443 } else { 80 }
    }
}

/// The host of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A registered name as written, in ASCII, of at least one byte. It is to be resolved.
    Name(&'a str),
    /// An address of IPv4 or IPv6.
    Ip(IpAddr),
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// The reason for which a text is not a URL of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is not `http`, `https`, `ws` or `wss`.
    Scheme,
    /// A user name or a password before `@`: send an `Authorization` field instead, which no log shows.
    UserInfo,
    /// The host is empty, or neither a name nor an address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// A byte other than visible ASCII: encode it by `%`.
    Character,
    /// The URL exceeds the memory.
    TooLong,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL does not begin with http://, https://, ws:// or wss://",
            Self::UserInfo => "the URL has a user name or a password; send an Authorization field instead",
            Self::Host => "the URL's host is neither a name nor an address",
            Self::Port => "the URL's port is not a number from 1 to 65535",
            Self::Character => "the URL has a character other than visible ASCII; encode it by %",
            Self::TooLong => "the URL exceeds the memory for it",
        })
    }
}

impl core::error::Error for UrlError {}

/// An absolute URL, borrowed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    scheme: Scheme,
    host: Host<'a>,
    port: u16,
    /// Host and port as written.
    authority: &'a str,
    target: RequestTarget<'a>,
}

/// The target of a request (RFC 9112 §3.2.1): path and query, without the fragment. Its text begins with `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTarget<'a>(&'a str);

impl<'a> RequestTarget<'a> {
    /// The text in two parts: the slash that the URL omitted, and the text of the URL.
    pub(crate) fn pieces(self) -> (&'static str, &'a str) {
        (if self.0.starts_with('/') { "" } else { "/" }, self.0)
    }

    /// Whether it has a query.
    pub(crate) fn has_query(self) -> bool {
        self.0.bytes().any(|byte| byte == b'?')
    }
}

impl fmt::Display for RequestTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, rest) = self.pieces();
        f.write_str(before)?;
        f.write_str(rest)
    }
}

impl<'a> Url<'a> {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = split_scheme(text).ok_or(UrlError::Scheme)?;
        let rest = before(rest, |byte| byte == b'#');
        let authority = before(rest, |byte| matches!(byte, b'/' | b'?'));
        let target = rest.get(authority.len()..).unwrap_or_default();
        if authority.bytes().any(|byte| byte == b'@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let host = judge_host(host)?;
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(digits) => number(digits).filter(|port| *port > 0).ok_or(UrlError::Port)?,
        };
        Ok(Self { scheme, host, port, authority, target: RequestTarget(target) })
    }

    /// The scheme, which decides on TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, a name or an address.
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port, by default the scheme's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of `Host`: host and port as written.
    pub fn authority(&self) -> &'a str {
        self.authority
    }

    /// The target of the request: path and query.
    pub fn target(&self) -> RequestTarget<'a> {
        self.target
    }

    /// The endpoint of the connection.
    pub fn endpoint(&self) -> Endpoint<'a> {
        Endpoint { host: self.host, port: self.port, secure: self.scheme.is_secure() }
    }
}

/// The endpoint of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// The host; a certificate has to be valid for it.
    pub host: Host<'a>,
    /// The TCP port.
    pub port: u16,
    /// Whether the connection uses TLS.
    pub secure: bool,
}

/// A URL in the caller's memory, which resolves references.
#[derive(Debug)]
pub struct UrlBuf<'m> {
    memory: &'m mut [u8],
    len: usize,
}

impl<'m> UrlBuf<'m> {
    /// An empty text in `memory`, which limits the URLs.
    pub fn new(memory: &'m mut [u8]) -> Self {
        Self { memory, len: 0 }
    }

    /// Stores `url`.
    ///
    /// # Errors
    /// [`UrlError::TooLong`]; the text is then empty.
    pub fn set(&mut self, url: &str) -> Result<(), UrlError> {
        self.len = 0;
        self.append(url.as_bytes())
    }

    /// Clears the text.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The URL, or an empty text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.memory.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }

    /// Resolves `reference` against this URL (RFC 3986 §5.2).
    ///
    /// # Errors
    /// [`UrlError`]: the result is not a URL of a client, or exceeds the memory. The text is then unspecified.
    pub fn follow(&mut self, reference: &[u8]) -> Result<(), UrlError> {
        let reference = core::str::from_utf8(reference).map_err(|_| UrlError::Character)?;
        let reference = before(reference, |byte| byte == b'#');
        let here = before(self.as_str(), |byte| byte == b'#').len();
        self.len = here;
        if split_scheme(reference).is_some() {
            self.len = 0;
        } else if has_scheme(reference) {
            return Err(UrlError::Scheme);
        } else if reference.starts_with("//") {
            self.len = self.as_str().as_bytes().iter().position(|byte| *byte == b'/').unwrap_or(0);
        } else {
            let path = self.path_start();
            let query = self.position(path, |byte| byte == b'?').unwrap_or(self.len);
            match reference.bytes().next() {
                None => {}
                Some(b'?') => self.len = query,
                Some(b'/') => self.len = path,
                Some(_) => {
                    let text = self.memory.get(path..query).unwrap_or_default();
                    let last = text.iter().rposition(|byte| *byte == b'/');
                    self.len = last.map_or(path, |last| path.wrapping_add(last).wrapping_add(1));
                    if last.is_none() {
                        self.append(b"/")?;
                    }
                }
            }
        }
        self.append(reference.as_bytes())?;
        self.remove_dot_segments();
        Url::parse(self.as_str()).map(|_| ())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), UrlError> {
        let end = self.len.wrapping_add(bytes.len());
        let room = self.memory.get_mut(self.len..end).ok_or(UrlError::TooLong)?;
        self.len = self.len.wrapping_add(crate::grammar::copy(bytes, room));
        Ok(())
    }

    /// The start of the path, which may be empty.
    fn path_start(&self) -> usize {
        let scheme = self.position(0, |byte| byte == b':').unwrap_or(0);
        let authority = scheme.wrapping_add(3);
        self.position(authority, |byte| matches!(byte, b'/' | b'?')).unwrap_or(self.len)
    }

    fn position(&self, from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
        let text = self.memory.get(from..self.len)?;
        text.iter().position(|byte| is(*byte)).map(|at| at.wrapping_add(from))
    }

    /// Removes `.` and `..` from the path (RFC 3986 §5.2.4), in place.
    fn remove_dot_segments(&mut self) {
        let start = self.path_start();
        let query = self.position(start, |byte| byte == b'?').unwrap_or(self.len);
        let (mut read, mut written) = (start, start);
        while read < query {
            // A segment with the slash before it.
            let after = read.wrapping_add(1);
            let end = self.position(after, |byte| byte == b'/').filter(|end| *end < query).unwrap_or(query);
            let segment = self.memory.get(after..end).unwrap_or_default();
            let (here, up) = (segment == b".", segment == b"..");
            if up {
                let kept = self.memory.get(start..written).unwrap_or_default();
                written = kept.iter().rposition(|byte| *byte == b'/').map_or(start, |at| start.wrapping_add(at));
            }
            if !(here || up) {
                written = self.shift(read, end, written);
            } else if end == query {
                // A dot segment at the end leaves the slash (RFC 3986 §5.2.4, step 2B and 2C).
                written = self.put(b'/', written);
            }
            read = end;
        }
        self.len = self.shift(query, self.len, written);
    }

    /// Moves the bytes from `from` to `end` down to `to` and returns their new end.
    fn shift(&mut self, from: usize, end: usize, to: usize) -> usize {
        let mut to = to;
        for at in from..end {
            let Some(byte) = self.memory.get(at).copied() else { break };
            to = self.put(byte, to);
        }
        to
    }

    fn put(&mut self, byte: u8, at: usize) -> usize {
        if let Some(room) = self.memory.get_mut(at) {
            *room = byte;
        }
        at.wrapping_add(1)
    }
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    Scheme::ALL.into_iter().find_map(|scheme| {
        let (name, rest) = text.split_at_checked(scheme.as_str().len())?;
        let rest = rest.strip_prefix("://")?;
        name.eq_ignore_ascii_case(scheme.as_str()).then_some((scheme, rest))
    })
}

/// Whether a reference begins with a scheme of any name (RFC 3986 §3.1).
fn has_scheme(reference: &str) -> bool {
    let name = before(reference, |byte| matches!(byte, b':' | b'/' | b'?'));
    let rest = reference.as_bytes().get(name.len());
    rest == Some(&b':') && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
}

/// The text before the first byte that matches `is`, which is ASCII.
fn before(text: &str, is: impl Fn(u8) -> bool) -> &str {
    let end = text.as_bytes().iter().position(|byte| is(*byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if authority.starts_with('[') {
        let end = authority.as_bytes().iter().position(|byte| *byte == b']').ok_or(UrlError::Host)?;
        let (host, rest) = authority.split_at_checked(end.wrapping_add(1)).ok_or(UrlError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    let host = before(authority, |byte| byte == b':');
    Ok((host, authority.get(host.len().wrapping_add(1)..)))
}

fn judge_host(host: &str) -> Result<Host<'_>, UrlError> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return ipv6(address).map(|address| Host::Ip(IpAddr::V6(address))).ok_or(UrlError::Host);
    }
    if let Some(address) = ipv4(host) {
        return Ok(Host::Ip(IpAddr::V4(address)));
    }
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    // WHATWG URL §3.5: a host whose last label is a number would be an IPv4 address.
    let whole = host.strip_suffix('.').unwrap_or(host).as_bytes();
    let start = whole.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot.wrapping_add(1));
    let numeric = match whole.get(start..).unwrap_or_default() {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    if host.is_empty() || host.len() > 253 || numeric || !host.bytes().all(name) {
        return Err(UrlError::Host);
    }
    Ok(Host::Name(host))
}

/// Four decimal numbers without leading zeros.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut rest = Some(text);
    for octet in &mut octets {
        let text = rest?;
        let digits = before(text, |byte| byte == b'.');
        rest = text.get(digits.len().wrapping_add(1)..);
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        *octet = u8::try_from(number(digits)?).ok()?;
    }
    rest.is_none().then(|| Ipv4Addr::from(octets))
}

/// Eight groups of hexadecimal digits, one run of zeros shortened to `::`, the last two perhaps as an IPv4 address
/// (RFC 4291 §2.2). The parser of the standard library is not provably free of panics.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    // The groups before `::` and after it.
    let (mut groups, mut count, mut gap) = ([0_u16; 8], 0_usize, None);
    let mut rest = text;
    if let Some(behind) = rest.strip_prefix("::") {
        gap = Some(0);
        rest = behind;
    }
    while !rest.is_empty() {
        let digits = before(rest, |byte| byte == b':');
        if digits.len() == rest.len()
            && let Some(address) = ipv4(digits)
        {
            let [a, b, c, d] = address.octets();
            for group in [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])] {
                *groups.get_mut(count)? = group;
                count = count.saturating_add(1);
            }
            break;
        }
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        *groups.get_mut(count)? = digits.bytes().try_fold(0, |sum, digit| Some(sum << 4 | hex(digit)?))?;
        count = count.saturating_add(1);
        rest = rest.get(digits.len()..)?;
        if let Some(behind) = rest.strip_prefix("::") {
            if gap.replace(count).is_some() {
                return None;
            }
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix(':') {
            // A group has to follow.
            if behind.is_empty() {
                return None;
            }
            rest = behind;
        }
    }
    let Some(gap) = gap else { return (count == 8).then(|| Ipv6Addr::from(groups)) };
    if count == 8 {
        return None;
    }
    let mut whole = [0; 8];
    for (to, from) in whole.iter_mut().zip(groups).take(gap) {
        *to = from;
    }
    let behind = groups.iter().take(count).skip(gap).rev();
    for (to, from) in whole.iter_mut().rev().zip(behind) {
        *to = *from;
    }
    Some(Ipv6Addr::from(whole))
}

fn hex(digit: u8) -> Option<u16> {
    char::from(digit).to_digit(16).and_then(|value| u16::try_from(value).ok())
}

fn number(digits: &str) -> Option<u16> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_u16, |sum, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests;
