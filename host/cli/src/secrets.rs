//! Secrets in the values of options.

use std::borrow::Cow;

/// In place of a secret.
pub(crate) const REDACTED: &str = "<redacted>";

/// Whether values of this option may contain a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    matches!(name, "follow-header" | "follow" | "jwks-url")
}

/// The value without a secret: the value of a header field; the user, the password and the query of a URL.
pub(crate) fn redact<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    match name {
        "follow-header" => {
            let field = value.split(':').next().unwrap_or_default();
            format!("{field}: {REDACTED}").into()
        }
        name if is_secret(name) => {
            let (url, query) = value.split_at(value.find(['?', '#']).unwrap_or(value.len()));
            let query = if query.is_empty() { "" } else { "?<redacted>" };
            let after_scheme = url.find("://").map_or(0, |at| at + 3);
            let (scheme, rest) = url.split_at(after_scheme);
            let authority = rest.find('/').unwrap_or(rest.len());
            match rest.get(..authority).and_then(|authority| authority.rfind('@')) {
                Some(at) => format!("{scheme}{REDACTED}{}{query}", rest.get(at..).unwrap_or_default()).into(),
                None => format!("{url}{query}").into(),
            }
        }
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_redacted() {
        assert_eq!(redact("follow-header", "Authorization: Bearer x"), "Authorization: <redacted>");
        assert_eq!(
            redact("follow", "a=https://u:p@h/events/n?access_token=x"),
            "a=https://<redacted>@h/events/n?<redacted>"
        );
        assert_eq!(redact("jwks-url", "https://h/keys#x"), "https://h/keys?<redacted>");
        assert_eq!(redact("jwks-url", "https://h/@keys"), "https://h/@keys");
        assert_eq!(redact("allow-origin", "https://h/?x"), "https://h/?x");
    }
}
