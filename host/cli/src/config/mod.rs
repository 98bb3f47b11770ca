//! The options of the server from the command line, the environment and a file.
//!
//! | file | content |
//! | --- | --- |
//! | `options.rs` | the options, and their names in the environment |
//! | `environment.rs` | the values of environment variables |
//! | `file.rs` | the values of a TOML file |
//! | `settings.rs` | the sources of values, and the effective configuration as text |
//!
//! A value that the command line lacks is appended to it, as if it had been given there. So each rule between options has
//! one place, whatever the source of their values.

mod environment;
mod file;
mod options;
mod settings;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Subcommand};

use super::diagnostics::Diagnostics;
use super::serve::Serve;
use super::{Cli, CommandError, terminal};
pub(crate) use options::with_variables;
use options::{Form, ServeOption};
pub(crate) use settings::{Settings, Source};

/// Check a configuration file of `goldcrest serve`, or print the effective configuration
#[derive(Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand)]
enum ConfigCommand {
    Check(Check),
    Print(Box<Print>),
}

/// Check that the server would start with this file alone, and with the files that it names
#[derive(Args)]
struct Check {
    /// The configuration
    file: PathBuf,
}

/// Print the effective configuration as TOML, with the source of each value; secrets are redacted
///
/// It takes the options of `goldcrest serve`. If the server would not start with them, the reason follows on stderr, and the
/// exit status is 2.
#[derive(Args)]
struct Print {
    #[command(flatten)]
    serve: Serve,
}

impl Config {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), CommandError> {
        match self.command {
            ConfigCommand::Check(Check { file }) => {
                let arguments = ["goldcrest", "serve", "--config"].map(OsString::from);
                let arguments = arguments.into_iter().chain([file.clone().into()]);
                match parse(arguments, &|_| None) {
                    Ok((Cli { command: Some(super::Command::Serve(serve)), .. }, settings)) => {
                        serve.check().map_err(|error| settings.explain(error))?;
                    }
                    Ok(_) => {}
                    Err(error) => return Err(error.into_command_error()),
                }
                terminal::print_text(format!("{}: valid\n", file.display()).as_bytes())
            }
            ConfigCommand::Print(print) => {
                terminal::print_text(settings.to_string().as_bytes())?;
                print.serve.check().map(|_| ()).map_err(|error| settings.explain(error))
            }
        }
    }
}

/// The value of an option outside the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Flag(bool),
    Values(Vec<OsString>),
}

/// An error before a command starts.
pub(crate) enum ParseError {
    /// The message of clap, which may be `--help`, and the sources of the values that it names.
    Clap(clap::Error, Vec<String>),
    Command(CommandError),
}

impl From<CommandError> for ParseError {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

impl ParseError {
    /// Prints the error.
    pub(crate) fn print(self) -> ExitCode {
        match self {
            Self::Clap(error, notes) => {
                // A closed stdout or stderr is no error.
                let _ = error.print();
                notes.iter().for_each(|note| Diagnostics::new(false).error(note));
                u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            Self::Command(error) => {
                Diagnostics::new(false).error(&error);
                ExitCode::from(error.exit)
            }
        }
    }

    /// The error without the usage.
    fn into_command_error(self) -> CommandError {
        match self {
            Self::Command(error) => error,
            Self::Clap(error, notes) => {
                let text = error.to_string();
                let text = text.trim_start_matches("error: ");
                // The usage and the hint at --help follow an empty line.
                let text = text.split("\n\n").next().unwrap_or_default();
                let lines = text.lines().map(str::trim).chain(notes.iter().map(String::as_str));
                CommandError::usage(lines.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// Parses the command line, completed by the environment and the file of `--config` where the command is the server.
///
/// # Errors
/// A value is invalid, or the file; or help is asked for.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Cli, Settings), ParseError> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut settings = Settings::default();
    // Errors are ignored here: an option may need another one that only the file has.
    let Ok(first) = Cli::command().ignore_errors(true).try_get_matches_from(&arguments) else {
        let help = with_variables(Cli::command()).try_get_matches_from(&arguments);
        let matches = help.map_err(|error| ParseError::Clap(error, Vec::new()))?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| ParseError::Clap(error, Vec::new()))?;
        return Ok((cli, settings));
    };
    if let Some(serve) = serve_matches(&first) {
        let known = options::all();
        let on_command_line = |option: &ServeOption| serve.value_source(&option.id) == Some(ValueSource::CommandLine);
        let mut given = environment::read(&known, environment, on_command_line)?;
        let named = serve.get_one::<PathBuf>("config").cloned();
        let path = named.or_else(|| match given.get("config") {
            Some(Given::Values(values)) => values.first().map(PathBuf::from),
            _ => None,
        });
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for option in known.iter().filter(|option| given.contains_key(&option.name)) {
            sources.insert(option.name.clone(), Source::Environment(option.variable()));
        }
        if let Some(path) = path {
            for (name, value) in file::read(Path::new(&path), &known)? {
                let overridden = known.iter().any(|option| option.name == name && on_command_line(option));
                if !overridden && !given.contains_key(&name) {
                    sources.insert(name.clone(), Source::File(path.clone()));
                    given.insert(name, value);
                }
            }
        }
        for (name, value) in &given {
            append(&mut arguments, name, value);
        }
        settings = Settings::new(known, sources);
    }
    let explained = |error: clap::Error| {
        let (error, notes) = settings.explain_clap(error);
        ParseError::Clap(error, notes)
    };
    let matches = Cli::command().try_get_matches_from(&arguments).map_err(explained)?;
    let cli = Cli::from_arg_matches(&matches).map_err(explained)?;
    if let Some(serve) = serve_matches(&matches) {
        settings.read(serve);
    }
    Ok((cli, settings))
}

/// The options of the server; `None` if the command is another one.
fn serve_matches(matches: &ArgMatches) -> Option<&ArgMatches> {
    match matches.subcommand() {
        None => Some(matches),
        Some(("serve", serve)) => Some(serve),
        Some(("config", config)) => config.subcommand_matches("print"),
        Some(_) => None,
    }
}

/// Appends an option to the command line.
fn append(arguments: &mut Vec<OsString>, name: &str, value: &Given) {
    match value {
        Given::Flag(false) => {}
        Given::Flag(true) => arguments.push(format!("--{name}").into()),
        Given::Values(values) => arguments.extend(values.iter().map(|value| {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            argument
        })),
    }
}

#[cfg(test)]
mod tests;
