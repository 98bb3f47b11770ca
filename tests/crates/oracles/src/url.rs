//! URLs of a client, and references, beside the `url` crate, which implements the browsers' standard.

use goldcrest_core::client::url::{Host, Url, UrlBuf};

/// Parses `text` as a URL. If it parses, the other crate parses it to the same host, port and query.
pub fn parses_the_same_as_the_url_crate(text: &str) {
    let Ok(ours) = Url::parse(text) else { return };
    // A backslash is a slash to a browser, and no part of a URL to RFC 3986.
    if text.contains('\\') || is_international(text) {
        return;
    }
    let theirs = url::Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(ours.scheme().as_str(), theirs.scheme(), "{text:?}");
    assert_eq!(Some(ours.port()), theirs.port_or_known_default(), "{text:?}");
    match (ours.host(), theirs.host()) {
        (Host::Ip(ours), Some(url::Host::Ipv4(theirs))) => assert_eq!(ours, theirs, "{text:?}"),
        (Host::Ip(ours), Some(url::Host::Ipv6(theirs))) => assert_eq!(ours, theirs, "{text:?}"),
        (Host::Name(ours), Some(url::Host::Domain(theirs))) => assert!(ours.eq_ignore_ascii_case(theirs), "{text:?}"),
        (ours, theirs) => panic!("{text:?}: {ours:?} and {theirs:?}"),
    }
    let target = ours.target().to_string();
    let (path, query) = target.split_once('?').map_or((&*target, None), |(path, query)| (path, Some(query)));
    assert!(path.starts_with('/'), "{text:?}");
    if !quotes(&target) {
        assert_eq!(query, theirs.query(), "{text:?}");
    }
}

/// Follows `reference` from `base`. Where both arrive, it is at the same place.
pub fn resolves_as_the_url_crate_does(base: &str, reference: &str, memory: usize) {
    let mut memory = vec![0; memory];
    let mut ours = UrlBuf::new(&mut memory);
    let followed = Url::parse(base).is_ok() && ours.set(base).is_ok() && ours.follow(reference.as_bytes()).is_ok();
    if !followed || quotes(base) || quotes(reference) || is_international(ours.as_str()) || is_international(base) {
        return;
    }
    let from = url::Url::parse(base).expect(base);
    // Browsers take dots out of the base as well, before anything follows from it; RFC 3986 §5.2 does not.
    let path = Url::parse(base).expect(base).target().to_string();
    if path.split('?').next() != Some(from.path()) {
        return;
    }
    let theirs = from.join(reference);
    let theirs = theirs.unwrap_or_else(|error| panic!("{base:?} and {reference:?}: {error}"));
    let ours = Url::parse(ours.as_str()).expect("the resolved reference is a URL");
    let target = ours.target().to_string();
    assert_eq!((ours.scheme().as_str(), Some(ours.port())), (theirs.scheme(), theirs.port_or_known_default()));
    assert_eq!(target, &theirs[url::Position::BeforePath..url::Position::AfterQuery], "{base:?} and {reference:?}");
}

/// Whether there may be a name in Punycode, which a browser validates and a client passes to its resolver.
fn is_international(text: &str) -> bool {
    text.to_ascii_lowercase().contains("xn--")
}

/// Whether browsers normalize a part of it: characters that they escape, backslashes, and escaped dots. (And that crate
/// takes a segment of a letter and a colon for a drive.)
fn quotes(text: &str) -> bool {
    let drive = |segment: &str| matches!(segment.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    if text.split(['/', '?', '#']).any(drive) {
        return true;
    }
    let dot = text.as_bytes().windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2e"));
    dot || text.bytes().any(|byte| !byte.is_ascii_graphic() || b"\"'<>`{}^|\\".contains(&byte))
}
