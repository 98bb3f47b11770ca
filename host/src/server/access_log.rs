//! The access log: a line for each request at its end.

use std::time::Duration;

use goldcrest_core::http::Request;

use super::rejection::shown;
use crate::counters::{AccessEntry, NO_TRANSPORT, Running, TRANSPORTS};

/// Bytes that are shown of a target.
const TARGET: usize = 512;

/// The parameters of a query whose values are not logged.
const SECRETS: [&str; 3] = ["access_token", "token", "authorization"];

/// The values of a request for its line. `peer` is the address of the peer.
pub(super) fn entry<B: AsRef<[u8]>>(peer: Option<std::net::SocketAddr>, request: &Request<B>) -> AccessEntry {
    let target = redacted(request.target());
    AccessEntry {
        peer,
        method: shown(request.method().as_str()),
        target: shown_up_to(&target, TARGET),
        identity: String::new(),
    }
}

/// Writes the line, with the tracing target `access`.
pub(super) fn write(entry: &AccessEntry, running: &Running, bytes: u64, duration: Duration, ended: &str) {
    let transport = match running.transport {
        NO_TRANSPORT => "-",
        index => TRANSPORTS.get(usize::from(index)).copied().unwrap_or("-"),
    };
    let peer = entry.peer.map_or_else(|| "-".into(), |peer| peer.to_string());
    let identity = if entry.identity.is_empty() { "-".into() } else { shown(&entry.identity) };
    tracing::info!(
        target: "access",
        peer,
        method = entry.method,
        request_target = entry.target,
        status = running.status,
        bytes,
        seconds = duration.as_secs_f64(),
        transport,
        identity,
        ended,
    );
}

/// A target whose secrets are replaced by `***`: the values of [`SECRETS`], in any case and however they are encoded.
fn redacted(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.into() };
    let mut text = String::with_capacity(target.len());
    text.push_str(path);
    for (number, parameter) in query.split('&').enumerate() {
        text.push(if number == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                text.push_str(name);
                text.push_str("=***");
            }
            _ => text.push_str(parameter),
        }
    }
    text
}

fn is_secret(name: &str) -> bool {
    let mut buffer = [0; 32];
    let decoded = goldcrest_core::http::PercentEncoded::new(name).decode(&mut buffer);
    decoded.is_some_and(|name| SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes())))
}

/// The first bytes of a text, its control characters escaped.
fn shown_up_to(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let rest = if end < text.len() { "…" } else { "" };
    format!("{}{rest}", text[..end].escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_secrets_are_redacted() {
        for (target, expected) in [
            ("/events/a", "/events/a"),
            ("/events/a?access_token=x.y", "/events/a?access_token=***"),
            ("/a?b=1&Token=x&after=newest", "/a?b=1&Token=***&after=newest"),
            ("/a?%61ccess_token=x&token", "/a?%61ccess_token=***&token"),
            ("/a?b=token=x", "/a?b=token=x"),
        ] {
            assert_eq!(redacted(target), expected);
        }
    }
}
