"""What an inline script says in code, and not in comments or prose: the part that can load something."""

from __future__ import annotations

import re
from functools import lru_cache

# Comments, strings and templates, in the order in which a script meets them. A string does not go over a line's end, so
# a quote that a regular expression holds can mislead no further than that.
_LEXEME = re.compile(
    rb"""(?P<comment>/\*.*?(?:\*/|\Z)|//[^\r\n]*|<!--[^\r\n]*)"""
    rb"""|"(?P<double>[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*)\""""
    rb"""|'(?P<single>[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*)'"""
    rb"""|`(?P<template>[^`\\]*(?:\\.[^`\\]*)*)`""",
    re.DOTALL,
)
_PROSE = re.compile(rb"\S[ \t]+\S+[ \t]+\S")
_MARKUP = re.compile(rb"[<=({]")
_ADDRESS = re.compile(rb"""(?:[a-zA-Z]{2,5}:)?(?:\\?/){2}[a-zA-Z0-9_.\-]+[^\s"'`\\<>]*""")
# What makes an address more than a piece of text.
_LOADS = re.compile(
    rb"\bfetch\b|sendBeacon|\.src\b|\bsrc\s*=|[\"']src[\"']\s*[\],]|XMLHttpRequest|\.open\(|WebSocket|EventSource"
    rb"|Worker\b|\bimport\b|createElement|\bImage\b|getScript|\bajax\b|axios|setAttribute|innerHTML|insertAdjacentHTML"
    rb"|document\.write|importScripts|\bload\w*\(|\blocation\b"
)
_MEMO_BYTES = 64 * 1024


def code(script: bytes) -> bytes:
    """The script without its comments, and without strings that are sentences."""
    return _LEXEME.sub(_kept, script)


def addresses(script: bytes) -> tuple[str, ...]:
    """Absolute addresses in a script's strings, if it has anything to load them with."""
    if b"//" not in script and b"\\/" not in script:
        return ()
    return _known_addresses(script) if len(script) <= _MEMO_BYTES else _addresses(script)


def strings(json: bytes) -> list[str]:
    """Every string of a JSON text, names too, of a broken one as well."""
    found = (match["double"] for match in _LEXEME.finditer(json))
    return [text.replace(b"\\", b"").decode("utf-8", "replace") for text in found if text]


def _addresses(script: bytes) -> tuple[str, ...]:
    text = code(script)
    if not _LOADS.search(text):
        return ()
    found = (match[0].replace(b"\\", b"").decode("latin-1") for match in _ADDRESS.finditer(text))
    return tuple(dict.fromkeys(found))


_known_addresses = lru_cache(maxsize=256)(_addresses)


def _kept(match: re.Match[bytes]) -> bytes:
    if match["comment"] is not None:
        return b" "
    text = match["double"] or match["single"] or match["template"] or b""
    return b'""' if _PROSE.search(text) and not _MARKUP.search(text) else match[0]
