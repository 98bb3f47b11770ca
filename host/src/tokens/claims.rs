//! The claims of a token (RFC 7519 §4), with strict types.
//!
//! A claim of another type is an error, and never counts as absent: a string in place of a number would otherwise switch the check of
//! `nbf` off.

use std::time::{Duration, SystemTime};

use goldcrest_core::hub_http::Rights;
use serde_json::{Map, Value};

use super::{ChannelPattern, TokenError};

/// Patterns of one claim, at most. A longer list is an error.
const MAX_PATTERNS: usize = 256;

/// The claims of a token that the server uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `sub`, the identity; empty without one.
    pub subject: String,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`, as a list; `None` without the claim.
    pub audiences: Option<Vec<String>>,
    /// `exp`.
    pub expires: SystemTime,
    /// `nbf`.
    pub not_before: Option<SystemTime>,
    /// `goldcrest.subscribe`, and the topics of `mercure.subscribe`.
    pub subscribe: Vec<ChannelPattern>,
    /// `goldcrest.publish`, and the topics of `mercure.publish`.
    pub publish: Vec<ChannelPattern>,
}

impl Claims {
    /// Parses a claims set.
    ///
    /// # Errors
    /// [`TokenError::Claim`] names the first claim of another type; [`TokenError::Malformed`]: it is not an object.
    pub fn parse(json: &[u8]) -> Result<Self, TokenError> {
        let claims: Map<String, Value> = serde_json::from_slice(json).map_err(|_| TokenError::Malformed)?;
        let audiences = match claims.get("aud") {
            None => None,
            Some(Value::String(one)) => Some(vec![one.clone()]),
            Some(value) => Some(strings(value).ok_or(TokenError::Claim("aud"))?),
        };
        time(&claims, "iat")?;
        let (mut subscribe, mut publish) = (Vec::new(), Vec::new());
        if let Some(own) = claims.get("goldcrest") {
            let own = own.as_object().ok_or(TokenError::Claim("goldcrest"))?;
            patterns(own, "subscribe", "goldcrest.subscribe", &mut subscribe)?;
            patterns(own, "publish", "goldcrest.publish", &mut publish)?;
        }
        if let Some(mercure) = claims.get("mercure") {
            let mercure = mercure.as_object().ok_or(TokenError::Claim("mercure"))?;
            topics(mercure, "subscribe", "mercure.subscribe", &mut subscribe)?;
            topics(mercure, "publish", "mercure.publish", &mut publish)?;
        }
        Ok(Self {
            subject: string(&claims, "sub")?.unwrap_or_default(),
            issuer: string(&claims, "iss")?,
            audiences,
            expires: time(&claims, "exp")?.ok_or(TokenError::Claim("exp"))?,
            not_before: time(&claims, "nbf")?,
            subscribe,
            publish,
        })
    }

    /// The rights on a channel.
    pub fn rights(&self, channel: &str) -> Rights {
        let names = |patterns: &[ChannelPattern]| patterns.iter().any(|pattern| pattern.matches(channel));
        Rights { read: names(&self.subscribe), publish: names(&self.publish) }
    }
}

fn string(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::Claim(name)),
    }
}

/// A NumericDate (RFC 7519 §2): seconds, perhaps with a fraction.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<SystemTime>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = match value {
        Value::Number(number) => match number.as_u64() {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => number.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        },
        _ => None,
    };
    let time = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(seconds));
    time.map(Some).ok_or(TokenError::Claim(name))
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect()
}

fn list(object: &Map<String, Value>, name: &str, claim: &'static str) -> Result<Vec<String>, TokenError> {
    let Some(value) = object.get(name) else { return Ok(Vec::new()) };
    strings(value).filter(|list| list.len() <= MAX_PATTERNS).ok_or(TokenError::Claim(claim))
}

fn patterns(
    object: &Map<String, Value>,
    name: &str,
    claim: &'static str,
    out: &mut Vec<ChannelPattern>,
) -> Result<(), TokenError> {
    for text in list(object, name, claim)? {
        out.push(text.parse().map_err(|_| TokenError::Claim(claim))?);
    }
    Ok(())
}

/// Mercure's topic selectors: `*` is every topic, any other text is one topic here. A URI template matches no channel.
fn topics(
    object: &Map<String, Value>,
    name: &str,
    claim: &'static str,
    out: &mut Vec<ChannelPattern>,
) -> Result<(), TokenError> {
    out.extend(list(object, name, claim)?.into_iter().map(|topic| match &topic[..] {
        "*" => ChannelPattern::Prefix(String::new()),
        _ => ChannelPattern::Name(topic),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Claims, TokenError> {
        Claims::parse(json.as_bytes())
    }

    #[test]
    fn claims_of_another_type_are_errors() {
        for (json, claim) in [
            (r#"{}"#, "exp"),
            (r#"{"exp":"99999999999"}"#, "exp"),
            (r#"{"exp":null}"#, "exp"),
            (r#"{"exp":[1]}"#, "exp"),
            (r#"{"exp":-1}"#, "exp"),
            (r#"{"exp":1e300}"#, "exp"),
            (r#"{"exp":18446744073709551615}"#, "exp"),
            (r#"{"exp":9,"nbf":"1"}"#, "nbf"),
            (r#"{"exp":9,"nbf":null}"#, "nbf"),
            (r#"{"exp":9,"nbf":true}"#, "nbf"),
            (r#"{"exp":9,"iat":"1"}"#, "iat"),
            (r#"{"exp":9,"sub":7}"#, "sub"),
            (r#"{"exp":9,"sub":null}"#, "sub"),
            (r#"{"exp":9,"iss":["a"]}"#, "iss"),
            (r#"{"exp":9,"aud":7}"#, "aud"),
            (r#"{"exp":9,"aud":null}"#, "aud"),
            (r#"{"exp":9,"aud":["a",7]}"#, "aud"),
            (r#"{"exp":9,"goldcrest":[]}"#, "goldcrest"),
            (r#"{"exp":9,"goldcrest":null}"#, "goldcrest"),
            (r#"{"exp":9,"goldcrest":{"subscribe":"news"}}"#, "goldcrest.subscribe"),
            (r#"{"exp":9,"goldcrest":{"subscribe":["a*b"]}}"#, "goldcrest.subscribe"),
            (r#"{"exp":9,"goldcrest":{"publish":[1]}}"#, "goldcrest.publish"),
            (r#"{"exp":9,"mercure":"*"}"#, "mercure"),
            (r#"{"exp":9,"mercure":{"publish":"*"}}"#, "mercure.publish"),
        ] {
            assert_eq!(parse(json), Err(TokenError::Claim(claim)), "{json}");
        }
        for json in ["", "[]", "7", "\"a\"", "null", "{\"exp\":9}}", "{\"exp\":9"] {
            assert_eq!(parse(json), Err(TokenError::Malformed), "{json}");
        }
    }

    #[test]
    fn the_last_of_two_equal_names_counts() {
        // RFC 7519 §4: a parser rejects them, or uses the lexically last one.
        let claims = parse(r#"{"exp":1,"sub":"a","exp":9,"sub":"b"}"#).unwrap();
        assert_eq!((&claims.subject[..], claims.expires), ("b", SystemTime::UNIX_EPOCH + Duration::from_secs(9)));
    }

    #[test]
    fn too_many_patterns_are_an_error() {
        let list = |count| format!(r#"{{"exp":9,"goldcrest":{{"publish":[{}]}}}}"#, vec!["\"a\""; count].join(","));
        assert_eq!(parse(&list(MAX_PATTERNS)).unwrap().publish.len(), MAX_PATTERNS);
        assert_eq!(parse(&list(MAX_PATTERNS + 1)), Err(TokenError::Claim("goldcrest.publish")));
    }

    #[test]
    fn rights_are_names_prefixes_and_topics_of_mercure() {
        let claims = parse(
            r#"{"exp":9.5,"goldcrest":{"subscribe":["news","user.42.*"],"publish":["user.42.out"]},
                "mercure":{"subscribe":["https://a/{id}","alerts"],"publish":[]}}"#,
        )
        .unwrap();
        for (channel, rights) in [
            ("news", Rights::READ),
            ("news2", Rights::NONE),
            ("user.42.inbox", Rights::READ),
            ("user.42.out", Rights::ALL),
            ("user.42", Rights::NONE),
            ("user.421", Rights::NONE),
            ("alerts", Rights::READ),
            ("https://a/7", Rights::NONE),
        ] {
            assert_eq!(claims.rights(channel), rights, "{channel}");
        }
        let all = parse(r#"{"exp":9,"mercure":{"publish":["*"]}}"#).unwrap();
        assert_eq!(all.rights("any"), Rights::PUBLISH);
    }
}
