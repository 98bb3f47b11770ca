//! The sources of the options' values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;

use super::super::secrets::{REDACTED, is_secret, redact};
use super::super::{CommandError, Exit};
use super::options::{Form, ServeOption};

/// The source of an option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    CommandLine,
    /// The variable
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The options of the server with their values and sources. It displays as TOML, without secrets.
#[derive(Default)]
pub(crate) struct Settings {
    options: Vec<ServeOption>,
    /// The sources of values beside the command line, by name.
    sources: BTreeMap<String, Source>,
    values: Vec<(ServeOption, Vec<String>, Source)>,
}

impl Settings {
    pub(crate) fn new(options: Vec<ServeOption>, sources: BTreeMap<String, Source>) -> Self {
        Self { options, sources, values: Vec::new() }
    }

    /// Stores the values.
    pub(crate) fn read(&mut self, matches: &ArgMatches) {
        for option in &self.options {
            let values = matches.get_raw(&option.id).into_iter().flatten();
            let values = values.map(|value| value.to_string_lossy().into_owned()).collect();
            let source = match (self.sources.get(&option.name), matches.value_source(&option.id)) {
                (Some(source), _) => source.clone(),
                (None, Some(ValueSource::CommandLine)) => Source::CommandLine,
                (None, _) => Source::Default,
            };
            self.values.push((option.clone(), values, source));
        }
    }

    /// The error, with the sources of the options that it names.
    pub(crate) fn explain(&self, error: CommandError) -> CommandError {
        if error.exit != Exit::Usage {
            return error;
        }
        let mut text = error.to_string();
        let named: Vec<&str> = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
        let notes = self.notes(&named);
        for note in notes {
            text.push_str("; ");
            text.push_str(&note);
        }
        CommandError::usage(text)
    }

    /// The error without a secret of the environment or the file, and the sources of the options that it names.
    pub(crate) fn explain_clap(&self, mut error: clap::Error) -> (clap::Error, Vec<String>) {
        let mut named: Vec<String> = Vec::new();
        for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
            match error.get(kind) {
                Some(ContextValue::String(name)) => named.push(name.clone()),
                Some(ContextValue::Strings(names)) => named.extend(names.iter().cloned()),
                _ => {}
            }
        }
        let named: Vec<&str> = named.iter().filter_map(|name| name.split([' ', '=', '[']).next()).collect();
        let secret = |name: &&str| {
            let name = name.trim_start_matches('-');
            self.sources.contains_key(name) && is_secret(name)
        };
        if named.iter().any(secret) && error.get(ContextKind::InvalidValue).is_some() {
            error.insert(ContextKind::InvalidValue, ContextValue::String(REDACTED.into()));
        }
        (error, self.notes(&named))
    }

    fn notes(&self, named: &[&str]) -> Vec<String> {
        let sources = self.sources.iter().filter(|(name, _)| named.contains(&format!("--{name}").as_str()));
        sources.map(|(name, source)| format!("--{name} is from {source}")).collect()
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (option, values, source) in &self.values {
            let quoted = || values.iter().map(|value| quote(&redact(&option.name, value))).collect::<Vec<_>>();
            let value = match (option.form, &values[..]) {
                // A file has neither `config` nor an empty value.
                _ if option.name == "config" => {
                    if let [path] = &values[..] {
                        writeln!(f, "# config: {path:?}  # {source}")?;
                    }
                    continue;
                }
                (Form::FlagOrText, []) => "false".to_owned(),
                (Form::List, _) => format!("[{}]", quoted().join(", ")),
                (_, []) => {
                    writeln!(f, "# {} is not set", option.name)?;
                    continue;
                }
                (Form::Flag | Form::Number, [value, ..]) => value.clone(),
                (Form::Text | Form::FlagOrText, _) => quoted().concat(),
            };
            writeln!(f, "{} = {value}  # {source}", option.name)?;
        }
        Ok(())
    }
}

/// A basic string of TOML, which is a string of JSON but for DEL.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}
