"""What follows from the head of a request: whose visit it is, and what of it the app may see.

A visitor's requests look alike, so what was found is remembered by the bytes that decide it: the names of all headers,
and the values of a few. Nothing else is shown to what judges, so nothing else can matter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from operator import itemgetter

from starlette.types import Scope

from consent_mw.web.head import Changes, RawHeaders, barest, changed, passed_on, read_head
from consent_mw.web.location import ONLY_BROWSERS
from consent_mw.web.receive import has_body
from consent_mw.web.site import Site
from consent_mw.web.visit import Visit, Visits

logger = logging.getLogger("consent_mw")

MEMO_ENTRIES = 4096
MEMO_BYTES = 3072
"""Of the names and values of one head; a longer one is judged each time."""

_DECIDING = frozenset(b"cookie host sec-gpc dnt accept accept-encoding sec-fetch-dest".split())
"""Headers whose values decide something."""
_NAME = itemgetter(0)
_OLD_BROWSER = frozenset({b"user-agent", b"content-type"})
"""Those that tell a browser where no name of a header does."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request, judged.

    :ivar expires_at: epoch seconds until which this may be remembered
    :ivar scrubs: places are to be taken out of the rest of the request too
    :ivar has_more: there may be something to take out of what is neither a header nor the query
    :ivar removed: names of the headers that held a place
    :ivar failed: nothing of it can be believed
    :ivar changes: what the app sees otherwise
    """

    visit: Visit
    expires_at: float
    scrubs: bool
    has_more: bool
    removed: Collection[str] = ()
    failed: bool = False
    changes: Changes = field(default_factory=list)


class Heads:
    """Judges heads. Bounded: who sends many different ones only makes it forget."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._visits = Visits(site)
        self._location = site.location
        self._names = _DECIDING | site.jurisdictions.headers
        self._deciding: dict[tuple[bytes, ...], Callable[[RawHeaders], object]] = {}
        self._memo: dict[tuple[object, ...], Head] = {}

    def read(self, scope: Scope) -> tuple[Head, RawHeaders]:
        """The head, judged, and the headers that the app gets. Never raises: what cannot be read is denied."""
        headers: RawHeaders = scope["headers"]
        try:
            names, client = tuple(map(_NAME, headers)), scope.get("client")
            deciding = self._deciding.get(names) or self._learnt(names)
            key: tuple[object, ...]
            key = deciding, deciding(headers), scope.get("scheme"), scope.get("method"), client and client[0]
            if self._location.has_exempt_paths:
                key += (self._location.exempts(scope),)
            head = self._memo.get(key)
            if head is None or head.expires_at <= time.time():
                head = self._remembered(scope, key)
            return head, passed_on(headers, head.changes)
        except Exception:
            if not all(isinstance(header, tuple) for header in headers):  # some servers give lists
                return self.read({**scope, "headers": [(name, value) for name, value in headers]})
            logger.exception("a request could not be judged; the app sees the barest of it")
            nobody = self._visits.denied(scope)
            return Head(nobody, 0.0, scrubs=True, has_more=True, failed=True), barest(headers)

    def _learnt(self, names: tuple[bytes, ...]) -> Callable[[RawHeaders], object]:
        """What picks the headers that decide from those of these names."""
        deciding = self._deciding_names(names)
        positions = [at for at, name in enumerate(names) if name in deciding]
        pick: Callable[[RawHeaders], object] = itemgetter(*positions) if positions else lambda headers: ()
        if sum(map(len, names)) <= MEMO_BYTES:
            if len(self._deciding) >= MEMO_ENTRIES:
                self._deciding.clear()
            self._deciding[names] = pick
        return pick

    def _deciding_names(self, names: Collection[bytes]) -> set[bytes]:
        deciding = self._names if not ONLY_BROWSERS.isdisjoint(names) else self._names | _OLD_BROWSER
        return {name for name in names if name in deciding or self._location.headers.judges(name)}

    def _remembered(self, scope: Scope, key: tuple[object, ...]) -> Head:
        """Judge what the key is made of and nothing else, so that it holds for every head with this key."""
        deciding = self._deciding_names({name for name, _ in scope["headers"]})
        shown = [(name, value if name in deciding else b"") for name, value in scope["headers"]]
        head = self._judged({**scope, "headers": shown})
        if self._site.enforces and sum(len(name) + len(value) for name, value in shown) <= MEMO_BYTES:
            if len(self._memo) >= MEMO_ENTRIES:
                self._memo.clear()
            self._memo[key] = head  # in report-only mode each one is told of
        return head

    def _judged(self, scope: Scope) -> Head:
        values, cookies = read_head(scope["headers"])
        visit = self._visits.read(scope, values, cookies)
        scrubs = not visit.located and self._location.judges(scope, values)
        changes, removed = changed(scope, values, visit.cookies, self._location.headers if scrubs else None)
        return Head(
            visit,
            visit.expires_at,
            scrubs,
            has_more=scope["type"] != "http" or has_body(scope, values) or (scrubs and self._location.narrows(scope)),
            removed=self._location.report(removed),
            changes=changes if self._site.enforces else [],
        )
