//! Help, completions, the manual.

use std::fs;

use super::other_server::folder;
use super::run::goldcrest;

const COMMANDS: [&str; 9] =
    ["serve", "subscribe", "publish", "bench", "compare", "token", "config", "completions", "man"];

#[test]
fn help_lists_every_command_and_exit_status() {
    let help = goldcrest(&["--help"]).lines().join("\n");
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        let own = goldcrest(&[command, "--help"]).lines().join("\n");
        assert!(own.contains("Usage: goldcrest"), "{own}");
    }
    for command in [&[][..], &["subscribe"], &["publish"], &["bench"], &["compare"]] {
        let help = goldcrest(&[command, &["--help"]].concat()).lines().join("\n");
        for code in 0..=7 {
            assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
        }
    }
}

#[test]
fn completions_of_every_shell_have_the_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = goldcrest(&["completions", shell]).lines().join("\n");
        for word in ["subscribe", "poll-interval", "max-connections"] {
            assert!(text.contains(word), "{word} for {shell}");
        }
    }
    goldcrest(&["completions", "smoke"]).failed(2, "");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = goldcrest(&["man"]).lines().join("\n");
    assert!(page.contains(".TH") && page.contains("subscribe"), "{page}");
    let page = goldcrest(&["man", "serve"]).lines().join("\n");
    assert!(["SIGTERM", "SIGHUP", "SIGUSR1"].iter().all(|signal| page.contains(signal)), "{page}");
    let page = goldcrest(&["man", "subscribe"]).lines().join("\n");
    assert!(page.contains("goldcrest\\-subscribe") && page.contains("\\-\\-since"), "{page}");
    goldcrest(&["man", "nothing"]).failed(2, "there is no command");
    let folder = folder("man");
    goldcrest(&["man", "--folder", folder.to_str().unwrap()]).lines();
    for name in COMMANDS {
        assert!(folder.join(format!("goldcrest-{name}.1")).exists(), "{name}");
    }
    let nested = ["token-sign", "token-check", "config-check", "config-print"];
    for name in nested {
        assert!(folder.join(format!("goldcrest-{name}.1")).exists(), "{name}");
    }
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        COMMANDS.len() + nested.len() + 1,
        "the pages of the commands, and of all"
    );
}

#[test]
fn the_manual_has_an_exit_status_section() {
    for page in [goldcrest(&["man"]), goldcrest(&["man", "publish"])] {
        let page = page.lines().join("\n");
        let section = page.split(".SH ").find_map(|section| section.strip_prefix("\"EXIT STATUS\"\n")).unwrap();
        for code in 0..=7 {
            assert!(section.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{code}: {section}");
        }
        assert!(!page.contains(".SH EXTRA"), "{page}");
    }
    assert!(!goldcrest(&["man", "completions"]).lines().join("\n").contains("EXIT STATUS"));
}
