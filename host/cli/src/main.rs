//! The `goldcrest` command: the server, and clients in the manner of curl. One file a subcommand.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `serve.rs`, `options.rs` | the server, with the page at `/` |
//! | `page/` | that page |
//! | `subscribe/` | events and messages of any SSE or WebSocket server, as lines |
//! | `publish.rs` | events to a channel |
//! | `bench/` | many readers of a channel, and how late its events reach them |
//! | `compare/` | what the five techniques cost, side by side |
//! | `pages.rs` | completions for shells, the manual |
//! | `asking.rs`, `target.rs` | what all clients have: fields, TLS, the URL |
//! | `load.rs` | events that say when they left |
//! | `exit.rs`, `status.rs` | how a command ends, and what it says on stderr |
//! | `terminal.rs` | text of others on a terminal, which must not command it |

#![allow(rustdoc::bare_urls, reason = "the comments are the text of --help")]

mod asking;
mod bench;
mod compare;
mod exit;
mod load;
mod options;
mod page;
mod pages;
mod publish;
mod serve;
mod status;
mod subscribe;
mod target;
mod terminal;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use exit::{EXIT_CODES, Exit, Trouble};

/// Live updates over polling, long polling, streaming, Server-Sent Events and WebSocket: five transports, one event log.
///
/// Without a command it serves. Publish with `goldcrest publish` or `curl -d`, subscribe with `goldcrest subscribe`,
/// EventSource or WebSocket, watch at http://127.0.0.1:8080/.
#[derive(Parser)]
#[command(name = "goldcrest", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
#[command(subcommand_precedence_over_arg = true, after_long_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    serve: serve::Serve,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Subscribe(subscribe::Subscribe),
    Publish(publish::Publish),
    Bench(bench::Bench),
    Compare(compare::Compare),
    Completions(pages::Completions),
    Man(pages::Man),
}

/// How much is said on stderr.
#[derive(Args, Clone, Copy, Debug)]
struct Quiet {
    /// Say nothing on stderr but what went wrong
    #[arg(short, long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(serve) => serve.run(),
        Command::Subscribe(subscribe) => subscribe.run(),
        Command::Publish(publish) => publish.run(),
        Command::Bench(bench) => bench.run(),
        Command::Compare(compare) => compare.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    match result {
        Ok(()) => ExitCode::from(Exit::Done),
        Err(trouble) => {
            status::Status::new(false).trouble(&trouble);
            ExitCode::from(trouble.exit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves_with_all_of_its_options() {
        let cli =
            Cli::try_parse_from(["goldcrest", "--listen", "127.0.0.1:0", "--no-page", "--max-head", "512"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.options.max_head, 512);
        let cli = Cli::try_parse_from(["goldcrest", "serve", "--max-head", "512"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Serve(serve)) if serve.options.max_head == 512));
        assert!(Cli::try_parse_from(["goldcrest", "--no-page", "subscribe", "http://a/"]).is_err());
    }
}
