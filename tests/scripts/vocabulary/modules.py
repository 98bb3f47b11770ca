"""The modules of a Rust crate: its public type names, the imports between its files, the circles of those."""

import re

from lexers import rust_code

TYPE = re.compile(r"(?<![\w(])pub\s+(?:struct|enum|trait|union)\s+(\w+)|^pub\s+type\s+(\w+)", re.MULTILINE)
PATH = re.compile(r"(?<![\w:$])(?:crate|self|super|[a-z]\w*)(?:\s*::\s*\w+)+")
TESTS = re.compile(r"(^|/)(tests?|.*_tests?)(\.rs$|/)")


class Crate:
    """A crate's files without test code, by module path: ("log", "event_log") for src/log/event_log.rs."""

    def __init__(self, folder, files):
        """`files`: path -> source, of all the tree; those in `folder`/src belong to the crate."""
        self.folder = folder
        self.paths = {}
        self.code = {}
        sources = folder + "/src/" if folder else "src/"
        for path, source in sorted(files.items()):
            inside = path.removeprefix(sources)
            if inside == path or not path.endswith(".rs") or TESTS.search(inside):
                continue
            module = tuple(inside.removesuffix(".rs").split("/"))
            if module[-1] == "mod" or module in (("lib",), ("main",)):
                module = module[:-1]
            # A binary beside the library (main.rs beside lib.rs) shares the root.
            self.code[module] = self.code.get(module, "") + rust_code(source)
            self.paths.setdefault(module, path)
        for module in [m for m in self.code if self.is_test_only(m)]:
            del self.code[module], self.paths[module]
        self.names = {module: self.imported_names(module) for module in self.code}

    def is_test_only(self, module):
        """A file whose `mod` declaration was behind #[cfg(test)], here or in a module above."""
        for length in range(len(module)):
            parent, name = module[:length], module[length]
            if parent in self.code and not re.search(rf"\bmod\s+{name}\b", self.code[parent]):
                return True
        return False

    def types(self):
        """(name, path, line) of each public type."""
        for module, code in self.code.items():
            for match in TYPE.finditer(code):
                yield match.group(1) or match.group(2), self.paths[module], code.count("\n", 0, match.start()) + 1

    def uses(self, module):
        """The paths of the `use` declarations of a file, each with its offset and the name that it brings in."""
        for use in re.finditer(r"\buse\s+([^;]+);", self.code[module]):
            for segments, name in expand(use.group(1)):
                yield segments, name, use.start()

    def imported_names(self, module):
        return {name: segments for segments, name, _ in self.uses(module) if name != "*"}

    def resolve(self, module, segments, through=True, depth=0):
        """The file that a path leads to; None for another crate's.

        Re-exports are followed: those of the crate's root always, those of other files if `through`.
        """
        if segments[0] == "crate":
            at, rest = (), segments[1:]
        elif segments[0] == "self":
            at, rest = module, segments[1:]
        elif segments[0] == "super":
            at, rest = module, segments
            while rest and rest[0] == "super":
                at, rest = at[:-1], rest[1:]
        elif module + (segments[0],) in self.code:
            at, rest = module, segments
        else:
            return None
        while rest and at + (rest[0],) in self.code:
            at, rest = at + (rest[0],), rest[1:]
        if rest and depth < 8 and at != module and (through or not at):
            target = self.names.get(at, {}).get(rest[0])
            found = target and self.resolve(at, target, through, depth + 1)
            if found is not None:
                return found
        return at if at in self.code else None

    def imports(self, through=True):
        """(importing file's module, imported file's module, line) of each path in the code; `through` as for resolve."""
        for module, code in self.code.items():
            found = [(segments, offset) for segments, _, offset in self.uses(module)]
            # Paths outside of `use`; `pub(in crate::x)` is a visibility and no import.
            rest = re.sub(r"\buse\s+[^;]+;|\bpub\s*\(in[^)]*\)", lambda m: re.sub(r"[^\n]", " ", m.group()), code)
            for path in PATH.finditer(rest):
                found.append((tuple(re.split(r"\s*::\s*", path.group())), path.start()))
            for segments, offset in found:
                target = self.resolve(module, segments, through)
                if target is not None and target != module:
                    yield module, target, code.count("\n", 0, offset) + 1

    def circles(self):
        """Sets of modules of one directory that import each other: [(directory, names)], names sorted.

        The directory's own file (mod.rs) may import its parts and they may use its items, as is usual in Rust.
        """
        graphs = {}
        for source, target, _ in self.imports():
            shared = 0
            while shared < min(len(source), len(target)) and source[shared] == target[shared]:
                shared += 1
            if shared < len(source) and shared < len(target):
                graph = graphs.setdefault(source[:shared], {})
                graph.setdefault(source[shared], set()).add(target[shared])
                graph.setdefault(target[shared], set())
        return [(parent, sorted(names)) for parent, graph in sorted(graphs.items()) for names in connected(graph)]


def expand(tree):
    """The paths of a `use` tree: "a::{b, c as d}" is (a, b) as b and (a, c) as d."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, name = tree.partition(" as ")
        segments = tuple(segment.strip() for segment in path.split("::") if segment.strip())
        if segments and segments[-1] == "self" and len(segments) > 1:
            segments = segments[:-1]
        if segments and segments[-1] == "*":
            yield segments[:-1] or segments, "*"
        elif segments:
            yield segments, name.strip() or segments[-1]
        return
    prefix, depth, start = tree[:brace], 0, brace + 1
    for offset in range(brace, len(tree)):
        if tree[offset] == "{":
            depth += 1
        elif tree[offset] == "}":
            depth -= 1
        if (tree[offset] == "," and depth == 1) or (tree[offset] == "}" and depth == 0):
            if tree[start:offset].strip():
                yield from expand(prefix + tree[start:offset].strip())
            start = offset + 1


def connected(graph):
    """The strongly connected sets of two or more nodes: a is reachable from b and b from a."""

    def reachable(start):
        seen, todo = set(), [start]
        while todo:
            for following in graph[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        return seen

    reach = {node: reachable(node) for node in graph}
    sets = {frozenset(other for other in reach[node] if node in reach[other]) for node in graph}
    return [names for names in sorted(sets, key=sorted) if len(names) > 1]


def knows_table(source):
    """The rows of the table in a crate's front page whose last column is `knows`: {room: (rooms, line, is exact)}.

    A cell lists rooms; "nothing"; "all of the above" or "all but `x`" (then an upper bound only).
    """
    rows, columns = {}, 0
    for line, text in enumerate(source.split("\n"), 1):
        cells = [cell.strip() for cell in text.removeprefix("//!").strip().strip("|").split("|")]
        if not text.startswith("//!") or "|" not in text:
            columns = 0
        elif cells[-1].strip("* ") == "knows":
            columns = len(cells)
        elif columns and len(cells) == columns and not re.fullmatch(r"[-: ]+", cells[-1]):
            rooms = re.findall(r"`(\w+)`", cells[0])
            listed = set(re.findall(r"`(\w+)`", cells[-1]))
            exact = not cells[-1].startswith("all ")
            if not exact:
                above = set(rows)
                listed = above - listed if "but" in cells[-1] else above
            for room in rooms:
                rows[room] = (listed - {room}, line, exact)
    return rows


def rooms_and_imports(crate):
    """{room: {imported room: (path, line) of the first import}}, and [(path, line)] of imports from the crate's root.

    An item that a room re-exports is imported from that room, wherever it is defined.
    """
    rooms = {module[0]: {} for module in crate.code if module}
    root = []
    for module, target, line in crate.imports(through=False):
        if module and target and module[0] != target[0]:
            rooms[module[0]].setdefault(target[0], (crate.paths[module], line))
        elif module and not target:
            root.append((crate.paths[module], line))
    return rooms, root


def knows_violations(crate, source):
    """(path, line, text) where the table and the imports of the crate's modules differ."""
    rows = knows_table(source)
    front = crate.paths[()]
    if not rows:
        yield front, 1, "expected a table of the rooms with a last column `knows`; there is none"
        return
    imported, root = rooms_and_imports(crate)
    rooms = imported.keys()
    for room in sorted(rooms - rows.keys()):
        yield crate.paths.get((room,), front), 1, f"room `{room}` has no row in the table of {front}"
    for room in sorted(rows.keys() - rooms):
        yield front, rows[room][1], f"the table has a row of `{room}`; there is no such module"
    for path, line in root:
        yield path, line, "imports an item of the crate's root: import it from its room"
    for room in sorted(rooms & rows.keys()):
        listed, line, exact = rows[room]
        for other in sorted(imported[room].keys() - listed):
            yield *imported[room][other], f"`{room}` imports `{other}`, which is not in its row of the table"
        if exact:
            for other in sorted(listed - imported[room].keys()):
                yield front, line, f"`{room}` lists `{other}` and does not import it"
