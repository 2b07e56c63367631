"""What stands inside an attribute: documents (``srcdoc``), and what ``data:`` and ``javascript:`` addresses carry."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from consent_mw.enforce.tags import Tag, values

_FRAMES = frozenset({b"iframe", b"frame", b"object", b"embed"})
_BLANKS = "".join(map(chr, range(0x21)))
_REMOVED = str.maketrans("", "", "\t\n\r")
_DATA = re.compile(r"data:([^,]*),(.*)", re.IGNORECASE | re.DOTALL)
_SCRIPT = re.compile(r"(?:javascript|ecmascript|jscript|livescript)", re.IGNORECASE)
_NO_DOCUMENT = re.compile(
    r"(?:image/(?!svg)|audio/|video/|font/|text/plain|application/(?:json|pdf|octet-stream|font))"
)


class Embedded(NamedTuple):
    """What an address carries in itself: ``kind`` is ``"script"``, ``"style"``, ``"document"`` or ``"xml"``."""

    kind: str
    content: bytes


def embedded(reference: str) -> Embedded | None:
    """What a browser would run or render that is in the address itself; None when it carries nothing of the kind."""
    text = reference.lstrip(_BLANKS).translate(_REMOVED)
    if text[:11].lower() == "javascript:":
        return Embedded("script", unquote_to_bytes(text[11:]))
    match = _DATA.match(text)
    if match is None:
        return None
    media_type = match[1].lower()
    if _NO_DOCUMENT.match(media_type.strip()):
        return None
    content = unquote_to_bytes(match[2].partition("#")[0])
    if media_type.rstrip().endswith("base64"):
        content = _from_base64(content)
    if "css" in media_type:
        return Embedded("style", content)
    if _SCRIPT.search(media_type):
        return Embedded("script", content)
    return Embedded("xml" if "xml" in media_type else "document", content)


def documents(tag: Tag) -> Iterator[tuple[bytes, bool]]:
    """The markup of documents that an element's own attributes hold, and whether it is XML."""
    if tag.name not in _FRAMES:
        return
    for name, _, raw in tag.attributes:
        if name == b"srcdoc":
            yield from ((value.encode(), False) for value in values(raw))
        elif name in (b"src", b"data"):
            for value in values(raw):
                inside = embedded(value)
                if inside is not None and inside.kind in ("document", "xml"):
                    yield inside.content, inside.kind == "xml"


def _from_base64(content: bytes) -> bytes:
    """Forgiving, as browsers are: blanks are dropped, padding may be missing."""
    content = b"".join(content.split())
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4))
    except binascii.Error:
        return b""
