//! The `goldcrest` command: the server, and clients in the manner of curl.

#![allow(rustdoc::bare_urls, reason = "the comments are the text of --help")]

mod command;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    command::run(command::Cli::parse())
}
