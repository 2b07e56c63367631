"""A consent whose time is over while its cookie is still there: that it expired is recorded, once.

That happens when the site shortens the interval, or when the visitor's region has a shorter one. Usually a browser
drops the cookie on its last day, and then nobody comes back whose consent could be seen to have run out. A visitor
without an id is not recorded: there is nothing to tell one of them from another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.types import Scope

from consent_mw.core.choice import Stored
from consent_mw.ledger.base import Event, Method, Record
from consent_mw.web.recording import NOBODY, entry
from consent_mw.web.visit import Visit


def note_lapse(visit: Visit, scope: Scope) -> None:
    """Returns at once; nobody waits for the record."""
    lapsed = visit.lapsed
    if lapsed is not None and visit.site.enforces:
        about = "lapse", lapsed.subject, lapsed.sequence
        visit.site.asides.add(about, partial(_entry, visit, lapsed, scope))


async def _entry(visit: Visit, lapsed: Stored, scope: Scope) -> Record:
    site, consent = visit.site, visit.consent
    made = await entry(site, Request({**scope, "type": "http"}), NOBODY, consent, consent)
    statement = replace(made.statement, event=Event.EXPIRED, method=Method.SITE, site=lapsed.site, validity="P0D")
    return replace(
        made,
        key=site.asides.key(lapsed.decided_at, "lapse", lapsed.site, lapsed.subject, lapsed.sequence),
        statement=statement,
        personal=made.personal._replace(subject=lapsed.subject, page=scope["path"][:200]),
    )
