//! Completions for shells, and the manual.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man as Page;

use super::{Cli, Exit, Trouble};

/// Print the completions of a shell, such as: source <(goldcrest completions bash)
#[derive(Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Trouble> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "goldcrest", &mut text);
        print_text(&text)
    }
}

/// Print the manual, such as: goldcrest man | man -l -
#[derive(Args)]
pub(crate) struct Man {
    /// The page of this command, instead of the one of all
    command: Option<String>,

    /// Write all pages to this folder instead: goldcrest.1, goldcrest-subscribe.1, …
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Result<(), Trouble> {
        let mut command = Cli::command();
        command.build();
        if let Some(folder) = self.folder {
            let named = |error: io::Error| Trouble::new(Exit::Failed, format!("{}: {error}", folder.display()));
            std::fs::create_dir_all(&folder).map_err(named)?;
            return clap_mangen::generate_to(command, &folder).map_err(named);
        }
        if let Some(name) = self.command {
            let found = command.find_subcommand(&name).cloned();
            command = found.ok_or_else(|| Trouble::usage(format!("there is no command {name}")))?;
            let full: &'static str = format!("goldcrest-{name}").leak();
            command = command.name(full).display_name(full);
        }
        let mut text = Vec::new();
        Page::new(command).render(&mut text)?;
        print_text(&text)
    }
}

/// Prints it all, unless nobody reads it any more.
pub(super) fn print_text(text: &[u8]) -> Result<(), Trouble> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
