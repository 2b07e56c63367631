"""The addresses a style sheet makes a browser fetch, read as CSS reads them (CSS Syntax 3, CSS Values 4, CSS Images 4).

Escapes may hide any letter of ``url``, ``@import`` or a host, so a text that has one is decoded too; as that could
change what a quote or a comment means, every reading is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A comment, and what may hold something that only looks like one.
_COMMENT = re.compile(
    r"""("(?:[^"\\\n\r\f]|\\.)*"?|'(?:[^'\\\n\r\f]|\\.)*'?|\burl\([ \t\n\r\f]*[^"') \t\n\r\f][^)]*\)?)"""
    r"|/\*.*?(?:\*/|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\r\f])?|(\r\n|[\n\r\f])|(.))", re.DOTALL)
_STRING = r"""(?:"([^"\n\r\f]*)"?|'([^'\n\r\f]*)'?)"""
_URL = re.compile(rf"""\b(?:url|src)\([ \t\n\r\f]*(?:{_STRING}|([^)"'][^)]*))""", re.IGNORECASE)
_IMPORT = re.compile(rf"@import[ \t\n\r\f]*{_STRING}", re.IGNORECASE)
_IMAGES = re.compile(r"\b(?:-webkit-)?(?:image-set|image|cross-fade)\(([^;{}]*)", re.IGNORECASE)
_QUOTED = re.compile(_STRING)
_MAY_FETCH = re.compile(r"url|src|@|image|cross|\\", re.IGNORECASE)


def css_references(text: str) -> Iterator[str]:
    """Every address in ``text``, a style sheet or the value of a ``style`` attribute, that a browser may fetch."""
    if not _MAY_FETCH.search(text):
        return
    readings = {_COMMENT.sub(r"\1", text)}
    if "\\" in text:
        readings |= {text, _decoded(text), *map(_decoded, readings)}
    for reading in readings:
        yield from _references(reading)


def _references(text: str) -> Iterator[str]:
    for pattern in (_URL, _IMPORT):
        for match in pattern.finditer(text):
            yield next((group for group in match.groups() if group is not None), "").strip()
    for match in _IMAGES.finditer(text):
        for quoted in _QUOTED.finditer(match[1]):
            yield quoted[1] if quoted[1] is not None else quoted[2]


def _decoded(text: str) -> str:
    return _ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    if match[1] is not None:
        code = int(match[1], 16)
        return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"
    return match[3] or ""  # an escaped newline in a string is nothing
