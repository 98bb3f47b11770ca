//! Vectors of RFC 7515, RFC 7520 and RFC 8037, and tables of confused algorithms.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use goldcrest_core::format::Transport;
use goldcrest_core::http::{MAX_FIELDS, Request};
use goldcrest_core::hub::ChannelName;
use goldcrest_core::hub_http::{ChannelIntent, Rights};
use serde_json::{Map, Value, json};

use super::authorizer::TokenRights;
use super::*;

const PRIVATE: [&str; 4] = [
    include_str!("test_keys/rsa.pem"),
    include_str!("test_keys/p256.pem"),
    include_str!("test_keys/p384.pem"),
    include_str!("test_keys/ed25519.pem"),
];

const PUBLIC: [&str; 4] = [
    include_str!("test_keys/rsa-public.pem"),
    include_str!("test_keys/p256-public.pem"),
    include_str!("test_keys/p384-public.pem"),
    include_str!("test_keys/ed25519-public.pem"),
];

const SECRET: &[u8] = b"sixty-four bytes, which are enough for each of the three HMACs ..";

/// The claims of RFC 7515 A.1, and the text of RFC 7520 §4.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const FRODO: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
const BILBO: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;

/// Name, key, token header, payload and signature.
const VECTORS: [(&str, &str, &str, &str, &str); 7] = [
    (
        "RFC 7515 A.1, HS256",
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        JOE,
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    (
        "RFC 7515 A.2, RS256",
        r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
        "eyJhbGciOiJSUzI1NiJ9",
        JOE,
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        "RFC 7515 A.3, ES256",
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        "eyJhbGciOiJFUzI1NiJ9",
        JOE,
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        "RFC 7520 4.1, RS256",
        BILBO,
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        FRODO,
        "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
    ),
    (
        "RFC 7520 4.2, PS384",
        BILBO,
        "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        FRODO,
        "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
    ),
    (
        "RFC 7520 4.4, HS256",
        r#"{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}"#,
        "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
        FRODO,
        "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
    ),
    (
        "RFC 8037 A.4, EdDSA",
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "eyJhbGciOiJFZERTQSJ9",
        "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
];

fn encode(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn claims(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Each key with its public half, and the algorithms of its type.
fn pairs() -> Vec<(SigningKey, VerificationKey)> {
    let mut pairs: Vec<_> = PRIVATE
        .iter()
        .zip(PUBLIC)
        .map(|(private, public)| {
            let mut keys = VerificationKey::parse(public.as_bytes()).unwrap();
            assert_eq!(keys.len(), 1);
            (SigningKey::pem(private.as_bytes()).unwrap(), keys.remove(0))
        })
        .collect();
    pairs.push((SigningKey::secret(SECRET).unwrap(), VerificationKey::secret(SECRET).unwrap()));
    pairs
}

#[test]
fn the_vectors_of_the_standards_verify_and_no_altered_one_does() {
    for (name, key, header, payload, signature) in VECTORS {
        let keys = VerificationKey::parse(key.as_bytes()).unwrap();
        let text = format!("{header}.{payload}.{signature}");
        assert_eq!(UnverifiedToken::parse(&text).unwrap().verify_signature(&keys), Ok(()), "{name}");
        // Every character of the payload and of the signature counts.
        for at in (header.len() + 1..text.len()).filter(|at| text.as_bytes()[*at] != b'.') {
            let replacement = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let altered = format!("{}{replacement}{}", &text[..at], &text[at + 1..]);
            // The last character of a part may have bits that are not used: they have to be 0.
            let verified = UnverifiedToken::parse(&altered).and_then(|token| token.verify_signature(&keys));
            assert!(verified.is_err(), "{name}: character {at}");
        }
    }
}

#[test]
fn each_algorithm_signs_and_verifies_with_the_keys_of_its_type_alone() {
    let rights = json!({ "exp": 9, "sub": "ada" });
    for (index, (signing, _)) in pairs().iter().enumerate() {
        for algorithm in Algorithm::ALL {
            let Ok(text) = signing.sign(algorithm, &claims(rights.clone())) else { continue };
            let token = UnverifiedToken::parse(&text).unwrap();
            assert_eq!(token.algorithm(), algorithm);
            for (other, (_, key)) in pairs().into_iter().enumerate() {
                let expected = match (other == index, key.permits(algorithm)) {
                    (true, true) => Ok(()),
                    (_, true) => Err(TokenError::Signature),
                    (_, false) => Err(TokenError::Algorithm),
                };
                assert_eq!(token.verify_signature(&[key]), expected, "{algorithm}: keys {index} and {other}");
            }
        }
    }
    let count = |(key, _): &(SigningKey, _)| {
        Algorithm::ALL.into_iter().filter(|algorithm| key.sign(*algorithm, &Map::new()).is_ok()).count()
    };
    assert_eq!(pairs().iter().map(count).collect::<Vec<_>>(), [6, 1, 1, 1, 3]);
}

#[test]
fn a_public_key_is_never_the_secret_of_an_hmac() {
    // CVE-2015-9235 and its successors: the attacker signs by HMAC, with the public key's bytes as the secret.
    for public in PUBLIC {
        let keys = VerificationKey::parse(public.as_bytes()).unwrap();
        for secret in [public.as_bytes(), public.trim_end().as_bytes()] {
            assert_eq!(VerificationKey::secret(secret).unwrap_err(), KeyError::PemSecret);
            for (algorithm, by) in [
                (Algorithm::HS256, ring::hmac::HMAC_SHA256),
                (Algorithm::HS384, ring::hmac::HMAC_SHA384),
                (Algorithm::HS512, ring::hmac::HMAC_SHA512),
            ] {
                let header = encode(&json!({ "alg": algorithm.as_str() }).to_string());
                let message = format!("{header}.{}", encode(r#"{"exp":9}"#));
                let signature = ring::hmac::sign(&ring::hmac::Key::new(by, secret), message.as_bytes());
                let text = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
                let token = UnverifiedToken::parse(&text).unwrap();
                assert_eq!(token.verify_signature(&keys), Err(TokenError::Algorithm));
            }
        }
    }
}

#[test]
fn headers_that_are_no_signed_token_are_rejected() {
    let (_, key) = pairs().pop().unwrap();
    let body = encode(r#"{"exp":99999999999}"#);
    for (header, error) in [
        (r#"{"alg":"none"}"#, TokenError::Algorithm),
        (r#"{"alg":"None"}"#, TokenError::Algorithm),
        (r#"{"alg":"hs256"}"#, TokenError::Algorithm),
        (r#"{"alg":"ES512"}"#, TokenError::Algorithm),
        (r#"{"alg":""}"#, TokenError::Algorithm),
        (r#"{"alg":null}"#, TokenError::Malformed),
        (r#"{"alg":["HS256"]}"#, TokenError::Malformed),
        (r#"{"alg":256}"#, TokenError::Malformed),
        (r#"{"ALG":"HS256"}"#, TokenError::Malformed),
        (r#"{}"#, TokenError::Malformed),
        (r#"[]"#, TokenError::Malformed),
        (r#"{"alg":"HS256","kid":7}"#, TokenError::Malformed),
        (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, TokenError::Critical),
        (r#"{"alg":"HS256","crit":[]}"#, TokenError::Critical),
    ] {
        for signature in ["", "AAAA"] {
            let text = format!("{}.{body}.{signature}", encode(header));
            assert_eq!(UnverifiedToken::parse(&text).err(), Some(error), "{header}");
        }
    }
    for text in ["", ".", "..", "...", "a.b", "a.b.c", "e30.e30.e30=", "e30.e30", "ey\n.e30.e30", "e30.e30.e30.e30.e30"]
    {
        assert_eq!(UnverifiedToken::parse(text).err(), Some(TokenError::Malformed), "{text:?}");
    }
    let long = format!("{}.{body}.", "a".repeat(MAX_TOKEN));
    assert_eq!(UnverifiedToken::parse(&long).err(), Some(TokenError::TooLong));
    // Keys that the token itself names are not used (RFC 8725 §3.10).
    let header =
        encode(&json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "AAAA" }, "jku": "https://a/" }).to_string());
    let text = format!("{header}.{body}.AAAA");
    assert_eq!(UnverifiedToken::parse(&text).unwrap().verify_signature(&[key]), Err(TokenError::Signature));
}

#[test]
fn several_keys_are_chosen_by_their_ids() {
    let signing = |id: Option<&str>, secret: &[u8]| {
        let key = SigningKey::secret(secret).unwrap();
        let key = match id {
            Some(id) => key.with_id(id),
            None => key,
        };
        key.sign(Algorithm::HS256, &claims(json!({ "exp": 9 }))).unwrap()
    };
    let other = [b'x'; 32];
    let old = VerificationKey::secret(SECRET).unwrap().with_id("old");
    let new = VerificationKey::secret(&other).unwrap().with_id("new");
    let nameless = VerificationKey::secret(&other).unwrap();
    for (keys, id, secret, result) in [
        (vec![old.clone(), new.clone()], Some("old"), SECRET, Ok(())),
        (vec![old.clone(), new.clone()], Some("new"), &other, Ok(())),
        (vec![old.clone(), new.clone()], Some("new"), SECRET, Err(TokenError::Signature)),
        (vec![old.clone(), new.clone()], Some("third"), SECRET, Err(TokenError::UnknownKey)),
        (vec![old.clone(), new], None, &other, Ok(())),
        (vec![old, nameless], Some("third"), &other, Ok(())),
        (vec![], None, SECRET, Err(TokenError::UnknownKey)),
    ] {
        let text = signing(id, secret);
        assert_eq!(UnverifiedToken::parse(&text).unwrap().verify_signature(&keys), result, "{id:?}");
    }
}

#[test]
fn weak_and_foreign_keys_are_refused() {
    assert_eq!(VerificationKey::secret(&[1; 31]).unwrap_err(), KeyError::ShortSecret);
    // RFC 7518 §3.2: a secret is as long as the hash.
    let secret = VerificationKey::secret(&[1; 32]).unwrap();
    assert!(secret.permits(Algorithm::HS256) && !secret.permits(Algorithm::HS384));
    let short = SigningKey::secret(&[1; 48]).unwrap();
    assert_eq!(short.sign(Algorithm::HS512, &Map::new()), Err(KeyError::ShortSecret));
    for (text, error) in [
        (PRIVATE[0], KeyError::NoPublicKey),
        ("", KeyError::NoPublicKey),
        ("{", KeyError::Jwk),
        (r#"{"keys":7}"#, KeyError::Jwk),
        (r#"{"keys":[]}"#, KeyError::NoKey),
        (r#"{"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA"},{"kty":"new"}]}"#, KeyError::NoKey),
        (r#"{"kty":"oct","k":"AAAA"}"#, KeyError::ShortSecret),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, KeyError::Unsupported),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, KeyError::Unsupported),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"enc"}"#,
            KeyError::Unsupported,
        ),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"HS256"}"#,
            KeyError::Algorithm,
        ),
    ] {
        assert_eq!(VerificationKey::parse(text.as_bytes()).unwrap_err(), error, "{text}");
    }
    assert_eq!(SigningKey::pem(PUBLIC[0].as_bytes()).unwrap_err(), KeyError::NoPrivateKey);
    let ssh = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    assert_eq!(VerificationKey::parse(ssh.as_bytes()).unwrap_err(), KeyError::Unsupported, "X25519");
}

#[test]
fn a_published_set_has_no_secret() {
    let set = format!(r#"{{"keys":[{},{BILBO},{{"kty":"RSA"}}]}}"#, VECTORS[5].1);
    assert_eq!(VerificationKey::parse(set.as_bytes()).unwrap().len(), 2);
    let keys = VerificationKey::parse_public_set(set.as_bytes()).unwrap();
    assert_eq!(keys.iter().map(|key| key.id().unwrap()).collect::<Vec<_>>(), ["bilbo.baggins@hobbiton.example"]);
    let secrets = format!(r#"{{"keys":[{}]}}"#, VECTORS[5].1);
    assert_eq!(VerificationKey::parse_public_set(secrets.as_bytes()).unwrap_err(), KeyError::NoKey);
    assert!(!format!("{:?}", VerificationKey::parse(set.as_bytes()).unwrap()).contains("hJtX"));
}

#[test]
fn the_rules_of_the_claims_hold_to_the_second() {
    let (signing, key) = pairs().pop().unwrap();
    let policy = TokenPolicy {
        issuers: vec!["https://a.example".into()],
        audiences: vec!["hub".into()],
        leeway: Duration::from_secs(10),
        ..TokenPolicy::default()
    };
    let valid = json!({ "iss": "https://a.example", "aud": ["x", "hub"], "exp": 1000, "nbf": 500 });
    let with = |name: &str, value: Value| {
        let mut claims = valid.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims(valid.clone());
        claims.remove(name);
        Value::Object(claims)
    };
    for (json, now, result) in [
        (valid.clone(), 700, Ok(())),
        (valid.clone(), 1009, Ok(())),
        (valid.clone(), 1010, Err(TokenError::Expired)),
        (valid.clone(), 490, Ok(())),
        (valid.clone(), 489, Err(TokenError::NotYetValid)),
        (with("aud", json!("hub")), 700, Ok(())),
        (with("aud", json!("hub2")), 700, Err(TokenError::Audience)),
        (with("aud", json!([])), 700, Err(TokenError::Audience)),
        (without("aud"), 700, Err(TokenError::Audience)),
        (with("iss", json!("https://a.example/")), 700, Err(TokenError::Issuer)),
        (without("iss"), 700, Err(TokenError::Issuer)),
        (without("exp"), 700, Err(TokenError::Claim("exp"))),
        (without("nbf"), 1, Ok(())),
        (with("exp", json!("1000")), 700, Err(TokenError::Claim("exp"))),
        (with("nbf", json!("500")), 1, Err(TokenError::Claim("nbf"))),
        (with("exp", json!(1000.5)), 1010, Ok(())),
    ] {
        let text = signing.sign(Algorithm::HS256, &claims(json.clone())).unwrap();
        let token = UnverifiedToken::parse(&text).unwrap();
        let verified = policy.verify(&token, std::slice::from_ref(&key), at(now)).map(|_| ());
        assert_eq!(verified, result, "{json} at {now}");
    }
    // RFC 7519 §4.1.3: a token for an audience is not for a server without one.
    let open = TokenPolicy::default();
    let text = signing.sign(Algorithm::HS256, &claims(valid)).unwrap();
    let token = UnverifiedToken::parse(&text).unwrap();
    let keys = [key];
    assert_eq!(open.verify(&token, &keys, at(700)).unwrap_err(), TokenError::Audience);
    let only = TokenPolicy { algorithms: vec![Algorithm::EdDSA], ..policy };
    assert_eq!(only.verify(&token, &keys, at(700)).unwrap_err(), TokenError::Algorithm);
}

fn token_of(
    access: &TokenAccess,
    fields: &str,
    target: &str,
    transport: Transport,
) -> Result<Option<String>, TokenError> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let request = Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).unwrap();
    access.token_of(&request, transport)
}

#[test]
fn the_first_place_with_a_token_counts() {
    let access = TokenAccess { token_in_query: true, ..TokenAccess::default() };
    let bearer = "Authorization: Bearer from-field\r\n";
    let cookie = "Cookie: a=b; __Secure-goldcrest_access_token=from-cookie\r\n";
    let protocol = "Sec-WebSocket-Protocol: goldcrest.v1, goldcrest.token.from-protocol\r\n";
    let query = "/events/a?x=1&access_token=from%2Dquery";
    let all = format!("{bearer}{cookie}{protocol}");
    let web_socket = Transport::WebSocket;
    for (fields, target, transport, token) in [
        (&all[..], query, web_socket, Some("from-field")),
        (&format!("{cookie}{protocol}"), query, web_socket, Some("from-cookie")),
        (protocol, query, web_socket, Some("from-protocol")),
        (protocol, query, Transport::Sse, Some("from-query")),
        ("", query, Transport::Publish, Some("from-query")),
        ("", "/events/a", web_socket, None),
        ("Authorization: Basic QTpi\r\n", query, web_socket, Some("from-query")),
        ("Authorization: bearer from-field\r\n", "/", web_socket, Some("from-field")),
    ] {
        assert_eq!(token_of(&access, fields, target, transport), Ok(token.map(str::to_owned)), "{fields}");
    }
    let default = TokenAccess::default();
    assert_eq!(token_of(&default, "", query, Transport::Sse), Ok(None));
    for malformed in [
        "Authorization: Bearer a b\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
        "Authorization: Basic QTpi\r\nAuthorization: Bearer b\r\n",
        "Sec-WebSocket-Protocol: goldcrest.token.a, goldcrest.token.b\r\n",
    ] {
        // The cookie is not the token then.
        let fields = if malformed.starts_with('A') { format!("{malformed}{cookie}") } else { malformed.into() };
        assert_eq!(token_of(&access, &fields, query, web_socket), Err(TokenError::Malformed), "{malformed}");
    }
}

fn decide(access: &TokenAccess, token: &str, wanted: Rights) -> Result<TokenRights, TokenError> {
    let channel = ChannelName::new("news").unwrap();
    let transport = match wanted {
        Rights::PUBLISH => Transport::Publish,
        Rights::ALL => Transport::WebSocket,
        _ => Transport::Sse,
    };
    smol::block_on(access.decide(token, &ChannelIntent { channel, transport, wanted }, at(700)))
}

#[test]
fn static_tokens_and_claims_grant_their_rights() {
    let (signing, key) = pairs().pop().unwrap();
    let access = TokenAccess {
        keys: vec![key],
        publish_tokens: StaticTokens::parse("publish-0123456789\nboth-0123456789ab\n").unwrap(),
        subscribe_tokens: StaticTokens::parse("subscribe-0123456789\nboth-0123456789ab\n").unwrap(),
        ..TokenAccess::default()
    };
    let rights = |token: &str, wanted| decide(&access, token, wanted).map(|granted| granted.rights);
    assert_eq!(rights("publish-0123456789", Rights::PUBLISH), Ok(Rights::PUBLISH));
    assert_eq!(rights("publish-0123456789", Rights::READ), Err(TokenError::ReadScope));
    assert_eq!(rights("subscribe-0123456789", Rights::ALL), Ok(Rights::READ));
    assert_eq!(rights("subscribe-0123456789", Rights::PUBLISH), Err(TokenError::PublishScope));
    assert_eq!(rights("both-0123456789ab", Rights::ALL), Ok(Rights::ALL));
    assert_eq!(rights("other-0123456789", Rights::READ), Err(TokenError::Malformed));
    let token = |json: Value| signing.sign(Algorithm::HS256, &claims(json)).unwrap();
    let reader = token(json!({ "sub": "ada", "exp": 1000, "goldcrest": { "subscribe": ["news"] } }));
    let granted = TokenRights { identity: "ada".into(), rights: Rights::READ, until: Some(at(1030)) };
    assert_eq!(decide(&access, &reader, Rights::READ), Ok(granted));
    assert_eq!(rights(&reader, Rights::PUBLISH), Err(TokenError::PublishScope));
    let without = token(json!({ "exp": 1000 }));
    assert_eq!(rights(&without, Rights::READ), Err(TokenError::ReadScope));
    let expired = token(json!({ "exp": 600, "goldcrest": { "subscribe": ["news"] } }));
    assert_eq!(rights(&expired, Rights::READ), Err(TokenError::Expired));
    // Where every client reads, an invalid token is still rejected, and a valid one adds to that.
    let anonymous = TokenAccess { anonymous_read: true, ..access };
    assert_eq!(decide(&anonymous, &expired, Rights::READ), Err(TokenError::Expired));
    assert_eq!(decide(&anonymous, "publish-0123456789", Rights::ALL).unwrap().rights, Rights::ALL);
}
