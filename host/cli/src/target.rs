//! The URL that was meant.

use std::time::Duration;

use goldcrest_core::client::Connect;
use goldcrest_core::client::url::{Endpoint, Url};
use goldcrest_host::client::{SmolRuntime, percent_encode};
use smol::Timer;
use smol::future::FutureExt;

use super::CommandError;

/// How long a server may take to show that it speaks TLS.
const PATIENCE: Duration = Duration::from_secs(3);

/// The URL with its scheme: one that has none gets `https` where a server there speaks TLS, else `http`. `:8080/x` is a
/// port of this machine. Characters of the path beyond ASCII are percent-encoded.
///
/// # Errors
/// It is no URL that a client can go to.
pub(crate) async fn settle(runtime: &SmolRuntime, text: &str) -> Result<String, CommandError> {
    let wrong = |error| CommandError::usage(format!("{text}: {error}"));
    let text = &*percent_encode(text);
    if text.contains("://") {
        return Url::parse(text).map(|_| text.to_owned()).map_err(wrong);
    }
    let rest = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let (plain, secure) = (format!("http://{rest}"), format!("https://{rest}"));
    // Without a port this is 443, where most of the world is.
    let endpoint = Url::parse(&secure).map_err(wrong)?.endpoint();
    let is_secure = endpoint.port != 80 && speaks_tls(runtime, endpoint).await;
    Ok(if is_secure { secure } else { plain })
}

/// Whether a TLS handshake completes, with any certificate.
async fn speaks_tls(runtime: &SmolRuntime, endpoint: Endpoint<'_>) -> bool {
    let connector = runtime.connector().danger_accept_any_certificate();
    let shaken = async { connector.connect(endpoint).await.is_ok() };
    let late = async {
        Timer::after(PATIENCE).await;
        false
    };
    shaken.or(late).await
}

/// Whether it is a channel of a server like ours: the path ends in `/events/NAME`, where the name may have slashes.
pub(crate) fn is_channel(url: &Url<'_>) -> bool {
    let target = url.target().to_string();
    let path = target.split('?').next().unwrap_or_default();
    path.split_once("/events/").is_some_and(|(_, name)| !name.is_empty())
}

/// Whether the scheme is one of WebSocket.
pub(crate) fn is_websocket(url: &Url<'_>) -> bool {
    matches!(url.scheme().as_str(), "ws" | "wss")
}

/// `url` with another parameter in its query.
pub(crate) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let separator = if url.contains('?') { '&' } else { '?' };
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{url}{separator}{name}={encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_recognised_by_its_path() {
        let channel = |text| is_channel(&Url::parse(text).unwrap());
        assert!(channel("http://a/events/news") && channel("wss://a/hub/events/x?after=oldest"));
        assert!(channel("http://a/events/orders/42") && channel("http://a/events/gr%C3%BCn:x@y"));
        assert!(!channel("http://a/events/") && !channel("http://a/events"));
        assert!(!channel("http://a/?q=/events/x"));
    }

    #[test]
    fn a_parameter_joins_the_query() {
        assert_eq!(with_parameter("ws://a/x#f", "after", "a-1"), "ws://a/x?after=a-1");
        assert_eq!(with_parameter("ws://a/x?y", "after", "a&b"), "ws://a/x?y&after=a%26b");
    }
}
