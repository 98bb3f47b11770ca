//! Options by the environment and by a file.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs, process};

use goldcrest_tests::Program;

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = env::temp_dir().join(format!("goldcrest-command-{}-{name}.toml", process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let command = Command::new(Program::path()).args(arguments).envs(variables.iter().copied()).output();
    let Output { status, stdout, stderr } = command.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_server_starts_by_its_environment_and_file() {
    let file = File::new("start", "listen = [\"127.0.0.1:1\"]\nlog-format = \"json\"\nthreads = 1\n");
    let by = ["env", "GOLDCREST_LISTEN=127.0.0.1:0", &format!("GOLDCREST_CONFIG={}", file.path())];
    let server = Program::goldcrest_by(&by, &["serve"]);
    let line = server.wait_for_line("goldcrest serves http://127.0.0.1:");
    assert!(line.starts_with('{') && !line.contains("127.0.0.1:1/"), "{line}");
}

#[test]
fn config_check_reports_the_line_and_the_nearest_key() {
    let valid = File::new("valid", "max-head = 8192\n");
    assert_eq!(
        run(&["config", "check", valid.path()], &[("GOLDCREST_MAX_HEAD", "x")]),
        (Some(0), format!("{}: valid\n", valid.path()), String::new())
    );
    for (name, text, error) in [
        (
            "key",
            "no-page = true\nmax-haed = 1\n",
            ":2: unknown key \"max-haed\"; the nearest known key is \"max-head\"\n",
        ),
        ("type", "max-head = \"1\"\n", ":1: max-head: expected an integer, found string; write max-head = 1000\n"),
    ] {
        let file = File::new(name, text);
        let error = format!("goldcrest: {}{error}", file.path());
        assert_eq!(run(&["config", "check", file.path()], &[]), (Some(2), String::new(), error));
    }
    for (name, text, right) in [
        ("range", "max-head = 1\n", "--max-head is from "),
        ("origin", "allow-origin = [\"https://app.example/\"]\n", "write https://app.example"),
        ("effect", "token-issuer = [\"a\"]\n", "have no effect without --token-secret"),
        ("secret", "token-secret = [\"/nowhere/key\"]\n", "/nowhere/key"),
        ("open", "listen = [\"0.0.0.0:8080\"]\n", "--open to permit that"),
    ] {
        let file = File::new(name, text);
        let (code, _, error) = run(&["config", "check", file.path()], &[]);
        assert!(code == Some(2) && error.contains(right) && error.contains(file.path()), "{name}: {error}");
        assert!(error.lines().count() == 1 && !error.contains("\\n"), "{name}: {error}");
    }
}

#[test]
fn config_print_has_the_source_of_each_value() {
    let file = File::new("print", "max-head = 8192\nmax-body = 1\n");
    let variables = [("GOLDCREST_MAX_BODY", "2"), ("GOLDCREST_CONFIG", file.path())];
    let (code, text, error) = run(&["config", "print", "--no-page"], &variables);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    for line in [
        "no-page = true  # command line\n",
        "max-body = 2  # GOLDCREST_MAX_BODY\n",
        &format!("max-head = 8192  # {}\n", file.path()),
        "max-channels = 1024  # default\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let (code, text, error) = run(&["config", "print"], &[("GOLDCREST_TOKEN_IN_QUERY", "1")]);
    assert_eq!(code, Some(2));
    assert!(text.contains("token-in-query = true  # GOLDCREST_TOKEN_IN_QUERY\n"), "{text}");
    assert!(error.ends_with("; --token-in-query is from GOLDCREST_TOKEN_IN_QUERY\n"), "{error}");
}

#[test]
fn help_shows_no_value_of_a_variable() {
    let (code, text, _) = run(&["serve", "--help"], &[("GOLDCREST_FOLLOW_HEADER", "A: hunter2")]);
    assert!(code == Some(0) && text.contains("[env: GOLDCREST_FOLLOW_HEADER]") && !text.contains("hunter2"), "{text}");
    let (_, text, _) = run(&["man", "serve"], &[("GOLDCREST_FOLLOW_HEADER", "A: hunter2")]);
    assert!(text.contains("GOLDCREST_FOLLOW_HEADER") && !text.contains("hunter2"), "{text}");
}
