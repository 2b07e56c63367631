"""Request headers without the place of who sent them, in any case and with dashes or underscores."""

from __future__ import annotations

from collections.abc import Iterable

from consent_mw.enforce.location.address import Header, cut_header
from consent_mw.enforce.location.form import scrub_url
from consent_mw.enforce.location.names import MAX_NAME_LENGTH
from consent_mw.enforce.location.rules import MEMO_ENTRIES, HeaderKind, LocationRules, Memo

MAX_LINE = 512
"""Bytes of a header that are remembered: a visitor's address and a page's URL come again and again."""


class HeaderScrubber:
    """Removes place headers and cuts client addresses. Immutable but for what it remembers."""

    def __init__(self, rules: LocationRules) -> None:
        self._rules = rules
        self._innocent: set[bytes] = set()
        self._lines: Memo[bytes, tuple[bytes | None, bool]] = Memo(self._read, MAX_LINE)

    def scrub(self, headers: list[Header], names: Iterable[bytes]) -> tuple[list[Header], tuple[str, ...]]:
        """The headers, the very same list when nothing changed, and the names of those that held a place.

        An address that is cut to its network is not named: it is on every request.

        :param names: of all the headers
        """
        innocent, lines = self._innocent, self._lines
        if innocent.issuperset(names):
            return headers, ()
        kept: list[Header] = []
        removed: dict[str, None] = {}
        changed = False
        for header in headers:
            if header[0] not in innocent:
                name, value = header
                narrowed, is_named = lines[name + b":" + value]
                if narrowed != value:
                    changed = True
                    if is_named:
                        removed[name.decode("latin-1")] = None
                    if narrowed is None:
                        continue
                    header = (name, narrowed)
            kept.append(header)
        return (kept, tuple(removed)) if changed else (headers, ())

    def _read(self, line: bytes) -> tuple[bytes | None, bool]:
        """What stays of a header's value, and whether it is named as removed."""
        name, _, value = line.partition(b":")
        kind = self._rules.header_kinds[name]
        if kind is None:
            if len(self._innocent) < MEMO_ENTRIES and len(name) <= MAX_NAME_LENGTH:
                self._innocent.add(name)
            return value, False
        kept = self._narrow(kind, name, value)
        return kept, kept != value and (kept is None or kind is not HeaderKind.ADDRESS)

    def _narrow(self, kind: HeaderKind, name: bytes, value: bytes) -> bytes | None:
        if kind is HeaderKind.PLACE:
            return None
        if kind is HeaderKind.ADDRESS:
            return cut_header(name, value, self._rules.client_ip)
        if kind is HeaderKind.URL:
            return scrub_url(value, self._rules)[0]
        text = self._rules.scrub_field(name.decode("latin-1"), value.decode("latin-1"))
        return value if text is None else text.encode("latin-1") or None
