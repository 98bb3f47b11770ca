//! `goldcrest token check`.

use std::io::{self, Read};
use std::time::SystemTime;

use clap::Args;
use goldcrest_host::tokens::UnverifiedToken;
use serde_json::json;

use super::TokenOptions;
use crate::terminal::print_text;
use crate::{CommandError, Exit};

/// Print the claims of a JSON Web Token, and verify it as `goldcrest serve` would with the same options
///
/// Exit status 0: the token is valid. 4: it is rejected, and the message has the reason.
#[derive(Args)]
pub(crate) struct Check {
    /// The token; - reads it from the input, so that no history stores it
    token: String,

    /// Print the rights on this channel as well
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,

    #[command(flatten)]
    options: TokenOptions,
}

impl Check {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        if !self.options.has_keys() {
            return Err(CommandError::usage("give --token-secret, --token-key or --jwks-url"));
        }
        let access = self.options.access()?;
        let token = match &self.token[..] {
            "-" => {
                let mut text = String::new();
                io::stdin().take(1 << 20).read_to_string(&mut text)?;
                text
            }
            token => token.to_owned(),
        };
        let token = token.trim();
        let rejected = |error| CommandError::new(Exit::Refused, format!("rejected: {error}"));
        let unverified = UnverifiedToken::parse(token).map_err(rejected)?;
        let header = json!({ "alg": unverified.algorithm().as_str(), "kid": unverified.key_id() });
        let claims = unverified.unverified_claims().map_err(rejected)?;
        print_text(format!("header: {header}\nclaims: {}\n", json!(claims)).as_bytes())?;
        let claims = smol::block_on(access.verify(token, SystemTime::now())).map_err(rejected)?;
        let mut text = "valid: yes\n".to_owned();
        if let Some(channel) = &self.channel {
            let rights = claims.rights(channel);
            text.push_str(&format!("subscribe: {}\npublish: {}\n", word(rights.read), word(rights.publish)));
        }
        print_text(text.as_bytes())
    }
}

fn word(right: bool) -> &'static str {
    if right { "yes" } else { "no" }
}
