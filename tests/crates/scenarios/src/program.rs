//! A program of this workspace, built, started, read and ended.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use crate::patience;

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    said: Arc<Said>,
}

/// The output so far, stdout and stderr.
#[derive(Debug, Default)]
struct Said {
    lines: Mutex<(VecDeque<String>, usize)>,
    more: Condvar,
}

impl Program {
    /// Starts the server `goldcrest` with these flags.
    pub fn goldcrest(flags: &[&str]) -> Self {
        Self::goldcrest_by(&[], flags)
    }

    /// The same, by a command that becomes the program: the program and its arguments stand behind `command`.
    pub fn goldcrest_by(command: &[&str], flags: &[&str]) -> Self {
        Self::start(command, &built().join("goldcrest"), flags)
    }

    /// Starts one of the host's examples with these arguments, by a command that becomes it, or by none.
    pub fn example(command: &[&str], name: &str, arguments: &[&str]) -> Self {
        Self::start(command, &built().join("examples").join(name), arguments)
    }

    /// Where the program `goldcrest` is, built.
    pub fn path() -> PathBuf {
        built().join("goldcrest")
    }

    /// Starts any program with these arguments.
    pub fn other(path: &Path, arguments: &[&str]) -> Self {
        Self::start(&[], path, arguments)
    }

    /// The same, by a command that becomes the program.
    pub fn other_by(command: &[&str], path: &Path, arguments: &[&str]) -> Self {
        Self::start(command, path, arguments)
    }

    fn start(by: &[&str], path: &Path, flags: &[&str]) -> Self {
        let mut words = by.iter().map(OsStr::new).chain([path.as_os_str()]);
        let mut command = Command::new(words.next().expect("at least the program"));
        command.args(words).args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let said = Arc::new(Said::default());
        listen(child.stdout.take(), &said);
        listen(child.stderr.take(), &said);
        Self { child, said }
    }

    /// Waits until it has said something that holds `text`, and returns the line.
    pub fn wait_for_line(&self, text: &str) -> String {
        let deadline = Instant::now() + patience();
        let mut said = self.said.lines.lock().unwrap();
        loop {
            if let Some(line) = said.0.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && said.1 < 2, "the program never said {text:?}; it said {:#?}", said.0);
            said = self.said.more.wait_timeout(said, left).unwrap().0;
        }
    }

    /// The lines so far that hold `text`.
    pub fn lines(&self, text: &str) -> Vec<String> {
        let said = self.said.lines.lock().unwrap();
        said.0.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal of this name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill: {status}");
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + patience();
        let mut said = self.said.lines.lock().unwrap();
        // Both outputs are at their end once it has ended: then waiting for it takes no time.
        while said.1 < 2 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the program does not end");
            said = self.said.more.wait_timeout(said, left).unwrap().0;
        }
        drop(said);
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(output: Option<impl Read + Send + 'static>, said: &Arc<Said>) {
    let said = Arc::clone(said);
    let output = BufReader::new(output.expect("the output is piped"));
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            said.lines.lock().unwrap().0.push_back(line);
            said.more.notify_all();
        }
        said.lines.lock().unwrap().1 += 1;
        said.more.notify_all();
    });
}

/// Where the workspace's programs are, built once in the profile of this test.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(folder) = env::var_os("GOLDCREST_PROGRAMS") {
            return folder.into();
        }
        let test = env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).expect("a test lies in TARGET/PROFILE/deps");
        let target = profile.parent().expect("TARGET/PROFILE");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "goldcrest-cli", "--bins"]);
        build.args(["--package", "goldcrest-host", "--examples"]);
        build.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        // Cargo's environment variables for a test would rebuild the packages that read them (ring, and all above it).
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                build.env_remove(name);
            }
        }
        let status = build.status().unwrap();
        assert!(status.success(), "the server does not build: {status}");
        profile.to_owned()
    })
}
