"""A checked choice becomes what follows from it, once its record is safe: the new state and its cookie."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from consent_mw.core.decision import Consent, Stored, decide, resolve, widens
from consent_mw.core.signals import Signals
from consent_mw.core.token import new_subject
from consent_mw.web.changes import tell
from consent_mw.web.expiry import expiries
from consent_mw.web.flood import Flood
from consent_mw.web.incoming import Incoming
from consent_mw.web.problem import Problem
from consent_mw.web.receipts import NO_STORE, Receipts
from consent_mw.web.recording import record
from consent_mw.web.site import Site
from consent_mw.web.state import state_view
from consent_mw.web.visit import Visit


class Deciding:
    """What ``decision`` and ``withdraw`` share."""

    def __init__(self, site: Site, receipts: Receipts) -> None:
        self._site = site
        self._receipts = receipts
        self._flood = Flood()

    async def apply(self, request: Request, visit: Visit, incoming: Incoming) -> Response:
        site, now = self._site, int(time.time())
        before = _as_heard(visit.consent, incoming.heard)
        if incoming.signal and not before.has_new_signal:
            return JSONResponse(state_view(before), headers=NO_STORE)
        stored = decide(before, incoming.choice, site=visit.host, now=now, new_subject=new_subject)
        again = None if _asks_for_a_receipt(incoming, stored) else self._flood.repeated(before.stored, stored)
        if again is not None:
            stored, key = again
        after = resolve(before.policy, stored, before.signals, before.rules, now=now)
        widening = widens(before, after)
        if widening and incoming.policy not in ("", before.policy.fingerprint):
            raise _asked_for_another()
        token = self._token(stored)
        if again is None:
            if widening:
                self._flood.admit(before.subject)
            key = await record(site, request, incoming, before, after, widening=widening)
            self._flood.remember(before.stored, stored, key)
        receipt = self._receipts.address(request, after, key)
        response: Response
        if incoming.form:
            response = RedirectResponse(_next_page(incoming, after, receipt), 303, NO_STORE)
            if receipt is not None:
                response.headers["link"] = f'<{receipt}>; rel="describedby"'
        else:
            extra = {"receipt": receipt} if receipt is not None else {}
            response = JSONResponse({**state_view(after), **extra}, headers=NO_STORE)
        response.raw_headers.append(site.set_cookie(request.scope, token, stored, after.rules))
        response.raw_headers.extend(expiries(visit, request.scope, after.grants, before.grants, ("/",)))
        if site.on_change is not None and before.grants.key != after.grants.key:
            response.background = BackgroundTask(tell, site.on_change, request.scope, visit.cookies, before, after)
        return response

    def _token(self, stored: Stored) -> str:
        try:
            return self._site.codec.dumps(stored)
        except ValueError as error:
            detail = f"{error}; allowed: fewer services with an answer of their own"
            raise Problem(422, "Too many exceptions", detail) from None


def _as_heard(consent: Consent, heard: Signals) -> Consent:
    signals = consent.signals.joined(heard)
    return consent if signals == consent.signals else replace(consent, signals=signals)


def _asks_for_a_receipt(incoming: Incoming, stored: Stored) -> bool:
    """A refusal at the banner leads straight back; saying it again in the preferences is how to get a receipt for it.

    It writes no more than whoever comes without a cookie could.
    """
    return incoming.in_preferences and stored.subject is None


def _next_page(incoming: Incoming, after: Consent, receipt: str | None) -> str:
    """Where a form leads: back, or from the preferences to them again when they alone can tell of the receipt."""
    if receipt is None or after.stored is None or not _asks_for_a_receipt(incoming, after.stored):
        return incoming.return_to
    base, _, ticket = receipt.rpartition("/receipt?")
    return f"{base}/preferences?{ticket}&{urlencode({'language': incoming.language, 'return_to': incoming.return_to})}"


def _asked_for_another() -> Problem:
    """A page may outlive the version it asks for, and nobody agrees to what they were not told of (GDPR art. 4(11))."""
    detail = (
        "this page asks for another version of the policy, so nothing was switched on; allowed: load it again first"
    )
    return Problem(409, "The question has changed", detail)
