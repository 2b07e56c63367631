"""Request headers without the place of who sent them, in any case and with dashes or underscores."""

from __future__ import annotations

from consent_mw.core.memo import Memo
from consent_mw.enforce.location.address import cut_header
from consent_mw.enforce.location.form import scrub_url
from consent_mw.enforce.location.rules import HeaderKind, LocationRules

MAX_LINE = 512
"""Bytes of a header that are remembered: a visitor's address and a page's URL come again and again."""


class HeaderScrubber:
    """Removes place headers and cuts client addresses. Immutable but for what it remembers."""

    def __init__(self, rules: LocationRules) -> None:
        self._rules = rules
        self._lines: Memo[bytes, bytes | None] = Memo(self._read, MAX_LINE)

    def judges(self, name: bytes) -> bool:
        """Whether a header of this name may hold a place."""
        return self._rules.header_kinds[name] is not None

    def scrub(self, name: bytes, value: bytes) -> tuple[bytes | None, bool]:
        """What stays of a header's value, None for nothing, and whether a place was taken out that is to be named.

        An address that is cut to its network is not named: it is on every request.
        """
        kind = self._rules.header_kinds[name]
        if kind is None:
            return value, False
        kept = self._lines[name + b":" + value]
        return kept, kept != value and (kept is None or kind is not HeaderKind.ADDRESS)

    def _read(self, line: bytes) -> bytes | None:
        name, _, value = line.partition(b":")
        kind = self._rules.header_kinds[name]
        return value if kind is None else self._narrow(kind, name, value)

    def _narrow(self, kind: HeaderKind, name: bytes, value: bytes) -> bytes | None:
        if kind is HeaderKind.PLACE:
            return None
        if kind is HeaderKind.ADDRESS:
            return cut_header(name, value, self._rules.client_ip)
        if kind is HeaderKind.URL:
            return scrub_url(value, self._rules)[0]
        text = self._rules.scrub_field(name.decode("latin-1"), value.decode("latin-1"))
        return value if text is None else text.encode("latin-1") or None
