"""The html5lib vectors: the gate sees the tags and attributes that a browser sees, and leaves the harmless alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import lolhtml
import pytest

from consent_mw.enforce.html_gate import HtmlGate
from consent_mw.enforce.tags import Tag
from enforce.gating import TRACKER, blank
from property.test_gate_fuzz import live
from vectors import source

# What brings the tokenizer into a state, and the element whose end tag is the appropriate one there.
STATES = {
    "Data state": ("", ""),
    "RCDATA state": ("<textarea>", "textarea"),
    "RAWTEXT state": ("<style>", "style"),
    "Script data state": ("<script>", "script"),
    "CDATA section state": ("<svg><![CDATA[", ""),
    "PLAINTEXT state": ("<plaintext>", ""),
}
# The vectors are for a tokenizer alone; with a tree around it these change what the rest of the input is.
TEXT = frozenset("title textarea style xmp iframe noembed noframes noscript script plaintext svg math".split())
PROBE = f'<img src="//{TRACKER}/probe"><script src=//{TRACKER}/probe></script>'.encode()
Seen = list[tuple[str, dict[str, str]]]


def tokenizer_vectors() -> Iterator[tuple[str, str, Seen]]:
    """What stands before, the input, and the start tags in it, for each state of each vector."""
    for path in sorted((source("tinyhtml5") / "tests/tokenizer").glob("*.test")):
        for vector in json.loads(path.read_text(encoding="utf-8"))["tests"]:
            for state in vector.get("initialStates", ["Data state"]):
                before, name = STATES[state]
                last = vector.get("lastStartTag", "")
                written = _readable(vector, vector["input"])
                if "\ud800" <= max(written, default="") <= "\udfff":
                    continue  # no bytes say that
                if last:
                    written = re.sub(last, name, written, flags=re.IGNORECASE)
                tags = [token for token in vector["output"] if token[0] == "StartTag"]
                yield before, written, [(token[1], _readable(vector, token[2])) for token in tags]


def _readable(vector: Any, value: Any) -> Any:
    """Some vectors are escaped twice, to be ASCII."""
    if not vector.get("doubleEscaped"):
        return value
    if isinstance(value, dict):
        return {_readable(vector, name): _readable(vector, text) for name, text in value.items()}
    return re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), value)


def tree_vectors() -> Iterator[str]:
    """The documents of the tests of the tree construction."""
    for path in sorted((source("tinyhtml5") / "tests/tree-construction").glob("*.dat")):
        for vector in re.split(r"(?:\A|\n\n)#data\n", path.read_text(encoding="utf-8"))[1:]:
            yield vector.partition("\n#errors")[0]


def seen(before: str, written: str) -> Seen:
    """The start tags in ``written`` as our engine finds them and our own code reads them."""
    pieces: list[Any] = []

    class Mark:
        def element(self, element: lolhtml.Element) -> None:
            pieces.append(None)

    rewriter = lolhtml.HTMLRewriter(pieces.append)
    rewriter.on("*", Mark())
    rewriter.write((before + written).encode())
    rewriter.end()
    raw = [piece for mark, piece in pairwise(pieces) if mark is None and piece is not None]
    return [_read(Tag(tag)) for tag in raw][before.count("<") - before.count("<!") :]


def _read(tag: Tag) -> tuple[str, dict[str, str]]:
    attributes: dict[str, str] = {}
    for name, _, _ in tag.attributes:
        attributes.setdefault(_clean(name.decode()), _clean(tag.value(name) or ""))
    return _clean(tag.name.decode()), attributes


def _clean(text: str) -> str:
    """A tokenizer gives NUL as U+FFFD, and its input comes with newlines made equal."""
    return text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")


def _until_text(tags: Seen) -> Seen:
    end = next((at for at, (name, _) in enumerate(tags) if name in TEXT), len(tags))
    return tags[: end + 1]


@pytest.fixture(scope="module")
def pages() -> list[bytes]:
    """Every input, but for those that only name one character reference."""
    written = [before + page for before, page, _ in tokenizer_vectors() if "&" not in page or len(page) > 12]
    return [page.encode() for page in dict.fromkeys([*written, *tree_vectors()])]


def test_the_gate_sees_the_start_tags_of_every_vector() -> None:
    vectors = list(tokenizer_vectors())
    assert len(vectors) > 7000
    differing = [
        (before + written, expected)
        for before, written, expected in vectors
        if _until_text(seen(before, written)) != _until_text(expected)
    ]
    assert differing == []


def test_a_page_without_references_is_left_alone_or_shown_as_text(pages: list[bytes]) -> None:
    """As text where nobody can tell in a stream what a browser makes of it."""
    changed = {page: out for page in pages if (out := b"".join(_through(page))) != page}
    assert all(out.replace(b"&lt;", b"<") == page for page, out in changed.items())
    unsure = re.compile(rb"<noscript>|<plaintext>|<svg>.*<math>|<math>.*<(?:svg|mglyph|malignmark)>", re.DOTALL)
    assert [page for page in changed if not unsure.search(page)] == []
    assert 0 < len(changed) < 40


@pytest.mark.parametrize("scripting", [True, False])
def test_what_follows_any_vector_is_held_back(pages: list[bytes], scripting: bool) -> None:
    assert any(live(page + PROBE, scripting=scripting) for page in pages)
    assert [page for page in pages if any(live(b"".join(_through(page + PROBE)), scripting=scripting))] == []


def _through(page: bytes) -> tuple[bytes, bytes]:
    gate = HtmlGate(blank())
    return gate.feed(page), gate.close()
