//! The `goldcrest` command: the server, and clients in the manner of curl. One file for each subcommand.
//!
//! | file | content |
//! | --- | --- |
//! | `serve.rs`, `options.rs` | the server, with the page at `/` |
//! | `listen_address.rs` | the values of `--listen` |
//! | `page/` | the page |
//! | `config/` | the options of the server by environment and file, and the command that checks and prints them |
//! | `admin/` | the admin listener: metrics, health, channels |
//! | `subscribe/` | events and messages of any SSE or WebSocket server, as lines |
//! | `publish.rs` | publishes events to a channel |
//! | `bench/` | the latency of events to many readers |
//! | `compare/` | the costs of the five techniques, side by side |
//! | `token/` | the options for tokens, and the command that signs and checks them |
//! | `manual.rs` | shell completions, the manual |
//! | `client_options.rs`, `target.rs` | common options of the clients: header fields, TLS, the URL |
//! | `parser_limits.rs` | limits of the event stream parser |
//! | `load.rs` | events with a time stamp |
//! | `secrets.rs` | redacts secrets in the values of options |
//! | `exit.rs`, `diagnostics.rs` | exit statuses, and messages on stderr |
//! | `terminal.rs` | escapes control characters in text of others |

#![allow(rustdoc::bare_urls, reason = "the comments are the text of --help")]

mod admin;
mod bench;
mod client_options;
mod compare;
mod config;
mod diagnostics;
mod exit;
mod listen_address;
mod load;
mod manual;
mod options;
mod page;
mod parser_limits;
mod publish;
mod secrets;
mod serve;
mod subscribe;
mod target;
mod terminal;
mod token;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use exit::{CommandError, EXIT_CODES, Exit};

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
    Serve(Box<serve::Serve>),
    Subscribe(subscribe::Subscribe),
    Publish(publish::Publish),
    Bench(bench::Bench),
    Compare(compare::Compare),
    Token(token::Token),
    Config(config::Config),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// The amount of output on stderr.
#[derive(Args, Clone, Copy, Debug)]
struct Quiet {
    /// Print only errors on stderr
    #[arg(short, long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let (cli, settings) = match config::parse(std::env::args_os(), &|name| std::env::var_os(name)) {
        Ok(parsed) => parsed,
        Err(error) => return error.print(),
    };
    let result = match cli.command.unwrap_or(Command::Serve(Box::new(cli.serve))) {
        Command::Serve(serve) => serve.run().map_err(|error| settings.explain(error)),
        Command::Subscribe(subscribe) => subscribe.run(),
        Command::Publish(publish) => publish.run(),
        Command::Bench(bench) => bench.run(),
        Command::Compare(compare) => compare.run(),
        Command::Token(token) => token.run(),
        Command::Config(config) => config.run(&settings),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    match result {
        Ok(()) => ExitCode::from(Exit::Done),
        Err(error) => {
            diagnostics::Diagnostics::new(false).error(&error);
            ExitCode::from(error.exit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_command_with_all_options() {
        let cli =
            Cli::try_parse_from(["goldcrest", "--listen", "127.0.0.1:0", "--no-page", "--max-head", "512"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.options.max_head, 512);
        let cli = Cli::try_parse_from(["goldcrest", "serve", "--max-head", "512"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Serve(serve)) if serve.options.max_head == 512));
        assert!(Cli::try_parse_from(["goldcrest", "--no-page", "subscribe", "http://a/"]).is_err());
    }
}
