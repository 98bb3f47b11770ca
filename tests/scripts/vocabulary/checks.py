"""The checks over a tree of files, with a list of exceptions."""

from collections import Counter

import words
from lexers import COMMENT, KINDS, plain, prose_of
from modules import Crate, knows_violations

# Of the comment lines of a folder, so many in 100 may hold a word of one list.
PER_HUNDRED = 1
CORE = "core"


class Exceptions:
    """Lines of `CHECK | PATH | FRAGMENT | REASON`; `#` starts a comment.

    CHECK is word, type, knows or circle. PATH is where it is permitted: a file, or a folder for circle and type.
    FRAGMENT is a part of the line that holds the word, the name of the type, or the names of the circle; `*` is any.
    """

    def __init__(self, text):
        self.entries = []
        self.errors = []
        self.used = set()
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            cells = [cell.strip() for cell in line.split(" | ", 3)]
            if len(cells) != 4 or not all(cells):
                self.errors.append(f"exceptions:{number}: expected CHECK | PATH | FRAGMENT | REASON, found: {line}")
            else:
                self.entries.append((number, *cells[:3]))

    def permit(self, check, path, text):
        for number, its_check, its_path, fragment in self.entries:
            if (its_check, its_path) == (check, path) and (fragment == "*" or fragment in text):
                self.used.add(number)
                return True
        return False

    def stale(self):
        return [f"exceptions:{e[0]}: permits nothing (any more), remove it: {' | '.join(e[1:])}" for e in self.entries if e[0] not in self.used]


class Report:
    def __init__(self):
        self.lines = Counter()  # comment lines by folder
        self.held = Counter()  # comment lines that hold a word of a list, by folder and list
        self.words = Counter()  # words by folder and kind of prose
        self.permitted = 0
        self.comments = []  # (path, line for the terminal)
        self.violations = []  # (path, line for the terminal)

    def violation(self, path, line, text):
        self.violations.append((path, f"{path}:{line}: {text}"))


def check(files, exceptions, report):
    for error in exceptions.errors:
        report.violations.append(("exceptions", error))
    check_words(files, exceptions, report)
    crates = [Crate(path.rpartition("/")[0], files) for path in sorted(files) if path.rpartition("/")[2] == "Cargo.toml"]
    for crate in crates:
        if crate.code:
            check_types(crate, exceptions, report)
            check_circles(crate, exceptions, report)
        if crate.folder == CORE:
            for path, line, text in knows_violations(crate, files[crate.paths[()]]):
                if not exceptions.permit("knows", path, text):
                    report.violation(path, line, "rooms: " + text)
    for stale in exceptions.stale():
        report.violations.append(("exceptions", stale))


def check_words(files, exceptions, report):
    for path, source in files.items():
        folder = words.folder_of(path)
        for kind, line, text in prose_of(path, source):
            both = (folder, "all")
            if kind == COMMENT:
                report.lines.update(both)
            held = {}
            for name, word in words.found(plain(text)):
                if exceptions.permit("word", path, text):
                    report.permitted += 1
                else:
                    held.setdefault(name, []).append(word)
            if not held:
                continue
            report.words.update((place, kind) for place in both)
            shown = f"{kind}: {', '.join(sum(held.values(), []))}: {text.strip()}"
            if kind == COMMENT:
                report.held.update((place, name) for place in both for name in held)
                report.comments.append((path, f"{path}:{line}: {shown}"))
            else:
                report.violation(path, line, shown)
    for folder in (*words.FOLDERS, "all"):
        for name in words.LISTS:
            held, lines = report.held[folder, name], report.lines[folder]
            if held * 100 > lines * PER_HUNDRED:
                where = "" if folder == "all" else f" of {folder}/"
                hint = "python3 tests/scripts/vocabulary" + ("" if folder in ("all", "other") else f" {folder}/")
                report.violations.append(
                    (folder, f"comments{where}: {held} of {lines} lines hold a {name}, at most {PER_HUNDRED} in 100 may; list them: {hint}")
                )


def check_types(crate, exceptions, report):
    first = {}
    for name, path, line in crate.types():
        if name not in first:
            first[name] = f"{path}:{line}"
        elif not exceptions.permit("type", crate.folder, name):
            report.violation(path, line, f"types: `{name}` is defined at {first[name]} too")


def check_circles(crate, exceptions, report):
    for parent, names in crate.circles():
        folder = "/".join((crate.folder, "src", *parent))
        if not exceptions.permit("circle", folder, " ".join(names)):
            report.violation(folder, 1, f"circles: these import each other: {' '.join(names)}")
