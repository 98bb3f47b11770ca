//! `docs/PROOF.md` names only files and steps that exist, and its commands run the tests that it cites.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/PROOF.md")).unwrap()
}

fn rows(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with("| "))
}

/// The texts between backticks.
fn quoted(row: &str) -> impl Iterator<Item = &str> {
    row.split('`').skip(1).step_by(2)
}

/// The arguments of `cargo test`: the package, and the filter of test paths.
#[derive(Debug)]
struct Command<'a> {
    package: Option<&'a str>,
    filter: &'a str,
}

impl<'a> Command<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let mut words = name.strip_prefix("cargo test")?.split_whitespace();
        let mut command = Self { package: None, filter: "" };
        while let Some(word) = words.next() {
            match word {
                "-p" => command.package = words.next(),
                "--lib" => {}
                "--features" => _ = words.next(),
                _ => {
                    assert!(!word.starts_with('-'), "{word} of {name} is unknown to this test");
                    command.filter = word;
                }
            }
        }
        Some(command)
    }

    /// Whether it runs a test of this file.
    fn runs(&self, file: &str) -> bool {
        // The tests of `tests/` have no module.
        let unit = file.split_once("/src/");
        let Some((folder, path)) = unit.or_else(|| file.split_once("/tests/")) else { return false };
        let package = format!("goldcrest-{folder}");
        if self.package.is_some_and(|asked| asked != package) {
            return false;
        }
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let text = fs::read_to_string(root().join(file)).unwrap();
        let path = |name: &String| if unit.is_some() { format!("{module}::{name}") } else { name.clone() };
        tests(&text).iter().any(|name| path(name).contains(self.filter))
    }
}

/// The tests of a file, each with the module within it.
fn tests(text: &str) -> Vec<String> {
    let (mut module, mut is_test, mut names) = (String::new(), false, Vec::new());
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            module = format!("{name}::");
        } else if bare.starts_with("#[test]") {
            is_test = true;
        } else if let Some(rest) = bare.strip_prefix("fn ")
            && std::mem::take(&mut is_test)
        {
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            names.push(format!("{module}{name}"));
        }
    }
    names
}

#[test]
fn every_file_and_step_named_in_proof_md_exists() {
    let page = page();
    let run = fs::read_to_string(root().join("tests/run")).unwrap();
    let folders = ["core/", "host/", "tests/", "docs/", "firmware-example/"];
    let (mut files, mut steps) = (0, 0);
    for name in rows(&page).flat_map(quoted) {
        if let Some(step) = name.strip_prefix("tests/run ") {
            assert!(run.lines().any(|line| line.starts_with(&format!("{step}() {{"))), "tests/run has no step {step}");
            steps += 1;
        } else if folders.iter().any(|folder| name.starts_with(folder)) {
            assert!(root().join(name).exists(), "there is no {name}");
            files += 1;
        }
    }
    assert!(files > 20 && steps > 15, "the page is not read");
}

#[test]
fn every_test_cited_in_proof_md_runs_in_its_step() {
    let page = page();
    let mut judged = 0;
    for row in rows(&page) {
        let commands: Vec<_> = quoted(row).filter_map(Command::of).collect();
        if commands.is_empty() {
            continue;
        }
        let files: Vec<_> = quoted(row).filter(|name| name.ends_with(".rs")).collect();
        for command in &commands {
            assert!(files.iter().any(|file| command.runs(file)), "{command:?} runs nothing that is cited: {row}");
        }
        for file in files {
            assert!(commands.iter().any(|command| command.runs(file)), "none of {commands:?} runs a test of {file}");
            judged += 1;
        }
    }
    assert!(judged > 8, "the page is not read");
}

#[test]
fn tests_are_listed_by_attribute_and_module() {
    let text = "fn helper() {}\n#[test]\nfn one() {}\nmod tests {\n    #[test]\n    fn two_of(them: u8) {}\n}\n";
    assert_eq!(tests(text), ["one", "tests::two_of"]);
}
