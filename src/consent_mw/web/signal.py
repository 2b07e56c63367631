"""A browser's opt-out signal that takes something away: remembered in the cookie, and recorded, once per change.

A signal that is gone later is no consent (11 CCR 7025(c)(5); 4 CCR 904-3, rule 5.09(B)).
"""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.types import Scope

from consent_mw.core.choice import Choice
from consent_mw.core.decision import resolve
from consent_mw.web.changes import tell
from consent_mw.web.incoming import Incoming
from consent_mw.web.recording import record
from consent_mw.web.visit import Visit

logger = logging.getLogger("consent_mw")


def remembered(visit: Visit, scope: Scope) -> list[tuple[bytes, bytes]]:
    """The cookie that keeps the refusal; nothing when no signal took anything away."""
    refusal, site = visit.opt_out, visit.site
    if refusal is None:
        return []
    return [site.set_cookie(scope, site.codec.dumps(refusal), refusal, visit.consent.rules)]


async def record_signal(visit: Visit, scope: Scope) -> None:
    """Never raises: a refusal is honoured even while the ledger is down."""
    site, before = visit.site, visit.consent
    try:
        after = resolve(site.policy, visit.opt_out, before.signals, before.rules)
        request = Request({**scope, "type": "http"})
        signal = before.signals.among(before.rules.signals).names()[0]
        incoming = Incoming(Choice(action="reject_all"), form=False, return_to=scope["path"], signal=signal)
        await record(site, request, incoming, before, after, widening=False)
    except Exception:
        logger.exception("could not record an opt-out signal; it is honoured all the same")
    if site.on_change is not None:
        await tell(site.on_change, scope, visit.cookies, before, after)
