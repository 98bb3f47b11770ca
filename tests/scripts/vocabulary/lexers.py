"""Splits source files into prose (comments, texts, documents, test names) and code.

Each `prose_of_*` function yields `(kind, line, words)`: `kind` is one of KINDS, `line` counts from 1,
`words` is one line of prose. Inline code (`...`), addresses and placeholders are removed by `plain`.
"""

import io
import re
import tokenize

COMMENT, TEXT, DOCUMENT, TEST_NAME = KINDS = ("comment", "text", "document", "test name")

RUST_TOKEN = re.compile(
    r"""
    (?P<comment>//[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<raw>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes))
  | (?P<string>[bc]?"(?:\\.|[^"\\])*")
  | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|.)|[^\\'\n])')
  | (?P<lifetime>'\w+)
  | (?P<word>\w+)
    """,
    re.VERBOSE | re.DOTALL,
)

# A slash starts a regular expression only where no value stands before it.
SCRIPT_TOKEN = re.compile(
    r"""
    (?P<comment>//[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
  | (?P<regex>(?<=[(,=:\[!&|?{};\n])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/)
    """,
    re.VERBOSE | re.DOTALL,
)

# Shell and TOML: a comment starts at the beginning of a word.
SHELL_TOKEN = re.compile(
    r"""
    (?P<escape>\\.)
  | (?P<comment>(?<!\S)\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?)
    """,
    re.VERBOSE | re.DOTALL,
)


def plain(line):
    """Removes inline code, addresses and placeholders from a line of prose."""
    line = re.sub(r"``.*?``|`[^`]*`", " ", line)
    line = re.sub(r"\]\([^)]*\)|<?\bhttps?://\S+", " ", line)
    line = re.sub(r"\$?\{[^{}]*\}|\$\w+", " ", line)
    return line


def line_at(source, offset):
    return source.count("\n", 0, offset) + 1


def lines_of(kind, first, text):
    for number, line in enumerate(text.split("\n")):
        yield kind, first + number, line


def strings(source, token, strip):
    """The string literals that hold a space: messages, as opposed to names and keys."""
    text = token.group().strip(strip)
    if " " in text.strip():
        yield from lines_of(TEXT, line_at(source, token.start()), text)


def without_fences(prose):
    """Leaves out code blocks (``` to ```), save the comments in them."""
    fenced = False
    for kind, line, text in prose:
        body = text.lstrip("/! *")
        if body.startswith("```"):
            fenced = not fenced
        elif fenced:
            comment = re.search(r"(?:^|\s)(?:#|//) (.*)", body)
            if comment:
                yield kind, line, comment.group(1)
        else:
            yield kind, line, text


def prose_of_rust(source):
    comments = []
    for token in RUST_TOKEN.finditer(source):
        if token.lastgroup in ("comment", "block"):
            comments.extend(lines_of(COMMENT, line_at(source, token.start()), token.group()))
        elif token.lastgroup in ("string", "raw", "hashes"):
            yield from strings(source, token, 'bcr#"')
    # A code block may not continue over a gap between two comments.
    block = []
    for entry in comments + [(COMMENT, -1, "")]:
        if block and entry[1] != block[-1][1] + 1:
            yield from without_fences(block)
            block = []
        block.append(entry)
    for test in re.finditer(r"#\[(?:\w+::)*test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub |async )*fn (\w+)", source):
        yield TEST_NAME, line_at(source, test.start(1)), test.group(1).replace("_", " ")


def prose_of_script(source):
    for token in SCRIPT_TOKEN.finditer(source):
        if token.lastgroup in ("comment", "block"):
            yield from lines_of(COMMENT, line_at(source, token.start()), token.group())
        elif token.lastgroup == "string":
            yield from strings(source, token, "\"'`")


def prose_of_css(source):
    for token in re.finditer(r"/\*.*?\*/", source, re.DOTALL):
        yield from lines_of(COMMENT, line_at(source, token.start()), token.group())


def prose_of_shell(source):
    for token in SHELL_TOKEN.finditer(source):
        if token.lastgroup == "comment" and not token.group().startswith("#!"):
            yield COMMENT, line_at(source, token.start()), token.group()
        elif token.lastgroup == "string":
            yield from strings(source, token, "\"'")


def prose_of_python(source):
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            yield COMMENT, token.start[0], token.string
        elif token.type == tokenize.STRING and " " in token.string.strip():
            yield from lines_of(TEXT, token.start[0], token.string)


def prose_of_markdown(source):
    yield from without_fences(lines_of(DOCUMENT, 1, source))


def prose_of_html(source):
    """Comments, embedded scripts and styles as such; all the rest is a document."""
    rest = source
    for part in re.finditer(r"<!--.*?-->|<(script|style)\b[^>]*>(.*?)</\1>", source, re.DOTALL):
        first = line_at(source, part.start())
        if part.group(1) is None:
            yield from lines_of(COMMENT, first, part.group())
        else:
            inner = prose_of_script if part.group(1) == "script" else prose_of_css
            first = line_at(source, part.start(2))
            yield from ((kind, first + line - 1, text) for kind, line, text in inner(part.group(2)))
        blank = re.sub(r"[^\n]", " ", part.group())
        rest = rest[: part.start()] + blank + rest[part.end() :]
    # Of the tags only the attributes that hold a text remain.
    attribute = re.compile(r'\s(?:title|placeholder|alt|content|aria-label)="[^"]*"')
    rest = re.sub(r"<[^>]*>", lambda tag: " ".join(attribute.findall(tag.group())) + "\n" * tag.group().count("\n"), rest)
    yield from lines_of(DOCUMENT, 1, rest)


BY_SUFFIX = {
    "rs": prose_of_rust,
    "js": prose_of_script,
    "mjs": prose_of_script,
    "ts": prose_of_script,
    "css": prose_of_css,
    "x": prose_of_css,
    "py": prose_of_python,
    "toml": prose_of_shell,
    "md": prose_of_markdown,
    "html": prose_of_html,
}
BY_INTERPRETER = {"bash": prose_of_shell, "sh": prose_of_shell, "python3": prose_of_python, "node": prose_of_script}


def prose_of(path, source):
    """The prose of a file, by the suffix of its name or its `#!` line; of another file, nothing."""
    name = path.rsplit("/", 1)[-1]
    reader = BY_SUFFIX.get(name.rsplit(".", 1)[-1]) if "." in name else None
    if reader is None and source.startswith("#!"):
        interpreter = re.split(r"[/ ]", source.split("\n", 1)[0])[-1]
        reader = BY_INTERPRETER.get(interpreter)
    return reader(source) if reader else ()


def rust_code(source):
    """Rust without comments, strings and test code; the lines keep their numbers."""

    def blank(token):
        if token.lastgroup in ("word", "lifetime"):
            return token.group()
        return re.sub(r"[^\n]", " ", token.group())

    code = RUST_TOKEN.sub(blank, source)
    # An item behind #[cfg(test)] ends at its `;` or at the end of its braces.
    for test in reversed(list(re.finditer(r"#\[cfg\((?:all\()?test\b[^\]]*\]", code))):
        end = end_of_item(code, test.end())
        code = code[: test.start()] + re.sub(r"[^\n]", " ", code[test.start() : end]) + code[end:]
    return code


def end_of_item(code, start):
    depth = 0
    for offset in range(start, len(code)):
        character = code[offset]
        if character in "{([":
            depth += 1
        elif character in "})]":
            depth -= 1
            if depth == 0 and character == "}" and code[offset + 1 : offset + 2] != ";":
                return offset + 1
            if depth < 0:
                return offset
        elif character == ";" and depth == 0:
            return offset + 1
    return len(code)
