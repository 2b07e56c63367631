"""Coverage-guided fuzzing of what reads pages: the HTML and XML gates, style sheets, scripts, addresses.

A program of its own, because libFuzzer takes over the process that it runs in. Each input says what is tried, where it
is cut, and which pieces of markup it is made of, so that a mutation of one byte is a step from one page to another.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator

import atheris

with atheris.instrument_imports(include=["consent_mw.core.urls", "consent_mw.core.matching", "consent_mw.enforce"]):
    from consent_mw.core.urls import resolve
    from consent_mw.enforce.css import css_references
    from consent_mw.enforce.script import addresses, code, strings
    from consent_mw.enforce.tags import Tag
    from consent_mw.enforce.xml_gate import XmlGate

import tinycss2

from enforce.gating import MARKER, TRACKER, boxed
from property.test_gate_fuzz import PIECES, check_cut, live_attributes

CSS = [
    *"url( src( image-set( @import @font-face{ ) ( { } ; : , \" ' \\ \\75 \\a /* */ <!-- -->".split(" "),
    *(" ", "\n", f"//{TRACKER}/a", f"https://{TRACKER}", "own.png", "a{b:", "u\\72l(", "format('woff')", "\\\n"),
]
SCRIPT = [
    *"\" ' ` \\ / // /* */ \n ( ) { } = ; + <!-- --> ${ [".split(" "),
    *(
        f"//{TRACKER}/a",
        f"https:\\/\\/{TRACKER}",
        MARKER,
        "fetch(",
        "import ",
        ".src=",
        "prose in a sentence",
        "\\u0022",
    ),
]
URL = [
    "http:",
    "https:",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "?",
    "#",
    "%2e",
    "%",
    ".",
    "..",
    "\t",
    "\n",
    " ",
    TRACKER,
    "[",
    "]",
    "\uff0e",
    "xn--",
]


def pages(page: bytes, cuts: list[int]) -> None:
    check_cut(page, [cut % (len(page) + 1) for cut in cuts])


def documents(page: bytes, cuts: list[int]) -> None:
    gate = XmlGate(boxed())
    out = gate.feed(page) + gate.close()
    pieces = XmlGate(boxed())
    at = cuts[0] % (len(page) + 1)
    assert pieces.feed(page[:at]) + pieces.feed(page[at:]) + pieces.close() == out
    try:
        tree = ElementTree.fromstring(out)
    except (ElementTree.ParseError, ValueError, LookupError):
        return
    for element in tree.iter():
        name = element.tag.rpartition("}")[2].lower()
        assert list(live_attributes(name, element.attrib)) == []


def style_sheets(sheet: bytes, cuts: list[int]) -> None:
    text = sheet.decode("utf-8", "replace")
    found = set(css_references(text))
    for address in _fetched(tinycss2.parse_component_value_list(text)):
        assert not _is_tracker(address) or any(map(_is_tracker, found)), (address, found)


def _fetched(tokens: list[tinycss2.ast.Node]) -> Iterator[str]:
    """The addresses of a style sheet as another library finds them."""
    for token in tokens:
        if token.type == "url":
            yield token.value
        elif token.type == "function":
            if token.lower_name in ("url", "src"):
                yield from (inner.value for inner in token.arguments if inner.type == "string")
            yield from _fetched(token.arguments)
        elif hasattr(token, "content"):
            yield from _fetched(token.content)


def _is_tracker(address: str) -> bool:
    target = resolve(address)
    return target is not None and target.host == TRACKER


def scripts(script: bytes, cuts: list[int]) -> None:
    addresses(script)
    assert len(code(script)) <= len(script) + 2
    found = strings(script)
    try:
        value = json.loads(script)
    except (ValueError, RecursionError):
        return
    if isinstance(value, str) and value.isascii() and "\\" not in script.decode("latin-1"):
        assert value in found


def urls(reference: bytes, cuts: list[int]) -> None:
    target = resolve(reference.decode("utf-8", "replace"))
    assert target is None or target.host == target.host.lower()
    plain = reference.replace(b'"', b"").replace(b"&", b"")
    assert Tag(b'<a href="%b">' % plain).value(b"href") == plain.decode("utf-8", "replace")


def spelled(pieces: list[str], data: bytes) -> bytes:
    """A byte stands for a piece, as far as there are pieces."""
    known = [piece.encode("utf-8", "replace") for piece in pieces]
    return b"".join(known[byte] if byte < len(known) else bytes([byte]) for byte in data)


TARGETS: list[tuple[Callable[[bytes, list[int]], None], list[str]]] = [
    *[(pages, PIECES)] * 4,  # the slowest, and where most can go wrong
    (documents, PIECES),
    (style_sheets, CSS),
    (scripts, SCRIPT),
    (urls, URL),
]


def try_one(data: bytes) -> None:
    """The first bytes choose what is tried and where it is cut."""
    if len(data) > 4:
        target, pieces = TARGETS[data[0] % len(TARGETS)]
        target(spelled(pieces, data[4:]), [byte * 3 for byte in data[1:4]])


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
