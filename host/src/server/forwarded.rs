//! The client of a request behind trusted proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use goldcrest_core::http::Request;

/// A network of IP addresses: an address and the bits of its prefix, such as `10.0.0.0/8` (RFC 4632 §3.1) or `2001:db8::/32`
/// (RFC 4291 §2.3).
///
/// Parsed from text, where an address alone is a network of one address. An IPv4-mapped IPv6 network of at least 96 bits is an
/// IPv4 network.
///
/// ```
/// use goldcrest_host::IpNetwork;
///
/// let network: IpNetwork = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse().unwrap()));
/// assert!(!network.contains("11.1.2.3".parse().unwrap()));
/// # Ok::<(), goldcrest_host::IpNetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpNetwork {
    /// The bits behind the prefix are 0.
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not an [`IpNetwork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpNetworkError {
    /// The part before the slash is not an IP address.
    Address,
    /// The part behind the slash is not a number of bits of the address, of which there are so many.
    Prefix(u8),
    /// The address has bits behind the prefix. The network has none.
    HostBits(IpNetwork),
}

impl fmt::Display for IpNetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("not an IP address or network; write it as 10.0.0.0/8 or 2001:db8::/32"),
            Self::Prefix(bits) => write!(f, "the prefix is not a number of bits from 0 to {bits}"),
            Self::HostBits(network) => {
                write!(f, "the address has bits behind its prefix; write {network}, or the address without a prefix")
            }
        }
    }
}

impl std::error::Error for IpNetworkError {}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl IpNetwork {
    /// Whether `address` belongs to the network. An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= self.prefix.into()
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= self.prefix.into()
            }
            _ => false,
        }
    }
}

impl FromStr for IpNetwork {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, IpNetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| IpNetworkError::Address)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) => {
                let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
                let number = prefix.parse::<u8>().ok().filter(|number| digits && *number <= bits);
                number.ok_or(IpNetworkError::Prefix(bits))?
            }
        };
        let (address, prefix) = match (address.to_canonical(), address) {
            (IpAddr::V4(mapped), IpAddr::V6(_)) if prefix >= 96 => (IpAddr::V4(mapped), prefix - 96),
            _ => (address, prefix),
        };
        let network = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        let parsed = Self { address: network, prefix };
        if network == address { Ok(parsed) } else { Err(IpNetworkError::HostBits(parsed)) }
    }
}

/// The proxies whose fields are read.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustedProxies(Arc<[IpNetwork]>);

impl TrustedProxies {
    pub(super) fn new(networks: &[IpNetwork]) -> Self {
        Self(networks.into())
    }

    /// Whether the fields of a connection from `address` are read.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client that the fields of a trusted connection name, with port 0 where they name none. `None` where they name none, are
    /// malformed, or name different clients: a proxy that sets one of the fields may forward the other one from the client.
    pub(super) fn client<B: AsRef<[u8]>>(&self, request: &Request<B>) -> Option<SocketAddr> {
        let standard = self.last_untrusted(request.header_all("forwarded"), forwarded);
        let other = self.last_untrusted(request.header_all("x-forwarded-for"), x_forwarded_for);
        match (standard, other) {
            (Some(client), None) | (None, Some(client)) => client,
            (Some(Some(client)), Some(Some(same))) if client.ip() == same.ip() => {
                Some(if client.port() == 0 { same } else { client })
            }
            _ => None,
        }
    }

    /// The last address that is not a trusted proxy's. The outer `None`: there is no such field, or it is empty.
    fn last_untrusted<'v>(
        &self,
        values: impl Iterator<Item = &'v [u8]>,
        nodes: fn(&str) -> Option<Vec<Option<SocketAddr>>>,
    ) -> Option<Option<SocketAddr>> {
        let (values, mut named): (Vec<&[u8]>, _) = (values.collect(), None);
        for value in values.iter().rev() {
            let Some(nodes) = str::from_utf8(value).ok().and_then(nodes) else { return Some(None) };
            for node in nodes.into_iter().rev() {
                match node {
                    Some(proxy) if self.trusts(proxy.ip()) => named = Some(None),
                    client_or_unknown => return Some(client_or_unknown),
                }
            }
        }
        named
    }
}

/// The nodes of `X-Forwarded-For`: `None` for each that is not an address.
fn x_forwarded_for(value: &str) -> Option<Vec<Option<SocketAddr>>> {
    let elements = value.split(',').map(|element| element.trim_matches([' ', '\t']));
    let node = |element: &str| match element.parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address.to_canonical(), 0)),
        Err(_) => node(element),
    };
    Some(elements.filter(|element| !element.is_empty()).map(node).collect())
}

/// The nodes of `Forwarded` (RFC 7239 §4): `None` for each element whose `for` is not an address. No list at all where the field is
/// malformed.
fn forwarded(value: &str) -> Option<Vec<Option<SocketAddr>>> {
    let (mut rest, mut nodes) = (value, Vec::new());
    loop {
        let (mut is_empty, mut client) = (true, None);
        loop {
            skip_space(&mut rest);
            if let Some(name) = token(&mut rest) {
                rest = rest.strip_prefix('=')?;
                let value = match rest.strip_prefix('"') {
                    Some(quoted) => {
                        rest = quoted;
                        quoted_string(&mut rest)?
                    }
                    None => token(&mut rest)?.to_owned(),
                };
                is_empty = false;
                // Each parameter occurs once in an element.
                if name.eq_ignore_ascii_case("for") && client.replace(node(&value)).is_some() {
                    return None;
                }
            }
            skip_space(&mut rest);
            match rest.strip_prefix(';') {
                Some(after) => rest = after,
                None => break,
            }
        }
        if !is_empty {
            nodes.push(client.flatten());
        }
        if rest.is_empty() {
            return Some(nodes);
        }
        rest = rest.strip_prefix(',')?;
    }
}

fn skip_space(rest: &mut &str) {
    *rest = rest.trim_start_matches([' ', '\t']);
}

/// A token (RFC 9110 §5.6.2).
fn token<'v>(rest: &mut &'v str) -> Option<&'v str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let (token, after) = rest.split_at(rest.find(|c: char| !is_token(c)).unwrap_or(rest.len()));
    *rest = after;
    (!token.is_empty()).then_some(token)
}

/// The text of a quoted string (RFC 9110 §5.6.4) behind its first quote.
fn quoted_string(rest: &mut &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => {
                *rest = &rest[at + 1..];
                return Some(text);
            }
            '\\' => text.push(characters.next()?.1),
            c => text.push(c),
        }
    }
    None
}

/// The address of a node (RFC 7239 §6). `unknown` and obfuscated identifiers are none.
fn node(text: &str) -> Option<SocketAddr> {
    let (address, rest): (IpAddr, &str) = match text.strip_prefix('[') {
        Some(v6) => {
            let (address, rest) = v6.split_once(']')?;
            (address.parse::<Ipv6Addr>().ok()?.into(), rest)
        }
        None => {
            let (address, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (address.parse::<Ipv4Addr>().ok()?.into(), rest)
        }
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => port_number(port)?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

/// A port, or 0 for an obfuscated one.
fn port_number(text: &str) -> Option<u16> {
    match text.strip_prefix('_') {
        Some(name) => {
            let obfuscated = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            (!name.is_empty() && name.chars().all(obfuscated)).then_some(0)
        }
        None => text.parse().ok().filter(|_| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldcrest_core::http::MAX_FIELDS;

    fn network(text: &str) -> IpNetwork {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_the_addresses_of_its_prefix() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::a00:1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("::1", "::1", "::2"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"),
            ("fe80::/10", "febf::1", "fec0::1"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{text} contains {inside}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{text} does not contain {outside}");
        }
        assert_eq!(network("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
        assert_eq!(network("2001:DB8::/32").to_string(), "2001:db8::/32");
    }

    #[test]
    fn a_text_that_is_no_network_is_an_error() {
        for text in ["", "10.0.0", "10.0.0.0.0/8", "proxy.example", "10.0.0.0:80", "[::1]", " 10.0.0.1", "010.0.0.1"] {
            assert_eq!(text.parse::<IpNetwork>(), Err(IpNetworkError::Address), "{text}");
        }
        for (text, bits) in
            [("10.0.0.0/33", 32), ("10.0.0.0/", 32), ("10.0.0.0/+8", 32), ("::/129", 128), ("::/-1", 128)]
        {
            assert_eq!(text.parse::<IpNetwork>(), Err(IpNetworkError::Prefix(bits)), "{text}");
        }
        for (text, remedy) in [("10.0.0.1/8", "10.0.0.0/8"), ("2001:db8::1/32", "2001:db8::/32")] {
            let error = text.parse::<IpNetwork>().unwrap_err();
            assert_eq!(error, IpNetworkError::HostBits(network(remedy)), "{text}");
            assert!(error.to_string().contains(remedy), "{error}");
        }
    }

    fn client(fields: &[&str]) -> Option<String> {
        let proxies = TrustedProxies::new(&[network("10.0.0.0/8"), network("2001:db8:aaaa::/48")]);
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let request = Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).unwrap();
        proxies.client(&request).map(|client| client.to_string())
    }

    #[test]
    fn the_last_untrusted_address_of_x_forwarded_for_is_the_client() {
        for (value, expected) in [
            ("192.0.2.1", Some("192.0.2.1:0")),
            ("192.0.2.1:4711", Some("192.0.2.1:4711")),
            ("203.0.113.9, 192.0.2.1", Some("192.0.2.1:0")),
            ("192.0.2.1, 10.0.0.9, 10.1.1.1:80", Some("192.0.2.1:0")),
            ("192.0.2.1,\t2001:db8:aaaa::7 ,::ffff:10.0.0.1", Some("192.0.2.1:0")),
            ("2001:db8::1", Some("[2001:db8::1]:0")),
            ("[2001:db8::1]", Some("[2001:db8::1]:0")),
            ("[2001:db8::1]:4711, 10.0.0.1", Some("[2001:db8::1]:4711")),
            ("::ffff:192.0.2.1", Some("192.0.2.1:0")),
            (", 192.0.2.1, ,", Some("192.0.2.1:0")),
            ("10.0.0.1, 10.0.0.2", None),
            ("192.0.2.1, unknown", None),
            ("192.0.2.1, _hidden, 10.0.0.1", None),
            ("unknown, 192.0.2.1", Some("192.0.2.1:0")),
            ("192.0.2.1 10.0.0.1", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.1:", None),
            ("192.0.2.01", None),
            ("[192.0.2.1]", None),
            ("[2001:db8::1]x", None),
            ("fe80::1%eth0", None),
            ("\"192.0.2.1\"", None),
            ("", None),
        ] {
            assert_eq!(client(&[&format!("X-Forwarded-For: {value}")]).as_deref(), expected, "{value}");
        }
        let lines =
            ["X-Forwarded-For: 203.0.113.9", "x-forwarded-for: 192.0.2.1, 10.0.0.1", "X-FORWARDED-FOR: 10.0.0.2"];
        assert_eq!(client(&lines).as_deref(), Some("192.0.2.1:0"), "the lines are one list");
        assert_eq!(client(&[]), None);
    }

    #[test]
    fn the_last_untrusted_node_of_forwarded_is_the_client() {
        for (value, expected) in [
            ("for=192.0.2.1", Some("192.0.2.1:0")),
            ("For=\"192.0.2.1:4711\"", Some("192.0.2.1:4711")),
            ("for=\"[2001:db8::1]:4711\"", Some("[2001:db8::1]:4711")),
            ("for=\"[2001:db8::1]\";proto=https;by=203.0.113.43", Some("[2001:db8::1]:0")),
            ("for=\"[::ffff:192.0.2.1]\"", Some("192.0.2.1:0")),
            ("for=\"192.0.2.1:_port\"", Some("192.0.2.1:0")),
            ("for=\"192\\.0.2.1\"", Some("192.0.2.1:0")),
            ("for=203.0.113.9, for=192.0.2.1;proto=http", Some("192.0.2.1:0")),
            ("for=192.0.2.1 ; by=10.0.0.2 , ,for=10.0.0.1;", Some("192.0.2.1:0")),
            ("host=\"a,b;for=203.0.113.9\";for=192.0.2.1", Some("192.0.2.1:0")),
            ("for=unknown", None),
            ("for=192.0.2.1, for=_hidden", None),
            ("for=\"_hidden:80\", for=10.0.0.1", None),
            ("for=unknown, for=192.0.2.1", Some("192.0.2.1:0")),
            ("for=192.0.2.1, proto=https", None),
            ("for=10.0.0.1", None),
            ("for=192.0.2.1;for=192.0.2.1", None),
            ("for=192.0.2.1:4711", None),
            ("for=[2001:db8::1]", None),
            ("for=\"2001:db8::1\"", None),
            ("for = 192.0.2.1", None),
            ("for=", None),
            ("for", None),
            ("192.0.2.1", None),
            ("for=\"192.0.2.1", None),
            ("for=\"192.0.2.1\\", None),
            ("for=\"192.0.2.1\"x", None),
            // An open quote of the client that the proxy's own element closes.
            ("for=203.0.113.9;x=\", for=\"192.0.2.1:1\"", None),
            ("", None),
        ] {
            assert_eq!(client(&[&format!("Forwarded: {value}")]).as_deref(), expected, "{value}");
        }
        let lines = ["Forwarded: for=\"", "Forwarded: for=192.0.2.1", "Forwarded: for=10.0.0.1"];
        assert_eq!(client(&lines).as_deref(), Some("192.0.2.1:0"), "a line before the client's is not read");
    }

    #[test]
    fn fields_that_name_different_clients_name_none() {
        let both = |forwarded: &str, other: &str| {
            client(&[&format!("Forwarded: {forwarded}"), &format!("X-Forwarded-For: {other}")])
        };
        assert_eq!(both("for=192.0.2.1", "192.0.2.1:7").as_deref(), Some("192.0.2.1:7"));
        assert_eq!(both("for=\"192.0.2.1:8\"", "192.0.2.1").as_deref(), Some("192.0.2.1:8"));
        assert_eq!(both("for=203.0.113.9", "192.0.2.1"), None);
        assert_eq!(both("", "192.0.2.1").as_deref(), Some("192.0.2.1:0"), "an empty field is none");
        assert_eq!(both("for=10.0.0.1", "192.0.2.1"), None);
        assert_eq!(both("for=unknown", "192.0.2.1"), None);
        assert_eq!(both("for=192.0.2.1", "unknown"), None);
    }
}
