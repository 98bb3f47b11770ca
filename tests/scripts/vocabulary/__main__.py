"""Checks the tree's language and the imports between its modules.

    python3 tests/scripts/vocabulary              all checks; exit status 0: no violation
    python3 tests/scripts/vocabulary PATH...      each listed word in these files or folders, comments included
    python3 tests/scripts/vocabulary --count      the counts of listed words, by folder
    python3 tests/scripts/vocabulary --rooms      the imports of each room of the core, as rows of its table

- words: pronouns as subjects and metaphors (words.py). Documents, messages and test names hold none;
  of the comment lines of a folder, at most 1 in 100 holds a pronoun, and 1 in 100 a metaphor.
- types: a crate defines a public type name once.
- rooms: the column `knows` of the table in core/src/lib.rs equals the imports of each room.
- circles: the files of a directory do not import each other in a circle.

`exceptions` beside this file lists permitted violations, each with its reason. Before each run, planted violations
have to be found (self_test.py).
"""

import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import self_test
from checks import Exceptions, Report, check
from lexers import KINDS
from modules import Crate, rooms_and_imports
from words import FOLDERS, LISTS

# Built or recorded files, and tables of other projects.
SKIPPED = ("core/js/goldcrest.js", "core/js/goldcrest-shared.js", "tests/crates/fuzz/corpus/")


def tree():
    """Path -> text of each tracked file."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True)
    files = {}
    for path in listed.stdout.decode().split("\0"):
        if path and not path.startswith(SKIPPED) and Path(path).is_file():
            try:
                files[path] = Path(path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                pass  # an image or an archive
    return files


def print_counts(report):
    print(f"{'':18}{'comment lines':>14}{'pronouns':>10}{'%':>7}{'metaphors':>11}{'%':>7}   in messages, documents, test names")
    for folder in (*FOLDERS, "all"):
        lines = report.lines[folder]
        row = f"{folder:18}{lines:14}"
        for name, width in (("pronoun", 10), ("metaphor", 11)):
            held = report.held[folder, name]
            row += f"{held:{width}}{100 * held / max(lines, 1):7.2f}"
        print(row + "   " + ", ".join(str(report.words[folder, kind]) for kind in KINDS[1:]))
    print(f"{report.permitted} permitted by the list of exceptions")


def print_rooms(files):
    rooms, _ = rooms_and_imports(Crate("core", files))
    for room, imported in sorted(rooms.items(), key=lambda entry: (len(entry[1]), entry[0])):
        print(f"| `{room}` | {', '.join(f'`{other}`' for other in sorted(imported)) or 'nothing'} |")


def main(arguments):
    self_test.run()
    if arguments == ["--rooms"]:
        print_rooms(tree())
        return 0
    exceptions = Exceptions(Path(__file__).with_name("exceptions").read_text(encoding="utf-8"))
    report = Report()
    check(tree(), exceptions, report)
    if arguments == ["--count"]:
        print_counts(report)
        return 0
    if arguments and arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments[0] in ("-h", "--help") else 2
    if arguments:
        chosen = [
            line for path, line in report.comments + report.violations if path.startswith(tuple(arguments))
        ]
        print("\n".join(chosen))
        return 1 if chosen else 0
    for _, line in report.violations:
        print(line)
    print(f"vocabulary: {len(report.violations)} violations" if report.violations else "vocabulary: passed")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
