//! The options in environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::super::CommandError;
use super::{Form, Given, ServeOption};

/// The options that the environment has, and the command line has not, by name. An empty variable counts as absent.
///
/// # Errors
/// A flag is neither true nor false, or a list is not UTF-8.
pub(crate) fn read(
    options: &[ServeOption],
    environment: &dyn Fn(&str) -> Option<OsString>,
    overridden: impl Fn(&ServeOption) -> bool,
) -> Result<BTreeMap<String, Given>, CommandError> {
    let mut given = BTreeMap::new();
    for option in options.iter().filter(|option| !overridden(option)) {
        let variable = option.variable();
        let Some(value) = environment(&variable).filter(|value| !value.is_empty()) else { continue };
        let flag = value.to_str().and_then(boolean);
        let value = match (option.form, flag) {
            (Form::Flag | Form::FlagOrText, Some(on)) => Given::Flag(on),
            (Form::Flag, None) => {
                let text = value.to_string_lossy();
                return Err(CommandError::usage(format!("{variable}: expected true or false, found {text:?}")));
            }
            (Form::List, _) => {
                let text = value.into_string();
                let text = text.map_err(|_| CommandError::usage(format!("{variable} is not UTF-8")))?;
                match list(&text) {
                    values if values.is_empty() => continue,
                    values => Given::Values(values),
                }
            }
            (Form::Number | Form::Text | Form::FlagOrText, _) => Given::Values(vec![value]),
        };
        given.insert(option.name.clone(), value);
    }
    Ok(given)
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The values of a list: lines if there is a line break, otherwise separated by commas. A header field or a URL may contain
/// a comma.
fn list(text: &str) -> Vec<OsString> {
    let separator = if text.contains('\n') { '\n' } else { ',' };
    text.split(separator).map(str::trim).filter(|value| !value.is_empty()).map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_commas_or_lines() {
        assert_eq!(list("a, b,,"), ["a", "b"]);
        assert_eq!(list("Accept: a, b\n"), ["Accept: a, b"]);
        assert_eq!(list("Accept: a, b\r\nX: c"), ["Accept: a, b", "X: c"]);
    }
}
