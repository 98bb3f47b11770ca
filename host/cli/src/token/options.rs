//! The options for tokens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use goldcrest_host::client::TlsOptions;
use goldcrest_host::tokens::{Algorithm, RemoteKeySet, StaticTokens, TokenAccess, TokenPolicy, VerificationKey};

use super::super::secrets::redact;
use super::{CommandError, KeyFile, key_file, read};

/// The keys and the rules by which JSON Web Tokens are accepted.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tokens")]
pub(crate) struct TokenOptions {
    /// Accept JSON Web Tokens that are signed with the secret in this file (HS256, HS384, HS512). KID limits it to tokens
    /// with that kid. Repeatable
    #[arg(long, value_name = "[KID=]FILE", value_parser = key_file)]
    token_secret: Vec<KeyFile>,

    /// Accept JSON Web Tokens that are signed with the private key of this public key: PEM, a JSON Web Key, or a set of them.
    /// Repeatable
    #[arg(long, value_name = "[KID=]FILE", value_parser = key_file)]
    token_key: Vec<KeyFile>,

    /// Fetch public keys from this URL (JSON Web Key Set): https, or http on a loopback address. Needs --token-issuer
    #[arg(long, value_name = "URL", requires = "token_issuer")]
    jwks_url: Option<String>,

    /// Trust the authorities of this PEM file where the keys are fetched, instead of the system's
    #[arg(long, value_name = "FILE", requires = "jwks_url")]
    jwks_cacert: Option<PathBuf>,

    /// Accept only tokens of this issuer (iss). Repeatable [default: any]
    #[arg(long, value_name = "ISSUER")]
    token_issuer: Vec<String>,

    /// Accept only tokens for this audience (aud). Repeatable [default: only tokens without an audience]
    #[arg(long, value_name = "AUDIENCE")]
    token_audience: Vec<String>,

    /// Accept only this algorithm, such as EdDSA. Repeatable [default: those of the keys]
    #[arg(long, value_name = "ALG")]
    token_algorithm: Vec<Algorithm>,

    /// The difference of clocks that exp and nbf allow for
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=3600))]
    token_leeway: u64,
}

/// The options for tokens of the server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tokens")]
pub(crate) struct ServeTokenOptions {
    #[command(flatten)]
    pub(crate) tokens: TokenOptions,

    /// Accept each line of this file as a token that may publish to every channel
    #[arg(long, value_name = "FILE")]
    publish_token_file: Option<PathBuf>,

    /// Accept each line of this file as a token that may read every channel
    #[arg(long, value_name = "FILE")]
    subscribe_token_file: Option<PathBuf>,

    /// Permit requests without a token to read every channel
    #[arg(long)]
    anonymous_subscribe: bool,

    /// Accept a token in the query (?access_token=) as well, where logs and histories may store it
    #[arg(long)]
    token_in_query: bool,

    /// Serve without tokens on an address other than loopback: each client that reaches it reads and publishes
    #[arg(long)]
    open: bool,
}

impl TokenOptions {
    /// Whether any key is given.
    pub(crate) fn has_keys(&self) -> bool {
        !self.token_secret.is_empty() || !self.token_key.is_empty() || self.jwks_url.is_some()
    }

    /// The rules.
    ///
    /// # Errors
    /// A file cannot be read, or has no key.
    pub(crate) fn access(&self) -> Result<TokenAccess, CommandError> {
        let mut keys = Vec::new();
        let with_id = |key: VerificationKey, file: &KeyFile| match &file.id {
            Some(id) => key.with_id(id),
            None => key,
        };
        for file in &self.token_secret {
            let named = |error| CommandError::usage(format!("--token-secret {}: {error}", file.path));
            let key = VerificationKey::secret(&read("--token-secret", &file.path)?).map_err(named)?;
            keys.push(with_id(key, file));
        }
        for file in &self.token_key {
            let named = |error| CommandError::usage(format!("--token-key {}: {error}", file.path));
            let parsed = VerificationKey::parse(&read("--token-key", &file.path)?).map_err(named)?;
            keys.extend(parsed.into_iter().map(|key| with_id(key, file)));
        }
        let policy = TokenPolicy {
            issuers: self.token_issuer.clone(),
            audiences: self.token_audience.clone(),
            leeway: Duration::from_secs(self.token_leeway),
            ..TokenPolicy::default()
        };
        let policy = match &self.token_algorithm[..] {
            [] => policy,
            algorithms => TokenPolicy { algorithms: algorithms.to_vec(), ..policy },
        };
        if let Some(algorithm) = self
            .token_algorithm
            .iter()
            .find(|algorithm| self.jwks_url.is_none() && !keys.iter().any(|key| key.permits(**algorithm)))
        {
            return Err(CommandError::usage(format!("--token-algorithm {algorithm}: no key is for this algorithm")));
        }
        Ok(TokenAccess { keys, key_set: self.key_set()?, policy, ..TokenAccess::default() })
    }

    fn key_set(&self) -> Result<Option<RemoteKeySet>, CommandError> {
        let Some(url) = &self.jwks_url else { return Ok(None) };
        let tls = TlsOptions { authorities: self.jwks_cacert.clone(), danger_accept_any_certificate: false };
        if self.jwks_cacert.is_some() {
            tls.check().map_err(|error| CommandError::usage(format!("--jwks-cacert {error}")))?;
        }
        let set = RemoteKeySet::new(url, tls);
        let named = |error| CommandError::usage(format!("--jwks-url {}: {error}", redact("jwks-url", url)));
        set.map(Some).map_err(named)
    }
}

impl ServeTokenOptions {
    /// The rules of a server that listens on `addresses`; `None` without tokens.
    ///
    /// # Errors
    /// A file cannot be read, an option has no effect, or the server would be open to a network without `--open`.
    pub(crate) fn access(&self, addresses: &[SocketAddr]) -> Result<Option<TokenAccess>, CommandError> {
        let jwt = self.tokens.has_keys();
        let uses_tokens = jwt || self.publish_token_file.is_some() || self.subscribe_token_file.is_some();
        let rules = !self.tokens.token_issuer.is_empty()
            || !self.tokens.token_audience.is_empty()
            || !self.tokens.token_algorithm.is_empty();
        if rules && !jwt {
            return Err(CommandError::usage(
                "--token-issuer, --token-audience and --token-algorithm have no effect without --token-secret, --token-key \
                 or --jwks-url",
            ));
        }
        if !uses_tokens {
            if self.anonymous_subscribe || self.token_in_query {
                return Err(CommandError::usage(
                    "--anonymous-subscribe and --token-in-query have no effect without tokens; give --token-secret, \
                     --token-key, --jwks-url, --publish-token-file or --subscribe-token-file",
                ));
            }
            let exposed = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
            return match exposed {
                Some(address) if !self.open => Err(CommandError::usage(format!(
                    "--listen: {address} is not a loopback address, and without tokens each client that reaches it reads and \
                     publishes; give --token-secret, --token-key, --jwks-url, --publish-token-file or \
                     --subscribe-token-file, or --open to permit that"
                ))),
                _ => Ok(None),
            };
        }
        if self.open {
            return Err(CommandError::usage("--open permits a server without tokens; it has no effect with tokens"));
        }
        if !jwt && self.subscribe_token_file.is_none() && !self.anonymous_subscribe {
            return Err(CommandError::usage(
                "--publish-token-file alone permits no client to read; add --subscribe-token-file or \
                 --anonymous-subscribe",
            ));
        }
        Ok(Some(TokenAccess {
            publish_tokens: static_tokens("--publish-token-file", self.publish_token_file.as_ref())?,
            subscribe_tokens: static_tokens("--subscribe-token-file", self.subscribe_token_file.as_ref())?,
            anonymous_read: self.anonymous_subscribe,
            token_in_query: self.token_in_query,
            ..self.tokens.access()?
        }))
    }
}

fn static_tokens(option: &str, path: Option<&PathBuf>) -> Result<StaticTokens, CommandError> {
    let Some(path) = path else { return Ok(StaticTokens::default()) };
    let named = |error: &dyn std::fmt::Display| CommandError::usage(format!("{option} {}: {error}", path.display()));
    let text = String::from_utf8(read(option, path)?).map_err(|_| named(&"the file is not UTF-8"))?;
    StaticTokens::parse(&text).map_err(|error| named(&error))
}
