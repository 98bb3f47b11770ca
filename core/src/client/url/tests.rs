use super::*;
use core::ops::RangeInclusive;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec::Vec;

fn parts(text: &str) -> Result<(Scheme, String, u16, String), UrlError> {
    let url = Url::parse(text)?;
    Ok((url.scheme(), url.host().to_string(), url.port(), url.target().to_string()))
}

#[test]
fn a_url_has_scheme_host_port_and_target() {
    for (text, scheme, host, port, target) in [
        ("http://a", Scheme::Http, "a", 80, "/"),
        ("HTTPS://A.b:8443", Scheme::Https, "A.b", 8443, "/"),
        ("ws://10.0.0.1/x", Scheme::Ws, "10.0.0.1", 80, "/x"),
        ("wss://[::1]:9/x?y#z", Scheme::Wss, "[::1]", 9, "/x?y"),
        ("http://a?q=/#", Scheme::Http, "a", 80, "/?q=/"),
        ("http://a:/", Scheme::Http, "a", 80, "/"),
        ("http://xn--bcher-kva.example/%C3%A9", Scheme::Http, "xn--bcher-kva.example", 80, "/%C3%A9"),
        ("http://a/b@c:d", Scheme::Http, "a", 80, "/b@c:d"),
        ("http://[1:2:3:4:5:6:7:8]/", Scheme::Http, "[1:2:3:4:5:6:7:8]", 80, "/"),
    ] {
        assert_eq!(parts(text), Ok((scheme, host.to_string(), port, target.to_string())), "{text}");
    }
}

#[test]
fn invalid_urls_are_rejected() {
    for (text, error) in [
        ("", UrlError::Scheme),
        ("a", UrlError::Scheme),
        ("ftp://a", UrlError::Scheme),
        ("http:/a", UrlError::Scheme),
        ("http:a", UrlError::Scheme),
        ("http://", UrlError::Host),
        ("http:///a", UrlError::Host),
        ("http://:80", UrlError::Host),
        ("http://a b", UrlError::Character),
        ("http://a/\r\nX: y", UrlError::Character),
        ("http://b\u{fc}cher/", UrlError::Character),
        ("http://a@b", UrlError::UserInfo),
        ("http://a:b@c", UrlError::UserInfo),
        ("http://a%2eb/", UrlError::Host),
        ("http://a\\b/", UrlError::Host),
        ("http://1.2.3/", UrlError::Host),
        ("http://1.2.3.4.5/", UrlError::Host),
        ("http://chip.0x7f/", UrlError::Host),
        ("http://0X./", UrlError::Host),
        ("http://256.1.1.1/", UrlError::Host),
        ("http://01.1.1.1/", UrlError::Host),
        ("http://a.0/", UrlError::Host),
        ("http://[::1", UrlError::Host),
        ("http://[::1]x/", UrlError::Host),
        ("http://[::g]/", UrlError::Host),
        ("http://[v1.x]/", UrlError::Host),
        ("http://a:0/", UrlError::Port),
        ("http://a:65536/", UrlError::Port),
        ("http://a:+1/", UrlError::Port),
        ("http://a:80:80/", UrlError::Port),
        ("http://::1/", UrlError::Host),
    ] {
        assert_eq!(Url::parse(text).map(|_| ()), Err(error), "{text}");
    }
}

fn follow(base: &str, reference: &str) -> Result<String, UrlError> {
    let mut memory = [0; 80];
    let mut url = UrlBuf::new(&mut memory);
    url.set(base)?;
    url.follow(reference.as_bytes())?;
    Ok(url.as_str().to_string())
}

#[test]
fn references_resolve_as_in_rfc_3986() {
    let base = "http://a/b/c/d?q";
    // RFC 3986 §5.4, without unsupported schemes.
    for (reference, target) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d?q"),
        ("g#s", "http://a/b/c/g"),
        ("", "http://a/b/c/d?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("https://x:8/y#z", "https://x:8/y"),
    ] {
        assert_eq!(follow(base, reference).as_deref(), Ok(target), "{reference}");
    }
    assert_eq!(follow("http://a", "g").as_deref(), Ok("http://a/g"));
    assert_eq!(follow("http://a?x", "g").as_deref(), Ok("http://a/g"));
    assert_eq!(follow("http://a#x", "?g").as_deref(), Ok("http://a?g"));
}

#[test]
fn invalid_references_are_errors() {
    for (reference, error) in [
        ("mailto:x", UrlError::Scheme),
        ("javascript:x//", UrlError::Scheme),
        ("http:g", UrlError::Scheme),
        ("//", UrlError::Host),
        ("//u@h/", UrlError::UserInfo),
        ("/a b", UrlError::Character),
        ("/0123456789012345678901234567890123456789012345678901234567890123456789012345678", UrlError::TooLong),
    ] {
        assert_eq!(follow("http://a/b", reference), Err(error), "{reference}");
    }
}

/// So many of these characters.
fn text(of: &'static str, count: RangeInclusive<usize>) -> impl Strategy<Value = String> {
    let of = of.chars().collect::<Vec<_>>();
    prop::collection::vec(prop::sample::select(of), count).prop_map(String::from_iter)
}

fn base() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![Just("http"), Just("wss")];
    let port = prop_oneof![Just(String::new()), text("0123456789", 1..=2).prop_map(|port| [":", &port].concat())];
    (scheme, text("abcxyz", 1..=3), port, text("abcxyz/.?#", 0..=12))
        .prop_map(|(scheme, host, port, target)| [scheme, "://", &host, &port, &target].concat())
}

/// Texts that are nearly addresses of IPv6, and some that are.
fn nearly_ipv6() -> impl Strategy<Value = String> {
    let groups = prop::collection::vec(text("0123456789abcdef", 0..=5), 0..=9).prop_map(|groups| groups.join(":"));
    let tail = prop_oneof![Just(""), Just("1.2.3.4"), Just(":1.2.3.4"), Just("::"), Just("1.2.3.256")];
    let composed = (prop_oneof![Just(""), Just("::"), Just(":")], groups, tail)
        .prop_map(|(head, groups, tail)| [head, &groups, tail].concat());
    prop_oneof![text("0f:.", 0..=12), composed]
}

proptest! {
    #[test]
    fn ipv6_addresses_parse_as_in_std(text in nearly_ipv6()) {
        prop_assert_eq!(ipv6(&text), text.parse().ok(), "{}", text);
    }

    #[test]
    fn any_ipv6_address_parses(address: u128) {
        let sparse = Ipv6Addr::from(address & 0xffff_0000_0000_ffff_0000_0000_0000_ffff);
        for address in [Ipv6Addr::from(address), sparse] {
            prop_assert_eq!(ipv6(&address.to_string()), Some(address));
        }
    }

    #[test]
    fn ipv4_addresses_parse_as_in_std(text in text("0129.", 5..=15)) {
        prop_assert_eq!(ipv4(&text), text.parse().ok(), "{}", text);
    }

    #[test]
    fn any_reference_is_a_url_or_an_error(base in base(), reference: Vec<u8>) {
        let mut memory = [0; 48];
        let mut url = UrlBuf::new(&mut memory);
        if url.set(&base).is_ok() && url.follow(&reference).is_ok() {
            prop_assert!(Url::parse(url.as_str()).is_ok());
        }
    }

    #[test]
    fn dot_segments_stay_in_the_path(reference in text("a./?", 0..=16)) {
        if let Ok(url) = follow("http://host/b/c", &reference)
            && !reference.starts_with("//")
        {
            prop_assert!(url.starts_with("http://host/"), "{}", url);
        }
    }
}
