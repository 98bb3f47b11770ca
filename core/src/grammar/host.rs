//! A host and a port (RFC 3986 §3.2), and the policy for `Host` (RFC 9110 §7.2).

use core::fmt;
use core::net::Ipv6Addr;

use super::characters::is_host;
use super::scan::{find, split_once};

/// The names of the server that are answered. This stops DNS rebinding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPolicy<'a> {
    /// IP addresses, `localhost` and names below it: an attacker's DNS cannot resolve them (RFC 6761 §6.3).
    #[default]
    Local,
    /// As `Local`, and the names of a local network: those below `local` (mDNS, RFC 6762 §3) and names of one label, such as
    /// `sensor.local` and `sensor`. The public DNS resolves neither: the zone `local` does not exist there (RFC 6762 §22.1), and a
    /// name of one label would be a top-level domain with an address (RFC 7085). `docs/FIRMWARE.md` states what remains.
    LocalNetwork,
    /// Every name: for a server behind a proxy that validates them, or for public data.
    Any,
    /// Addresses, `localhost` and these names, compared without case and without the port. [`HostError`] describes the
    /// entries that match no `Host`.
    List(&'a [&'a str]),
}

/// The reason that no `Host` matches an entry of [`HostPolicy::List`]. The text names the right form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError<'e> {
    /// Not a host.
    Malformed,
    /// A URL, such as `https://hub.example/`. The value is the host in it.
    Url(&'e str),
    /// A wildcard, such as `*.hub.example`.
    Wildcard,
    /// Letters outside ASCII.
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

/// Checks that `entry`, as an entry of [`HostPolicy::List`], can match a `Host`. A port in it is ignored.
///
/// # Errors
/// The reason that it matches none, with the right form.
pub fn validate_host(entry: &str) -> Result<(), HostError<'_>> {
    if !entry.is_ascii() {
        return Err(HostError::NotAscii);
    }
    if entry.contains('*') {
        return Err(HostError::Wildcard);
    }
    if entry.parse::<Ipv6Addr>().is_ok() {
        // Every policy permits addresses.
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

impl HostPolicy<'_> {
    /// Whether a request for `host` (with or without a port) is answered. An empty host is permitted: browsers send none.
    pub fn permits(&self, host: &str) -> bool {
        let name = without_port(host);
        let local = name.is_empty() || is_address(name) || is_within(name, b"localhost");
        match self {
            Self::Any => true,
            Self::Local => local,
            Self::LocalNetwork => local || is_label(name) || is_within(name, b"local"),
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

/// Whether `name` is an IP address: in brackets, or four numbers.
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

/// A number up to 255, without a leading zero.
fn is_part(digits: &[u8]) -> bool {
    match digits {
        [digit] => digit.is_ascii_digit(),
        [b'1'..=b'9', rest @ ..] => {
            rest.len() < 3 && digits.iter().all(u8::is_ascii_digit) && (rest.len() < 2 || *digits <= b"255"[..])
        }
        _ => false,
    }
}

/// Whether `name` is the top-level domain `top`, or below it.
fn is_within(name: &str, top: &[u8]) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let below = name.len().checked_sub(top.len()).and_then(|at| name.split_at_checked(at));
    below.is_some_and(|(before, last)| last.eq_ignore_ascii_case(top) && matches!(before, [] | [.., b'.']))
}

/// Whether `name` is a single label. Its characters are those of host names (RFC 1123 §2.1), and `_`.
fn is_label(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether `value` is `uri-host [ ":" port ]`. The host may be empty (RFC 9110 §7.2).
pub(crate) fn is_host_and_port(value: &[u8]) -> bool {
    split_host(value).is_some_and(|(_, port)| is_port(port))
}

/// Splits `value` into a validated host and an unchecked rest.
pub(crate) fn split_host(value: &[u8]) -> Option<(&[u8], &[u8])> {
    if let [b'[', rest @ ..] = value {
        let (address, port) = split_once(rest, b']')?;
        return is_bracketed_address(address).then_some((address, port));
    }
    let end = find(value, b':').unwrap_or(value.len());
    value.split_at_checked(end).filter(|(name, _)| is_name(name))
}

/// Whether the text between brackets has only the characters of an IPv6 address.
fn is_bracketed_address(address: &[u8]) -> bool {
    address.iter().all(|&byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        && address.iter().filter(|&&byte| byte == b':').nth(1).is_some()
}

fn is_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_host(*byte) => rest,
            _ => return false,
        };
    }
}

/// Whether `port` is empty, or a colon and a number up to 65,535. The number may be absent (RFC 3986 §3.2.3).
pub(crate) fn is_port(port: &[u8]) -> bool {
    let Some((b':', digits)) = port.split_first() else { return port.is_empty() };
    digits.iter().all(u8::is_ascii_digit)
        && digits
            .iter()
            .fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0'))))
            <= 65_535
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn an_unmatchable_host_is_an_error_with_the_right_form() {
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
    }

    #[test]
    fn hosts_are_names_or_bracketed_addresses_with_a_port() {
        for good in
            ["", "localhost", "a.b-c_~", "a:80", "a:", "127.0.0.1:65535", "[::1]", "[::ffff:1.2.3.4]:8080", "%41"]
        {
            assert!(is_host_and_port(good.as_bytes()), "{good}");
        }
        for bad in ["a b", "a, b", "a/b", "a?b", "a#b", "a@b", "a\\b", "a:b", "a:80:80", "a:65536", "[::1", "[]", "[a]"]
        {
            assert!(!is_host_and_port(bad.as_bytes()), "{bad}");
        }
        for bad in ["::1", "[::1]a", "[::1]80", "[fe80::1%25eth0]", "%4", "%zz", "a\"", "<a>", "caf\u{e9}"] {
            assert!(!is_host_and_port(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn the_local_policy_permits_addresses_and_localhost() {
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
        assert!(!HostPolicy::Local.permits("sensor.local") && !HostPolicy::Local.permits("sensor"));
        assert!(HostPolicy::List(&["hub.example:8080"]).permits("hub.example"));
        let listed = HostPolicy::List(&["hub.example"]);
        assert!(listed.permits("Hub.Example:443") && listed.permits("localhost") && !listed.permits("x.hub.example"));
    }

    #[test]
    fn the_local_network_policy_permits_mdns_names_and_single_labels() {
        for host in [
            "sensor.local",
            "Sensor.LOCAL:80",
            "sensor.local.",
            "a.b.local",
            "local",
            "sensor",
            "SENSOR:8080",
            "sensor.",
            "my-sensor_2",
            "",
            "10.0.2.15",
            "[::1]:80",
            "localhost",
            "a.localhost",
        ] {
            assert!(HostPolicy::LocalNetwork.permits(host), "{host}");
        }
        for host in [
            "evil.example",
            "sensor.local.evil.example",
            "sensor.evillocal",
            "sensor.local..",
            "sensor..",
            "sensor.lan",
            "1.2.3",
            "1.2.3.256",
            "[evil]",
            "sensor%2elocal%2eevil",
            "caf\u{e9}",
            "a,b",
        ] {
            assert!(!HostPolicy::LocalNetwork.permits(host), "{host}");
        }
    }
}
