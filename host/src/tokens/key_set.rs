//! Keys at a URL: a JSON Web Key Set (RFC 7517 §5) of the program that signs the tokens.

use std::fmt;
use std::time::{Duration, Instant};

use goldcrest_core::client::url::{Host, Scheme, Url, UrlError};
use goldcrest_core::client::{Buffers, ClientConfig, Error, fetch};

use super::VerificationKey;
use crate::client::{ConnectError, SmolRuntime, TlsOptions};
use crate::sync::{Arc, Mutex, PoisonError};

/// The largest response with a key set, in bytes.
const MAX_SET: usize = 256 * 1024;

/// The time in which it has to arrive.
const FETCH_TIME: Duration = Duration::from_secs(5);

/// The time between the ends of two attempts, at least.
const MIN_INTERVAL: Duration = Duration::from_secs(10);

/// The age from which a set is fetched again, while the old one serves.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// The keys at a URL. A clone shares them.
///
/// They are fetched when the first token needs them, again when they are five minutes old, and when no key has the `kid` of a token. Two
/// attempts have at least ten seconds between them, and at most one is on its way. After a failure the old keys stay in use.
#[derive(Clone)]
pub struct RemoteKeySet {
    url: Arc<str>,
    tls: TlsOptions,
    state: Arc<Mutex<State>>,
    /// Held by the token that waits for an attempt. The others wait for its result.
    fetching: Arc<smol::lock::Mutex<()>>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<[VerificationKey]>>,
    fetched: Option<Instant>,
    attempted: Option<Instant>,
    in_progress: bool,
}

impl State {
    /// Begins an attempt, unless one is on its way or the last one was too recently.
    fn begin(&mut self) -> bool {
        if self.in_progress || self.attempted.is_some_and(|at| at.elapsed() < MIN_INTERVAL) {
            return false;
        }
        self.in_progress = true;
        true
    }
}

/// The reason for which no key set can be fetched from a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetUrlError {
    /// The URL is malformed.
    Url(UrlError),
    /// Keys are only fetched over TLS, or from an address of this machine.
    NotSecure,
}

impl fmt::Display for KeySetUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::NotSecure => {
                f.write_str("the keys are fetched from an https URL, or by http from a loopback address")
            }
        }
    }
}

impl std::error::Error for KeySetUrlError {}

impl RemoteKeySet {
    /// The key set at `url`: `https:`, or `http:` with `localhost` or a loopback address.
    ///
    /// # Errors
    /// [`KeySetUrlError`]
    pub fn new(url: &str, tls: TlsOptions) -> Result<Self, KeySetUrlError> {
        validate_url(url)?;
        Ok(Self { url: url.into(), tls, state: Arc::default(), fetching: Arc::default() })
    }

    /// The keys, fetched if they are needed. `has` is whether they have the key that is looked for. `None` while there are none.
    pub(super) async fn keys(&self, has: impl Fn(&[VerificationKey]) -> bool) -> Option<Arc<[VerificationKey]>> {
        let found = |state: &State| state.keys.clone().filter(|keys| has(keys));
        {
            let mut state = self.lock();
            if let Some(keys) = found(&state) {
                if state.fetched.is_none_or(|at| at.elapsed() >= FRESH) && state.begin() {
                    let this = self.clone();
                    smol::unblock(move || this.refresh()).detach();
                }
                return Some(keys);
            }
        }
        let _only = self.fetching.lock().await;
        {
            let mut state = self.lock();
            if found(&state).is_some() || !state.begin() {
                return state.keys.clone();
            }
        }
        let this = self.clone();
        // A thread of the pool: the reactor of a server's thread lends no sockets to clients.
        smol::unblock(move || this.refresh()).await;
        self.lock().keys.clone()
    }

    /// The keys that are known now. If they have not the one that is looked for, they are fetched for the next time.
    pub(super) fn known_keys(&self, has: impl Fn(&[VerificationKey]) -> bool) -> Option<Arc<[VerificationKey]>> {
        let mut state = self.lock();
        let keys = state.keys.clone();
        if !keys.as_ref().is_some_and(|keys| has(keys)) && state.begin() {
            let this = self.clone();
            smol::unblock(move || this.refresh()).detach();
        }
        keys
    }

    /// Fetches the keys.
    fn refresh(&self) {
        let fetched = fetch_keys(&self.url, self.tls.clone());
        let mut state = self.lock();
        state.in_progress = false;
        state.attempted = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                state.keys = Some(keys.into());
                state.fetched = state.attempted;
            }
            Err(error) => {
                let kept = if state.keys.is_some() { "; the old keys stay in use" } else { "" };
                tracing::warn!(url = without_query(&self.url), "the keys for tokens cannot be fetched: {error}{kept}");
            }
        }
    }

    fn lock(&self) -> impl std::ops::DerefMut<Target = State> + '_ {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySet").field("url", &without_query(&self.url)).finish_non_exhaustive()
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether the URL is one of TLS, or of this machine.
fn validate_url(url: &str) -> Result<(), KeySetUrlError> {
    let url = Url::parse(url).map_err(KeySetUrlError::Url)?;
    let local = match url.host() {
        Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ip(address) => address.is_loopback(),
    };
    match url.scheme() {
        Scheme::Https => Ok(()),
        Scheme::Http if local => Ok(()),
        _ => Err(KeySetUrlError::NotSecure),
    }
}

fn fetch_keys(url: &str, tls: TlsOptions) -> Result<Vec<VerificationKey>, String> {
    let config = ClientConfig {
        headers: &[("Accept-Encoding", "identity"), ("User-Agent", concat!("goldcrest/", env!("CARGO_PKG_VERSION")))],
        connect_timeout: FETCH_TIME,
        response_timeout: FETCH_TIME,
        // A redirect would move the trust to another server.
        max_redirects: 0,
        ..ClientConfig::default()
    };
    let result = SmolRuntime::block_on(tls, async |runtime| {
        let mut buffer = vec![0; MAX_SET];
        let memory = Buffers { buffer: &mut buffer, location: &mut [] };
        let response = fetch(runtime, &config, url, None, memory).await.map_err(|error| match error {
            Error::Connect(error) => ConnectError::to_string(&error),
            Error::TooLarge => format!("the response has more than {MAX_SET} bytes"),
            error => error.to_string(),
        })?;
        match response.head.status() {
            200 => VerificationKey::parse_public_set(response.content).map_err(|error| error.to_string()),
            status => Err(format!("the status is {status}")),
        }
    });
    result.map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for url in ["https://a.example/keys", "http://localhost:1/k", "http://127.0.0.1/k", "http://[::1]:8080/k"] {
            assert_eq!(validate_url(url), Ok(()), "{url}");
        }
        for url in ["http://a.example/keys", "http://10.0.0.1/k", "http://localhost.example/", "ws://127.0.0.1/"] {
            assert_eq!(validate_url(url), Err(KeySetUrlError::NotSecure), "{url}");
        }
        assert!(matches!(validate_url("keys.json"), Err(KeySetUrlError::Url(_))));
    }
}
