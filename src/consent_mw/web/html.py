"""HTML by hand, safely: escaping, and templates whose few per-request parts are filled in as bytes."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

OPEN, CLOSE = "<!--consent-->", "<!--/consent-->"

# No text of a site can look like a slot: `escape` takes control characters out.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SLOT = re.compile(r"\x01([a-z_]+)\x01")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def escape(text: str) -> str:
    """Text for element content and for quoted attribute values."""
    return html.escape(_CONTROL.sub("", text))


def slot(name: str) -> str:
    """Stands in a template for what :meth:`Template.fill` puts there."""
    return f"\x01{name}\x01"


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """A text escaped, with its ``{name}`` replaced by ready HTML. What is not in ``values`` stays as it is."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), escape(text))


class Template:
    """Bytes with slots. Filling it is one join."""

    __slots__ = ("_names", "_parts")

    def __init__(self, markup: str) -> None:
        pieces = _SLOT.split(markup)
        self._parts = [piece.encode() for piece in pieces]
        self._names = [(position, pieces[position]) for position in range(1, len(pieces), 2)]

    def fill(self, values: Mapping[str, str]) -> bytes:
        """:param values: ready HTML per slot"""
        parts = self._parts.copy()
        for position, name in self._names:
            parts[position] = values[name].encode()
        return b"".join(parts)
