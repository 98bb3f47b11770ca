//! A reader of JSON that shares nothing with the code under test.

use std::string::String;
use std::vec::Vec;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value that `text` is, all of it.
    pub(super) fn parse(text: &str) -> Self {
        let mut rest = text.trim();
        let value = value(&mut rest);
        assert_eq!(rest.trim(), "", "behind the value of {text:?}");
        value
    }

    pub(super) fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> String {
        match self.member(name) {
            Some(Self::Text(text)) => text.clone(),
            other => panic!("{name} is {other:?} in {self:?}"),
        }
    }

    pub(super) fn list(&self, name: &str) -> &[Json] {
        match self.member(name) {
            Some(Self::List(list)) => list,
            other => panic!("{name} is {other:?} in {self:?}"),
        }
    }
}

fn value(rest: &mut &str) -> Json {
    blank(rest);
    match rest.as_bytes()[0] {
        b'{' => {
            take(rest, 1);
            let mut members = Vec::new();
            while !ends(rest, '}', members.is_empty()) {
                let name = string(rest);
                blank(rest);
                assert_eq!(take(rest, 1), ":");
                members.push((name, value(rest)));
            }
            Json::Object(members)
        }
        b'[' => {
            take(rest, 1);
            let mut list = Vec::new();
            while !ends(rest, ']', list.is_empty()) {
                list.push(value(rest));
            }
            Json::List(list)
        }
        b'"' => Json::Text(string(rest)),
        b'n' => {
            assert_eq!(take(rest, 4), "null");
            Json::Null
        }
        b't' => {
            assert_eq!(take(rest, 4), "true");
            Json::Bool(true)
        }
        b'f' => {
            assert_eq!(take(rest, 5), "false");
            Json::Bool(false)
        }
        _ => {
            let end = rest.find(|c: char| !"+-.eE0123456789".contains(c)).unwrap_or(rest.len());
            Json::Number(take(rest, end).parse().unwrap())
        }
    }
}

/// Whether the list ends here; else its comma is taken.
fn ends(rest: &mut &str, end: char, first: bool) -> bool {
    blank(rest);
    if rest.starts_with(end) {
        take(rest, 1);
        return true;
    }
    if !first {
        assert_eq!(take(rest, 1), ",");
        blank(rest);
    }
    false
}

fn string(rest: &mut &str) -> String {
    assert_eq!(take(rest, 1), "\"");
    let mut text = String::new();
    loop {
        let c = rest.chars().next().expect("a string ends");
        take(rest, c.len_utf8());
        match c {
            '"' => return text,
            '\\' => match take(rest, 1) {
                "n" => text.push('\n'),
                "r" => text.push('\r'),
                "t" => text.push('\t'),
                "b" => text.push('\u{8}'),
                "f" => text.push('\u{c}'),
                "u" => text.push(char::from_u32(u32::from_str_radix(take(rest, 4), 16).unwrap()).unwrap()),
                other => text.push_str(other),
            },
            c => text.push(c),
        }
    }
}

fn blank(rest: &mut &str) {
    *rest = rest.trim_start();
}

fn take<'a>(rest: &mut &'a str, count: usize) -> &'a str {
    let (taken, later) = rest.split_at(count);
    *rest = later;
    taken
}
