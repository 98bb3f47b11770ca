//! `docs/PROOF.md` names only what is there.

use std::fs;
use std::path::Path;

/// What stands between backticks in the tables.
fn quoted(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_file_and_every_step_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/PROOF.md")).unwrap();
    let run = fs::read_to_string(root.join("tests/run")).unwrap();
    let (mut files, mut steps) = (0, 0);
    for name in quoted(&page) {
        if let Some(step) = name.strip_prefix("tests/run ") {
            assert!(run.lines().any(|line| line.starts_with(&format!("{step}() {{"))), "tests/run has no step {step}");
            steps += 1;
        } else if let Some(filter) = name.strip_prefix("cargo test -p goldcrest-core --lib ") {
            assert!(root.join(format!("core/src/serve/tests/{filter}.rs")).exists(), "{filter} filters nothing");
        } else if ["core/", "host/", "tests/", "docs/"].iter().any(|folder| name.starts_with(folder)) {
            assert!(root.join(name).exists(), "there is no {name}");
            files += 1;
        }
    }
    assert!(files > 20 && steps > 15, "the page is not read");
}
