"""Plants violations in a small tree and expects that each is found, and nothing else."""

from checks import Exceptions, Report, check

LIB = """//! A front page.
//!
//! | module | contents | knows |
//! | --- | --- | --- |
//! | [`base`], [`low`] | bytes | nothing |
//! | [`high`] | frames | `base`, `low` |
//! | [`gone`] | was deleted | nothing |
pub mod base;
pub mod high;
pub mod low;
mod unlisted;
"""
TREE = {
    "core/Cargo.toml": '[package]\nname = "planted"\n',
    "core/src/lib.rs": LIB,
    "core/src/base.rs": "use crate::low::Twice as Other;\npub struct Once;\npub struct Twice;\npub(crate) struct Once2;\n",
    "core/src/low.rs": "pub enum Twice {}\n#[cfg(test)]\nmod tests { use crate::high::Frame; pub struct Once; }\n",
    "core/src/unlisted.rs": "",
    "core/src/high/mod.rs": "mod one;\nmod two;\nmod three;\n#[cfg(test)]\nmod cases;\npub use one::One;\nuse crate::base::Once;\n",
    "core/src/high/one.rs": "use super::two;\npub struct One;\n",
    # Through the re-export of high/mod.rs: a circle of one and two. `three` closes none.
    "core/src/high/two.rs": "use super::{One, three::{self, Three}};\n",
    "core/src/high/three.rs": "pub struct Three;\n",
    "core/src/high/cases.rs": "use super::{one, two};\nuse crate::unlisted;\n",
    "core/src/prose.rs": (
        "// Good: `what` in code, and nothing else.\n"
        "/// Nobody reads this.\n"
        "/// ```\n"
        "/// let what = 1;\n"
        "/// ```\n"
        "fn f() { g('\"', \"a // who\", \"who\", r#\"tells \"x\"\"#) } // it pours\n"
        "#[test]\nfn sends_what_is_asked() {}\n"
    ),
    "host/src/fine.rs": "// One of a hundred lines: what.\n" + "// A line.\n" * 99,
    "tests/run": "#!/bin/bash\n# everybody\necho \"$# for whoever asks\" # anyone\n",
    "tests/x.py": 'x = "he climbs" # she\ny = "what"\n',
    "tests/y.mjs": "f(/'/, 'is told'); // him\n",
    "README.md": "Who?\n```sh\nwhat # somebody\n```\n`what` [a](what.md)\nQuoted: what is permitted.\n",
    "page.html": '<p title="a rung">Text</p>\n<!-- someone -->\n<script>\n// whatever\nf("his own")</script>\n',
}
EXCEPTIONS = "word | README.md | Quoted: | planted\nword | README.md | no such line | planted\nbroken\n"
EXPECTED = """
exceptions:3: expected CHECK | PATH | FRAGMENT | REASON, found: broken
core/src/prose.rs:6: text: who: a // who
core/src/prose.rs:6: text: tells: tells "x
core/src/prose.rs:8: test name: what: sends what is asked
tests/run:3: text: whoever: $# for whoever asks
tests/x.py:1: text: he, climbs: "he climbs"
tests/y.mjs:1: text: told: is told
README.md:1: document: Who: Who?
README.md:3: document: somebody: somebody
page.html:5: text: his: his own
page.html:1: document: rung: title="a rung"Text
comments of core/: 1 of 10 lines hold a pronoun, at most 1 in 100 may; list them: python3 tests/scripts/vocabulary core/
comments of core/: 1 of 10 lines hold a metaphor, at most 1 in 100 may; list them: python3 tests/scripts/vocabulary core/
comments of tests/: 4 of 4 lines hold a pronoun, at most 1 in 100 may; list them: python3 tests/scripts/vocabulary tests/
comments of other/: 2 of 2 lines hold a pronoun, at most 1 in 100 may; list them: python3 tests/scripts/vocabulary
comments: 8 of 116 lines hold a pronoun, at most 1 in 100 may; list them: python3 tests/scripts/vocabulary
core/src/low.rs:1: types: `Twice` is defined at core/src/base.rs:3 too
core/src/high:1: circles: these import each other: one two
core/src/unlisted.rs:1: rooms: room `unlisted` has no row in the table of core/src/lib.rs
core/src/lib.rs:7: rooms: the table has a row of `gone`; there is no such module
core/src/base.rs:1: rooms: `base` imports `low`, which is not in its row of the table
core/src/lib.rs:6: rooms: `high` lists `low` and does not import it
exceptions:2: permits nothing (any more), remove it: word | README.md | no such line
"""


def run():
    report = Report()
    check(TREE, Exceptions(EXCEPTIONS), report)
    found = {line for _, line in report.violations}
    expected = set(EXPECTED.strip().split("\n"))
    if found != expected:
        missed = "\n".join(sorted(expected - found))
        more = "\n".join(sorted(found - expected))
        raise SystemExit(f"vocabulary: the self-test failed.\nPlanted and not found:\n{missed}\nFound and not planted:\n{more}")
