//! A run of the command.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use goldcrest_tests::{Program, patience};

/// A run of `goldcrest`. It is killed when this is dropped.
pub(crate) struct Run {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

/// How a run has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// The lines of stdout that had not been asked for.
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

/// Output of one of its pipes.
struct Lines {
    coming: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, coming) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                if !matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
                    return;
                }
                let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { coming, seen: Vec::new() }
    }

    fn next(&mut self) -> Option<String> {
        match self.coming.recv_timeout(patience()) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing comes after {:#?}", self.seen),
        }
    }

    fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

impl Run {
    /// Starts it. Its stdin stays open, with nothing on it, and is no terminal.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// Starts it with these variables in its environment.
    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(Program::path());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdin, stdout, stderr }
    }

    /// Writes to its stdin.
    pub(crate) fn type_in(&mut self, bytes: impl AsRef<[u8]>) {
        self.stdin.as_mut().expect("an open stdin").write_all(bytes.as_ref()).unwrap();
    }

    /// Ends its stdin.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of stdout.
    pub(crate) fn line(&mut self) -> String {
        let line = self.stdout.next();
        line.unwrap_or_else(|| panic!("stdout has ended after {:#?}; {:#?}", self.stdout.seen, self.stderr.rest()))
    }

    /// The next line of stdout as JSON.
    pub(crate) fn json(&mut self) -> serde_json::Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// Waits until stderr has a line that holds `text`, after the line of the last wait.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        while let Some(line) = self.stderr.next() {
            if line.contains(text) {
                return line;
            }
        }
        panic!("stderr never said {text:?}: {:#?}", self.stderr.seen)
    }

    /// The lines of stderr that have come so far, those that were waited for included.
    pub(crate) fn stderr_so_far(&mut self) -> Vec<String> {
        while let Ok(line) = self.stderr.coming.try_recv() {
            self.stderr.seen.push(line);
        }
        self.stderr.seen.clone()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn end(mut self) -> Ended {
        self.stdin = None;
        let stdout = self.stdout.rest();
        self.stderr.rest();
        let deadline = Instant::now() + patience();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end, {:#?}", self.stderr.seen);
            thread::yield_now();
        };
        Ended { code: status.code().unwrap_or(-1), stdout, stderr: std::mem::take(&mut self.stderr.seen) }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end.
pub(crate) fn goldcrest(arguments: &[&str]) -> Ended {
    Run::start(arguments).end()
}

/// Runs it to its end with this on stdin.
pub(crate) fn goldcrest_with(arguments: &[&str], stdin: &[u8]) -> Ended {
    let mut run = Run::start(arguments);
    run.type_in(stdin);
    run.end()
}

impl Ended {
    /// The lines of a run that went well.
    #[track_caller]
    pub(crate) fn lines(self) -> Vec<String> {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    /// Asserts that it has failed with this code, and said something that holds `text`.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, text: &str) {
        assert!(
            self.code == code && self.stderr.iter().any(|line| line.contains(text)),
            "not {code}, {text:?}: {self:#?}"
        );
    }
}
