//! Lines of stdin, for publishing and sending.

use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

use smol::channel::{Receiver, bounded};

/// So many lines wait for the network; then stdin does.
const WAITING: usize = 16;

/// The lines of stdin, read on demand. Lines of a terminal may be commands.
pub(super) struct Input {
    lines: Lines,
    is_terminal: bool,
}

enum Lines {
    Unread,
    Coming(Receiver<Vec<u8>>),
    Ended,
}

/// A line typed on a terminal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine<'l> {
    /// To be sent.
    Text(&'l [u8]),
    /// `/ping [TEXT]`
    Ping(&'l [u8]),
    /// `/close [CODE]`
    Close(Option<u16>),
    /// A command that there is not.
    Unknown,
}

impl Input {
    /// The lines of stdin, or no lines.
    pub(super) fn new(nothing: bool) -> Self {
        let lines = if nothing { Lines::Ended } else { Lines::Unread };
        Self { lines, is_terminal: io::stdin().is_terminal() }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The next line, without its end; `None` once stdin has ended, and that once alone: then it waits for ever.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        if let Lines::Unread = self.lines {
            self.lines = Lines::Coming(read_lines());
        }
        let Lines::Coming(lines) = &self.lines else { return std::future::pending().await };
        let line = lines.recv().await.ok();
        if line.is_none() {
            self.lines = Lines::Ended;
        }
        line
    }

    /// The same where stdin is a terminal; else it is left alone.
    pub(super) async fn next_typed(&mut self) -> Option<Vec<u8>> {
        if self.is_terminal { self.next().await } else { std::future::pending().await }
    }

    /// Parses a line: a command if stdin is a terminal, else text to send.
    pub(super) fn read<'l>(&self, line: &'l [u8]) -> InputLine<'l> {
        if self.is_terminal { typed(line) } else { InputLine::Text(line) }
    }
}

/// Interval of checks whether the shell has put the process in the foreground: no signal reports it.
const FOREGROUND: Duration = Duration::from_millis(250);

/// Whether stdin is a terminal that others read: a job that was begun with `&` is stopped by the system if it reads.
#[cfg(target_os = "linux")]
fn is_in_background() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group != rustix::process::getpgrp())
}

/// Not checked on other systems.
#[cfg(not(target_os = "linux"))]
fn is_in_background() -> bool {
    false
}

/// Reads stdin on a thread that ends with the process: nothing else ends one that reads a terminal.
fn read_lines() -> Receiver<Vec<u8>> {
    let (sender, receiver) = bounded(WAITING);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            while is_in_background() {
                std::thread::sleep(FOREGROUND);
            }
            let mut line = Vec::new();
            match stdin.read_until(b'\n', &mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if sender.send_blocking(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn typed(line: &[u8]) -> InputLine<'_> {
    let Some(command) = line.strip_prefix(b"/") else { return InputLine::Text(line) };
    if command.starts_with(b"/") {
        return InputLine::Text(command);
    }
    let at = command.iter().position(|byte| *byte == b' ').unwrap_or(command.len());
    let (name, rest) = command.split_at(at);
    match (name, rest.trim_ascii()) {
        (b"ping", text) => InputLine::Ping(text),
        (b"close" | b"quit", b"") => InputLine::Close(None),
        (b"close", code) => match str::from_utf8(code).ok().and_then(|code| code.parse().ok()) {
            Some(code) => InputLine::Close(Some(code)),
            None => InputLine::Unknown,
        },
        _ => InputLine::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_begins_a_command_and_two_a_text() {
        assert_eq!(typed(b"hello /ping"), InputLine::Text(b"hello /ping"));
        assert_eq!(typed(b"//ping"), InputLine::Text(b"/ping"));
        assert_eq!(typed(b"/ping  a b "), InputLine::Ping(b"a b"));
        assert_eq!(typed(b"/ping"), InputLine::Ping(b""));
        assert_eq!(typed(b"/close 4000"), InputLine::Close(Some(4000)));
        assert_eq!(typed(b"/close"), InputLine::Close(None));
        assert_eq!(
            (typed(b"/close x"), typed(b"/clos"), typed(b"/")),
            (InputLine::Unknown, InputLine::Unknown, InputLine::Unknown)
        );
        assert_eq!(typed(b""), InputLine::Text(b""));
    }
}
