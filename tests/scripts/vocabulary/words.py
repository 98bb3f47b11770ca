"""The word lists, and the counts of the prose that they are looked for in."""

import re

# Subjects of a sentence are things: the peer, the client, the caller, the socket.
PRONOUNS = "what|whatever|who|whom|whoever|whomever|nobody|somebody|everybody|anybody|someone|everyone|anyone|no one|he|she|him|his"
# A standard's or an ecosystem's term stands in place of a metaphor.
METAPHORS = (
    "hoses?|leas(?:e|es|ed|ing)|ladders?|rungs?|climb(?:s|ed|ing)?|breath(?:e|es|ed|ing)|pour(?:s|ed|ing)?|shed(?:s|ding)?"
    "|carr(?:y|ies|ied|ying)|tell(?:s|ing)?|told|judg(?:e|es|ed|ing|ment|ement)"
)
LISTS = {
    "pronoun": re.compile(rf"\b(?:{PRONOUNS})\b", re.IGNORECASE),
    "metaphor": re.compile(rf"\b(?:{METAPHORS})\b", re.IGNORECASE),
}
FOLDERS = ("core", "host", "firmware-example", "tests", "other")


def folder_of(path):
    top = path.split("/", 1)[0]
    return top if top in FOLDERS else "other"


def found(line):
    """(list, word) of each listed word in a line of prose."""
    for name, pattern in LISTS.items():
        for match in pattern.finditer(line):
            yield name, match.group()
