//! The precedence of sources, and errors that name them.

use std::fs;

use super::*;

/// A file in the folder of temporary files, which is removed at the end.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("goldcrest-{}-{name}.toml", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn parse_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(Cli, Settings), ParseError> {
    let arguments = [&["goldcrest"], arguments].concat();
    let environment =
        |name: &str| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into());
    parse(arguments.into_iter().map(OsString::from), &environment)
}

fn print(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    match parse_with(arguments, variables) {
        Ok((_, settings)) => settings.to_string(),
        Err(error) => panic!("{}", error.into_command_error()),
    }
}

fn error(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    parse_with(arguments, variables).map(|_| ()).unwrap_err().into_command_error().to_string()
}

#[track_caller]
fn assert_has(text: &str, line: &str) {
    assert!(text.lines().any(|each| each == line), "{line}\n--- not in\n{text}");
}

#[test]
fn the_command_line_precedes_the_environment_the_file_and_the_default() {
    let file = TemporaryFile::new("precedence", "max-head = 1001\nmax-body = 1002\nhistory-events = 1003\n");
    let variables = [("GOLDCREST_MAX_HEAD", "2001"), ("GOLDCREST_MAX_BODY", "2002"), ("GOLDCREST_CONFIG", file.path())];
    for command in
        [&["--max-head", "3001"][..], &["serve", "--max-head", "3001"], &["config", "print", "--max-head", "3001"]]
    {
        let text = print(command, &variables);
        assert_has(&text, "max-head = 3001  # command line");
        assert_has(&text, "max-body = 2002  # GOLDCREST_MAX_BODY");
        assert_has(&text, &format!("history-events = 1003  # {}", file.path()));
        assert_has(&text, "max-channels = 1024  # default");
        assert_has(&text, "# threads is not set");
    }
}

#[test]
fn the_values_reach_the_server() {
    let file = TemporaryFile::new("values", "max-head = 1001\nno-page = true\n");
    let (cli, _) = parse_with(&["--config", file.path()], &[]).ok().unwrap();
    assert_eq!(cli.serve.options.max_head, 1001);
    let (cli, _) = parse_with(&["serve"], &[("GOLDCREST_MAX_HEAD", "2001")]).ok().unwrap();
    assert!(matches!(cli.command, Some(super::super::Command::Serve(serve)) if serve.options.max_head == 2001));
}

#[test]
fn a_source_replaces_the_list_of_the_next_one() {
    let file =
        TemporaryFile::new("lists", "allow-host = [\"a\", \"b\"]\nallow-origin = [\"https://a\", \"https://b\"]\n");
    let text = print(&["--config", file.path(), "--allow-host", "c"], &[("GOLDCREST_ALLOW_ORIGIN", "https://c,null")]);
    assert_has(&text, "allow-host = [\"c\"]  # command line");
    assert_has(&text, "allow-origin = [\"https://c\", \"null\"]  # GOLDCREST_ALLOW_ORIGIN");
    let text = print(&["--config", file.path()], &[]);
    assert_has(&text, &format!("allow-host = [\"a\", \"b\"]  # {}", file.path()));
}

#[test]
fn a_flag_of_the_file_is_reset_by_the_environment() {
    let file = TemporaryFile::new("flags", "no-page = true\nadmin-listen = \"127.0.0.1:9100\"\nopen = false\n");
    let text = print(&["--config", file.path()], &[("GOLDCREST_NO_PAGE", "false")]);
    assert_has(&text, "no-page = false  # GOLDCREST_NO_PAGE");
    assert_has(&text, &format!("admin-listen = \"127.0.0.1:9100\"  # {}", file.path()));
    assert_has(&text, &format!("open = false  # {}", file.path()));
    assert_has(
        &print(&[], &[("GOLDCREST_ADMIN_LISTEN", "true")]),
        "admin-listen = \"127.0.0.1:8081\"  # GOLDCREST_ADMIN_LISTEN",
    );
    assert_has(&print(&[], &[("GOLDCREST_OPEN", "")]), "open = false  # default");
    assert_has(&print(&[], &[("GOLDCREST_ALLOW_HOST", ",")]), "allow-host = []  # default");
    assert!(error(&[], &[("GOLDCREST_OPEN", "maybe")]).contains("GOLDCREST_OPEN: expected true or false"));
}

#[test]
fn an_option_may_need_one_of_another_source() {
    let file = TemporaryFile::new("needs", "follow = [\"https://hub/events/a\"]\n");
    assert_has(&print(&["--config", file.path(), "--follow-insecure"], &[]), "follow-insecure = true  # command line");
    let text = error(&["--follow-insecure"], &[]);
    assert!(text.contains("--follow <"), "{text}");
}

#[test]
fn an_error_names_the_source_of_the_value() {
    let file = TemporaryFile::new("error", "allow-origin = [\"https://app.example/\"]\n");
    let text = error(&["--config", file.path()], &[]);
    assert!(
        text.contains("https://app.example") && text.ends_with(&format!("--allow-origin is from {}", file.path())),
        "{text}"
    );
    let text = error(&[], &[("GOLDCREST_ALLOW_HOST", "https://hub.example")]);
    assert!(text.contains("hub.example") && text.ends_with("--allow-host is from GOLDCREST_ALLOW_HOST"), "{text}");
    assert!(error(&["--config", "/nowhere.toml"], &[]).starts_with("/nowhere.toml: "));
    let (cli, settings) = parse_with(&[], &[("GOLDCREST_TOKEN_SECRET", "/nowhere")]).ok().unwrap();
    let text = settings.explain(cli.serve.check().map(|_| ()).unwrap_err()).to_string();
    assert!(text.ends_with("; --token-secret is from GOLDCREST_TOKEN_SECRET"), "{text}");
}

#[test]
fn a_secret_is_neither_printed_nor_in_an_error() {
    let text = error(&[], &[("GOLDCREST_FOLLOW", "https://hub/events/a"), ("GOLDCREST_FOLLOW_HEADER", "hunter2")]);
    assert!(!text.contains("hunter2") && text.contains("GOLDCREST_FOLLOW_HEADER"), "{text}");
    let text = error(&[], &[("GOLDCREST_FOLLOW", "ftp://ada:hunter2@hub/events/a")]);
    assert!(!text.contains("hunter2") && text.contains("GOLDCREST_FOLLOW"), "{text}");
    let variables = [("GOLDCREST_FOLLOW", "https://hub/events/a?k=hunter2"), ("GOLDCREST_FOLLOW_HEADER", "A: hunter2")];
    let text = print(&[], &variables);
    assert!(!text.contains("hunter2"), "{text}");
    assert_has(&text, "follow-header = [\"A: <redacted>\"]  # GOLDCREST_FOLLOW_HEADER");
}

#[test]
fn the_environment_is_that_of_the_server_alone() {
    let variables = [("GOLDCREST_LISTEN", "nonsense"), ("GOLDCREST_CONFIG", "/nowhere.toml")];
    assert!(parse_with(&["subscribe", "http://a/"], &variables).is_ok());
    assert!(parse_with(&["config", "check", "a.toml"], &variables).is_ok());
    assert!(parse_with(&["serve"], &variables).is_err());
}

#[test]
fn help_names_each_variable() {
    for path in [&["--help"][..], &["serve", "--help"], &["config", "print", "--help"]] {
        let Err(ParseError::Clap(help, _)) = parse_with(path, &[]) else { panic!("{path:?}") };
        let help = help.to_string();
        for option in options::all() {
            assert!(help.contains(&format!("[env: {}]", option.variable())), "{path:?} {}", option.name);
        }
    }
}

#[test]
fn the_printed_configuration_is_valid_as_a_file() {
    let arguments =
        ["--allow-host", "hub.example", "--log", "a\u{7f}\"\\b", "--admin-listen", "--no-page", "--threads", "2"];
    let first = print(&arguments, &[]);
    let file = TemporaryFile::new("printed", &first);
    let second = print(&["--config", file.path()], &[]);
    let values = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| Some(line.split_once("  # ")?.0.to_owned()))
            .filter(|line| !line.starts_with('#'))
            .collect()
    };
    assert_eq!(values(&first), values(&second));
    assert!(second.contains("hub.example") && second.contains("\\u007F"), "{second}");
}
