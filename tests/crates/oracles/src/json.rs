//! The reader of flat objects beside `serde_json`.

use std::fmt;

use goldcrest_core::json::{Members, text};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The members of an object in their order, repeated ones too.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The type of a member, as our reader classifies it.
#[derive(Debug, PartialEq)]
enum MemberKind {
    Text(String),
    /// Passed over unread.
    Nested,
    Other(Value),
    /// A string that is none, or a number past all floats.
    Bad,
}

/// Reads `bytes` as an object by both, and compares the members.
pub fn parses_the_same_as_serde_json(bytes: &[u8]) {
    let ours = ours(bytes);
    let theirs = serde_json::from_slice::<Pairs>(bytes);
    let context = || format!("{}\nours {ours:?}", bytes.escape_ascii());
    match (&ours, theirs) {
        (Ok(ours), Ok(Pairs(theirs))) => {
            let theirs: Vec<_> = theirs.into_iter().map(|(name, value)| (name, told(value))).collect();
            assert_eq!(ours, &theirs, "{}", context());
        }
        // Unread members are not validated: nested values, and strings whose text is not requested.
        (Ok(members), Err(_)) => {
            assert!(
                members.iter().any(|(_, told)| matches!(told, MemberKind::Nested | MemberKind::Bad)),
                "{}",
                context()
            );
        }
        (Err(_), Ok(_)) => panic!("refused: {}", context()),
        (Err(_), Err(_)) => {}
    }
}

fn told(value: Value) -> MemberKind {
    match value {
        Value::String(text) => MemberKind::Text(text),
        Value::Array(_) | Value::Object(_) => MemberKind::Nested,
        other => MemberKind::Other(other),
    }
}

fn ours(bytes: &[u8]) -> Result<Vec<(String, MemberKind)>, goldcrest_core::json::JsonError> {
    let mut bytes = bytes.to_vec();
    let mut members = Members::new(&mut bytes)?;
    let mut told = Vec::new();
    while let Some((name, value)) = members.next()? {
        let value = match value.first() {
            Some(b'"') => text(value).map_or(MemberKind::Bad, |text| MemberKind::Text(text.into())),
            Some(b'{' | b'[') => MemberKind::Nested,
            _ => serde_json::from_slice(value).map_or(MemberKind::Bad, MemberKind::Other),
        };
        told.push((name.into(), value));
    }
    Ok(told)
}
