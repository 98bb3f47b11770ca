//! `goldcrest token sign`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use goldcrest_host::tokens::{Algorithm, ChannelPattern, SigningKey};
use serde_json::{Map, Value, json};

use super::read;
use crate::CommandError;
use crate::terminal::print_text;

/// Print a JSON Web Token, such as: goldcrest token sign --secret FILE --subject ada --subscribe news --expires-in 3600
#[derive(Args)]
pub(crate) struct Sign {
    /// Sign with the secret in this file (HS256, HS384 or HS512)
    #[arg(long, value_name = "FILE", required_unless_present = "private_key", conflicts_with = "private_key")]
    secret: Option<PathBuf>,

    /// Sign with this private key: PEM with a section PRIVATE KEY, of RSA, P-256, P-384 or Ed25519
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,

    /// The kid of the key
    #[arg(long, value_name = "KID")]
    key_id: Option<String>,

    /// The algorithm [default: HS256, RS256, ES256, ES384 or EdDSA, by the type of the key]
    #[arg(long, value_name = "ALG")]
    algorithm: Option<Algorithm>,

    /// Permit reading this channel, or all channels with a prefix, such as 'user.42.*'. Repeatable
    #[arg(long, value_name = "CHANNEL")]
    subscribe: Vec<ChannelPattern>,

    /// Permit publishing to this channel, or to all channels with a prefix. Repeatable
    #[arg(long, value_name = "CHANNEL")]
    publish: Vec<ChannelPattern>,

    /// The identity (sub)
    #[arg(long, value_name = "IDENTITY")]
    subject: Option<String>,

    /// The issuer (iss)
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,

    /// An audience (aud). Repeatable
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,

    /// The time after which the token expires (exp)
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    expires_in: u64,

    /// Further claims, as a JSON object; they replace those of the other options
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
}

impl Sign {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let key = self.key()?;
        let algorithm = self.algorithm.unwrap_or(key.default_algorithm());
        let claims = self.claims()?;
        let token = key.sign(algorithm, &claims);
        let token = token.map_err(|error| CommandError::usage(format!("--algorithm {algorithm}: {error}")))?;
        print_text(format!("{token}\n").as_bytes())
    }

    fn key(&self) -> Result<SigningKey, CommandError> {
        let (option, path) = match (&self.secret, &self.private_key) {
            (Some(path), _) => ("--secret", path),
            (None, Some(path)) => ("--private-key", path),
            (None, None) => return Err(CommandError::usage("give --secret or --private-key")),
        };
        let bytes = read(option, path)?;
        let key = if self.secret.is_some() { SigningKey::secret(&bytes) } else { SigningKey::pem(&bytes) };
        let key = key.map_err(|error| CommandError::usage(format!("{option} {}: {error}", path.display())))?;
        Ok(match &self.key_id {
            Some(id) => key.with_id(id),
            None => key,
        })
    }

    fn claims(&self) -> Result<Map<String, Value>, CommandError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let mut claims = Map::new();
        let optional = [("sub", &self.subject), ("iss", &self.issuer)];
        for (name, value) in optional.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
        {
            claims.insert(name.into(), json!(value));
        }
        match &self.audience[..] {
            [] => {}
            [one] => drop(claims.insert("aud".into(), json!(one))),
            several => drop(claims.insert("aud".into(), json!(several))),
        }
        claims.insert("iat".into(), json!(now));
        claims.insert("exp".into(), json!(now.saturating_add(self.expires_in)));
        let names = |patterns: &[ChannelPattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
        if !self.subscribe.is_empty() || !self.publish.is_empty() {
            let rights = json!({ "subscribe": names(&self.subscribe), "publish": names(&self.publish) });
            claims.insert("goldcrest".into(), rights);
        }
        if let Some(text) = &self.claims {
            let further: Map<String, Value> = serde_json::from_str(text)
                .map_err(|error| CommandError::usage(format!("--claims is not a JSON object: {error}")))?;
            claims.extend(further);
        }
        Ok(claims)
    }
}
