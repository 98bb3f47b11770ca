//! The options of `goldcrest serve`, as clap knows them.

use std::any::TypeId;
use std::num::NonZeroUsize;

use clap::{Arg, ArgAction, Args as _, Command};

use super::super::serve::Serve;

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// No value on the command line
    Flag,
    /// A flag that may have a text as its value
    FlagOrText,
    Number,
    Text,
    /// A text for each time that the option is given
    List,
}

/// An option.
#[derive(Clone, Debug)]
pub(crate) struct ServeOption {
    /// The name on the command line, without `--`, which is the key in a file.
    pub(crate) name: String,
    /// The name of clap.
    pub(crate) id: String,
    pub(crate) form: Form,
}

impl ServeOption {
    fn new(arg: &Arg) -> Option<Self> {
        let numbers = [
            TypeId::of::<u8>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
            TypeId::of::<NonZeroUsize>(),
        ];
        let value = arg.get_value_parser().type_id();
        let optional = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
        let form = match arg.get_action() {
            ArgAction::SetTrue => Form::Flag,
            ArgAction::Append => Form::List,
            ArgAction::Set if optional => Form::FlagOrText,
            ArgAction::Set if numbers.iter().any(|number| value == *number) => Form::Number,
            ArgAction::Set => Form::Text,
            _ => return None,
        };
        Some(Self { name: arg.get_long()?.to_owned(), id: arg.get_id().to_string(), form })
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        variable(&self.name)
    }
}

/// The environment variable of an option.
fn variable(name: &str) -> String {
    format!("GOLDCREST_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// All options of the server, in the order of `--help`.
pub(crate) fn all() -> Vec<ServeOption> {
    let command = Serve::augment_args(Command::new("serve"));
    command.get_arguments().filter_map(ServeOption::new).collect()
}

/// The command with the environment variables of its options, for `--help` and the manual. Their values are not shown.
///
/// The parser has to be without them: clap does not know lists in a variable.
pub(crate) fn with_variables(command: Command) -> Command {
    let names: Vec<String> = all().into_iter().map(|option| option.id).collect();
    let with = |command: Command| {
        command.mut_args(|arg| match arg.get_long() {
            Some(long) if names.iter().any(|name| arg.get_id() == name.as_str()) => {
                let variable: &'static str = variable(long).leak();
                arg.env(variable).hide_env_values(true)
            }
            _ => arg,
        })
    };
    with(command).mut_subcommand("serve", with).mut_subcommand("config", |config| config.mut_subcommand("print", with))
}
