//! The options in a TOML file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::{Spanned, Value};

use super::super::CommandError;
use super::Given;
use super::options::{Form, ServeOption};

/// The options that the file has, by name.
///
/// # Errors
/// The file cannot be read, is not TOML, has an unknown key, or a value of another type.
pub(crate) fn read(path: &Path, options: &[ServeOption]) -> Result<BTreeMap<String, Given>, CommandError> {
    let named = |error: &dyn std::fmt::Display| CommandError::usage(format!("{}: {error}", path.display()));
    parse(&fs::read_to_string(path).map_err(|error| named(&error))?, options)
        .map_err(|(line, error)| CommandError::usage(format!("{}:{line}: {error}", path.display())))
}

/// The options of the text, by name; or the line of an error, and the error.
fn parse(text: &str, options: &[ServeOption]) -> Result<BTreeMap<String, Given>, (usize, String)> {
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let table: BTreeMap<Spanned<String>, Spanned<Value>> = toml::from_str(text)
        .map_err(|error| (error.span().map_or(1, |span| line(span.start)), error.message().to_owned()))?;
    let mut given = BTreeMap::new();
    for (key, value) in table {
        let at = line(key.span().start);
        let name = key.into_inner();
        let option = options.iter().find(|option| option.name == name).ok_or_else(|| (at, unknown(&name, options)))?;
        if name == "config" {
            return Err((at, "a file cannot name another file; give --config or GOLDCREST_CONFIG".into()));
        }
        let value = convert(option, value.into_inner()).map_err(|error| (at, error))?;
        // An empty list is the default.
        if value != Given::Values(Vec::new()) {
            given.insert(name, value);
        }
    }
    Ok(given)
}

/// The error for a key that no option has.
fn unknown(name: &str, options: &[ServeOption]) -> String {
    let likeness = |option: &&ServeOption| strsim::jaro_winkler(&option.name, &name.replace('_', "-"));
    let nearest = options.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let nearest = nearest.map_or("", |option| &option.name);
    format!("unknown key {name:?}; the nearest known key is {nearest:?}")
}

fn convert(option: &ServeOption, value: Value) -> Result<Given, String> {
    let found = value.type_str();
    let expected = |expected: &str, example: &str| {
        Err(format!("{name}: expected {expected}, found {found}; write {name} = {example}", name = option.name))
    };
    Ok(match (option.form, value) {
        (Form::Flag | Form::FlagOrText, Value::Boolean(on)) => Given::Flag(on),
        (Form::Flag, _) => return expected("a boolean", "true"),
        (Form::Number, Value::Integer(number)) => Given::Values(vec![number.to_string().into()]),
        (Form::Number, _) => return expected("an integer", "1000"),
        (Form::Text | Form::FlagOrText, Value::String(text)) => Given::Values(vec![text.into()]),
        (Form::FlagOrText, _) => return expected("a boolean or a string", "true"),
        (Form::Text, _) => return expected("a string", "\"…\""),
        (Form::List, Value::Array(values)) => {
            let text = |value: Value| match value {
                Value::String(text) => Ok(text.into()),
                other => Err(format!(
                    "{}: expected strings in the array, found {}; write {0} = [\"…\"]",
                    option.name,
                    other.type_str()
                )),
            };
            Given::Values(values.into_iter().map(text).collect::<Result<_, _>>()?)
        }
        (Form::List, _) => return expected("an array of strings", "[\"…\"]"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::options;
    use super::*;

    fn error(text: &str) -> (usize, String) {
        parse(text, &options::all()).unwrap_err()
    }

    #[test]
    fn an_unknown_key_names_the_nearest_one() {
        assert_eq!(
            error("\nmax_head = 1"),
            (2, "unknown key \"max_head\"; the nearest known key is \"max-head\"".into())
        );
        assert!(error("listn = []").1.ends_with("is \"listen\""));
        assert!(error("[channels]\nlisten = []").1.starts_with("unknown key \"channels\""));
        assert!(error("config = \"a\"").1.contains("--config"));
    }

    #[test]
    fn a_value_of_another_type_is_an_error_with_the_right_form() {
        for (text, right) in [
            ("max-head = \"512\"", "max-head = 1000"),
            ("max-head = 5.0", "max-head = 1000"),
            ("no-page = \"true\"", "no-page = true"),
            ("no-page = 1", "no-page = true"),
            ("listen = \"127.0.0.1:1\"", "listen = [\"…\"]"),
            ("listen = [1]", "listen = [\"…\"]"),
            ("log = true", "log = \"…\""),
            ("admin-listen = 1", "admin-listen = true"),
        ] {
            let (line, error) = error(text);
            assert!(line == 1 && error.contains("found") && error.ends_with(right), "{text}: {error}");
        }
    }

    #[test]
    fn an_error_of_the_syntax_has_its_line() {
        assert_eq!(error("no-page = true\nmax-head = \n").0, 2);
        assert_eq!(error("no-page = true\nno-page = true\n").0, 2);
    }
}
