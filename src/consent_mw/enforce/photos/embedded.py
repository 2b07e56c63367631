"""Photos that travel as text: base64 in a JSON string or a form field, with or without ``data:``."""

from __future__ import annotations

import base64
import binascii

from consent_mw.enforce.photos.media import scrub

MEDIA_HINTS = (b";base64,", b'"/9j/', b'"iVBORw0KGgo', b'"UklGR', b'"SUkq', b'"TU0AK', b'"R0lGOD', b'"AAAA', b'"PHN2Zy')
"""One of these is in every JSON body with such a photo: the MIME marker, or the formats' magic bytes in base64."""

SHORTEST_PHOTO = 128
"""Characters of base64: no file that holds both a picture and its place is shorter."""

_MAGIC = tuple(hint[1:].decode() for hint in MEDIA_HINTS[1:])


def scrub_embedded(text: str, *, keep_broken: bool = False) -> str | None:
    """Clear a base64 photo; ``None`` when there is nothing to clear, or it is no photo.

    :param keep_broken: leave a photo that cannot be cleared; else nothing is left of it
    """
    head, marker, payload = text.partition(";base64,") if text.startswith("data:") else ("", "", text)
    if not marker and not payload.startswith(_MAGIC):
        return None
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return None
    result = scrub(data)
    if result.broken is not None:
        return None if keep_broken else ""
    return head + marker + base64.b64encode(result.data).decode() if result.removed else None
