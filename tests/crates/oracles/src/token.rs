//! JSON Web Tokens beside `jsonwebtoken`, with RustCrypto's algorithms.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use goldcrest_host::tokens::{Algorithm, SigningKey, TokenError, TokenPolicy, UnverifiedToken, VerificationKey};
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde_json::{Map, Value};

const PRIVATE: [&str; 4] = [
    include_str!("../../../../host/src/tokens/test_keys/rsa.pem"),
    include_str!("../../../../host/src/tokens/test_keys/p256.pem"),
    include_str!("../../../../host/src/tokens/test_keys/p384.pem"),
    include_str!("../../../../host/src/tokens/test_keys/ed25519.pem"),
];

const PUBLIC: [&str; 4] = [
    include_str!("../../../../host/src/tokens/test_keys/rsa-public.pem"),
    include_str!("../../../../host/src/tokens/test_keys/p256-public.pem"),
    include_str!("../../../../host/src/tokens/test_keys/p384-public.pem"),
    include_str!("../../../../host/src/tokens/test_keys/ed25519-public.pem"),
];

const SECRET: &[u8] = b"sixty-four bytes, which are enough for each of the three HMACs ..";

/// The number of keys: RSA, P-256, P-384, Ed25519 and a secret.
pub const KEYS: usize = 5;

/// The difference of clocks that both allow for, in seconds.
const LEEWAY: u64 = 30;

struct Pair {
    signing: SigningKey,
    ours: [VerificationKey; 1],
    theirs: DecodingKey,
}

static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    let theirs = [
        DecodingKey::from_rsa_pem(PUBLIC[0].as_bytes()),
        DecodingKey::from_ec_pem(PUBLIC[1].as_bytes()),
        DecodingKey::from_ec_pem(PUBLIC[2].as_bytes()),
        DecodingKey::from_ed_pem(PUBLIC[3].as_bytes()),
    ];
    let pair = |(index, theirs): (usize, jsonwebtoken::errors::Result<DecodingKey>)| Pair {
        signing: SigningKey::pem(PRIVATE[index].as_bytes()).expect("a private key"),
        ours: VerificationKey::parse(PUBLIC[index].as_bytes()).expect("a public key").try_into().expect("one key"),
        theirs: theirs.expect("a public key"),
    };
    let mut pairs: Vec<_> = theirs.into_iter().enumerate().map(pair).collect();
    pairs.push(Pair {
        signing: SigningKey::secret(SECRET).expect("a secret"),
        ours: [VerificationKey::secret(SECRET).expect("a secret")],
        theirs: DecodingKey::from_secret(SECRET).expect("a secret"),
    });
    pairs
});

/// A token with these claims, signed by this key.
pub fn sign(key: usize, algorithm: usize, claims: &Map<String, Value>) -> Option<String> {
    PAIRS[key % KEYS].signing.sign(Algorithm::ALL[algorithm % Algorithm::ALL.len()], claims).ok()
}

/// Verifies the text by this key with both. Each token that is accepted here is accepted there, with the same claims. The reverse holds
/// but for rules that the other crate does not have.
pub fn is_verified_as_by_jsonwebtoken(key: usize, text: &str) {
    let pair = &PAIRS[key % KEYS];
    let policy = TokenPolicy {
        issuers: vec!["https://a.example".into()],
        audiences: vec!["hub".into()],
        leeway: Duration::from_secs(LEEWAY),
        ..TokenPolicy::default()
    };
    let parsed = UnverifiedToken::parse(text);
    let ours =
        parsed.as_ref().map_err(|error| *error).and_then(|token| policy.verify(token, &pair.ours, SystemTime::now()));
    let theirs = jsonwebtoken::decode_header(text).and_then(|header| {
        let mut validation = Validation::new(header.alg);
        (validation.leeway, validation.validate_nbf) = (LEEWAY, true);
        validation.required_spec_claims = HashSet::from(["exp", "iss", "aud"].map(str::to_owned));
        validation.set_issuer(&["https://a.example"]);
        validation.set_audience(&["hub"]);
        decode::<Map<String, Value>>(text, &pair.theirs, &validation)
    });
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => {
            let subject = theirs.claims.get("sub").and_then(Value::as_str).unwrap_or_default();
            assert_eq!(ours.subject, subject, "{text}");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("accepted here, and there: {error}: {text}"),
        (Err(error), Ok(_)) => assert!(is_stricter(*error, text), "accepted there, and here: {error}: {text}"),
    }
}

/// Signs the claims, if they are an object, and verifies the token with both.
pub fn claims_are_read_as_by_jsonwebtoken(key: usize, algorithm: usize, json: &str) {
    let Ok(claims) = serde_json::from_str(json) else { return };
    if let Some(text) = sign(key, algorithm, &claims) {
        is_verified_as_by_jsonwebtoken(key, &text);
    }
}

/// Parses the text as keys. None of them verifies by an HMAC unless the text is a JSON Web Key with a secret.
pub fn parses_as_a_key(text: &str) {
    let Ok(keys) = VerificationKey::parse(text.as_bytes()) else { return };
    if !text.contains("oct") && !text.contains('\\') {
        assert!(!keys.iter().any(|key| key.permits(Algorithm::HS256)), "{text:?}");
    }
}

/// Whether the error is one of a rule that the other crate does not have.
fn is_stricter(error: TokenError, text: &str) -> bool {
    match error {
        // RFC 7515 §4.1.11, and the bounds of a token.
        TokenError::Critical | TokenError::TooLong => true,
        // Claims that the other crate does not read, or rounds.
        TokenError::Claim(name) => name != "exp" || claims(text).is_some_and(|claims| claims["exp"].is_number()),
        // The other crate drops fractions of a second, and its clock runs on.
        TokenError::Expired | TokenError::NotYetValid => true,
        _ => false,
    }
}

fn claims(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?).ok()
}
