"""Places in the path of a URL: ``/near/39.9042,116.4074``, ``/@39.9042,116.4074,15z``, ``/lat/39.9042``.

Off by default, and only made coarser: a path without one of its segments is another path, and finds no route.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from consent_mw.enforce.location.names import kind_of
from consent_mw.enforce.location.rules import LocationRules

ANY_PLACE = "position"
"""What a segment is called that no segment before it names: a place only as a pair with decimals."""
NOTHING = "-"
"""Stands for a segment that cannot be made coarser."""


def coarsen_path(path: str, rules: LocationRules) -> tuple[str, tuple[str, ...]]:
    """The path with coarse places, and the names of the segments that were."""
    segments = path.split("/")
    removed: dict[str, None] = {}
    for index, segment in enumerate(segments):
        before = segments[index - 1] if index else ""
        name = before if kind_of(before) is not None else ANY_PLACE
        kept = rules.coarse.scrub_field(name, segment) if segment else None
        if kept is not None:
            removed[name] = None
            segments[index] = kept or NOTHING
    return ("/".join(segments), tuple(removed)) if removed else (path, ())


def coarsen_raw_path(raw: bytes, rules: LocationRules) -> bytes:
    """The same for the path as it was sent. A segment without a place stays byte for byte."""
    sent = raw.split(b"/")
    plain = [unquote(segment.decode("latin-1")).replace("/", "\0") for segment in sent]
    coarse = coarsen_path("/".join(plain), rules)[0].split("/")
    kept = (
        raw_segment if after == before else quote(after.replace("\0", "/"), safe=",@:!").encode()
        for raw_segment, before, after in zip(sent, plain, coarse, strict=True)
    )
    return b"/".join(kept)
