//! Completions for shells, and the manual.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, CommandError, EXIT_CODES, Exit, config, terminal};

/// Print the completions of a shell, such as: source <(goldcrest completions bash)
#[derive(Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "goldcrest", &mut text);
        terminal::print_text(&text)
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
    pub(crate) fn run(self) -> Result<(), CommandError> {
        // The subcommand `help` needs no page.
        let mut command = config::with_variables(Cli::command()).disable_help_subcommand(true);
        command.build();
        if let Some(folder) = self.folder {
            let named = |error: io::Error| CommandError::new(Exit::Failed, format!("{}: {error}", folder.display()));
            std::fs::create_dir_all(&folder).map_err(named)?;
            let nested = command.get_subcommands().flat_map(|command| command.get_subcommands());
            for command in command.get_subcommands().chain(nested).chain([&command]) {
                let (mut text, page) = (Vec::new(), Page::new(command.clone()));
                let rendered = render(&page, command, &mut text);
                rendered.and_then(|()| std::fs::write(folder.join(page.get_filename()), &text)).map_err(named)?;
            }
            return Ok(());
        }
        if let Some(name) = self.command {
            let found = command.find_subcommand(&name).cloned();
            command = found.ok_or_else(|| CommandError::usage(format!("there is no command {name}")))?;
            let full: &'static str = format!("goldcrest-{name}").leak();
            command = command.name(full).display_name(full);
        }
        let mut text = Vec::new();
        render(&Page::new(command.clone()), &command, &mut text)?;
        terminal::print_text(&text)
    }
}

/// Renders a page with a section of exit statuses.
fn render(page: &Page, command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    page.render_title(text)?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    page.render_options_section(text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(text)?;
    }
    if command.get_after_long_help().is_some() {
        let mut roff = Roff::new();
        roff.control("SH", ["EXIT STATUS"]);
        for line in EXIT_CODES.lines() {
            if let Some((code, meaning)) = line.strip_prefix("  ").and_then(|line| line.split_once("  ")) {
                roff.control("TP", []).text([bold(code)]).text([roman(meaning)]);
            }
        }
        roff.to_writer(text)?;
    }
    if command.get_version().is_some() {
        page.render_version_section(text)?;
    }
    Ok(())
}
