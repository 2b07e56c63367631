"""What an inline script says in code, and not in comments or prose: the part that can load something."""

from __future__ import annotations

import re
from functools import lru_cache

_DOUBLE = rb""""[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*\""""
_SINGLE = rb"""'[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*'"""
_STRING = re.compile(rb"(%b|%b)" % (_DOUBLE, _SINGLE), re.DOTALL)
# A comment is one for sure when nothing but code without slashes and whole strings stands before it in its line: a
# regular expression may hold a quote or a slash, and what follows it may only look like a comment.
_COMMENT = re.compile(
    rb"(?:^|(?<=[\r\n]))((?:[^\"'`/\r\n]|%b|%b)*+)(?://[^\r\n]*|/\*.*?(?:\*/|\Z))" % (_DOUBLE, _SINGLE), re.DOTALL
)
_JSON_STRING = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_PROSE = re.compile(rb"\S[ \t]+\S+[ \t]+\S")
_MARKUP = re.compile(rb"[<=({]")
_ADDRESS = re.compile(rb"""(?:[a-zA-Z]{2,5}:)?//[a-zA-Z0-9_.\-]+[^\s"'`\\<>]*""")
# What makes an address more than a piece of text.
_LOADS = re.compile(
    rb"\bfetch\b|sendBeacon|\.src\b|\bsrc\s*=|[\"']src[\"']\s*[\],]|XMLHttpRequest|\.open\(|WebSocket|EventSource"
    rb"|Worker\b|\bimport\b|createElement|\bImage\b|getScript|\bajax\b|axios|setAttribute|innerHTML|insertAdjacentHTML"
    rb"|document\.write|importScripts|\bload\w*\(|\blocation\b"
)
_MEMO_BYTES = 64 * 1024


def code(script: bytes) -> bytes:
    """The script without its comments, and without strings that are sentences."""
    return _STRING.sub(_kept, _COMMENT.sub(rb"\1 ", script))


def addresses(script: bytes) -> tuple[str, ...]:
    """Absolute addresses in a script's strings, if it has anything to load them with."""
    if b"//" not in script and b"\\/" not in script:
        return ()
    return _known_addresses(script) if len(script) <= _MEMO_BYTES else _addresses(script)


def strings(json: bytes) -> list[str]:
    """Every string of a JSON text, names too, of a broken one as well."""
    return [text.replace(b"\\", b"").decode("utf-8", "replace") for text in _JSON_STRING.findall(json)]


def _addresses(script: bytes) -> tuple[str, ...]:
    text = code(script).replace(b"\\/", b"/")
    if not _LOADS.search(text):
        return ()
    found = (match[0].decode("latin-1") for match in _ADDRESS.finditer(text))
    return tuple(dict.fromkeys(found))


_known_addresses = lru_cache(maxsize=256)(_addresses)


def _kept(match: re.Match[bytes]) -> bytes:
    text = match[1][1:-1]
    return b'""' if _PROSE.search(text) and not _MARKUP.search(text) else match[1]
