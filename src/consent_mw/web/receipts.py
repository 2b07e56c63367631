"""What a visitor may ask of the ledger: their receipt, their history, and that their personal data goes.

Whose records they are is proven by the signed cookie and by nothing else; whoever has none, or an unknown one, gets the
same answer. A refusal carries no id in its cookie, so its receipt is fetched with a ticket that was handed out once,
with the answer, and that soon expires.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from consent_mw.core.decision import DAY_SECONDS, Consent, Stored, resolve
from consent_mw.errors import LedgerError
from consent_mw.ledger.erasure import erase
from consent_mw.ledger.receipts import make_receipt
from consent_mw.ledger.recorder import Recorder, utc_now
from consent_mw.ledger.reports import history, latest_decision
from consent_mw.ledger.store import Store
from consent_mw.web.access import wants_page
from consent_mw.web.incoming import check_origin, media_type, parse_withdrawal, read_body
from consent_mw.web.problem import Problem
from consent_mw.web.receipt_context import receipt_context
from consent_mw.web.site import Site
from consent_mw.web.state import state_view
from consent_mw.web.visit import Visit

T = TypeVar("T")

Handler = Callable[[Request, Visit], Awaitable[Response]]

NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_ATTACHMENT = {"content-disposition": 'attachment; filename="consent-receipt.json"'}
_PAGE_POLICY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


class Receipts:
    """The endpoints ``receipt``, ``history`` and ``erase``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.handlers: dict[str, dict[str, Handler]] = {
            "receipt": {"GET": self._receipt},
            "history": {"GET": self._history},
            "erase": {"POST": self._erase},
        }

    def address(self, request: Request, consent: Consent, key: str | None) -> str | None:
        """Where the receipt of the decision just recorded is: for who carries no id, with a ticket for this one."""
        recorder = self._site.recorder
        if key is None or recorder is None or not recorder.auditable:
            return None
        base = request.scope.get("root_path", "").rstrip("/") + self._site.config.path + "/receipt"
        return base if consent.subject is not None else f"{base}?ticket={quote(self._site.tickets.issue(key))}"

    async def _receipt(self, request: Request, visit: Visit) -> Response:
        recorder, ticket = self._recorder(), request.query_params.get("ticket", "")
        key, subject = self._site.tickets.read(ticket) or "", visit.consent.subject

        context = receipt_context(self._site, visit.consent.policy)

        def issue(store: Store) -> dict[str, Any]:
            own = latest_decision(store, subject) if subject else None
            position = store.find([key]).get(key) if ticket else own
            if position is None:
                raise _nothing()
            return make_receipt(store, recorder.signer(store), position, utc_now(), context)

        receipt = await _read(recorder, issue)
        if not as_page(request):
            return JSONResponse(receipt, headers={**NO_STORE, **_ATTACHMENT})
        query = urlencode({"format": "json", **({"ticket": ticket} if ticket else {})})
        origin = request.scope.get("root_path", "")
        page = self._site.banner.receipt_page(receipt, self._site.locale(request), query=query, origin=origin)
        return HTMLResponse(page, headers={**NO_STORE, **_PAGE_POLICY})

    async def _history(self, request: Request, visit: Visit) -> Response:
        subject = visit.consent.subject
        found = await _read(self._recorder(), lambda store: history(store, subject) if subject else [])
        if not found:
            raise _nothing()
        return JSONResponse({"subject": subject, "events": found}, headers=NO_STORE)

    async def _erase(self, request: Request, visit: Visit) -> Response:
        """Deletes the personal half of the visitor's records and takes their id out of the cookie; choices stay."""
        site = self._site
        host = request.headers.get("host", "").encode("latin-1")
        check_origin(request, site.origins(request.scope, host))
        incoming = parse_withdrawal(media_type(request), await read_body(request))
        stored, erased = visit.consent.stored, 0
        if stored is not None and stored.subject is not None:
            erased = await erase_subject(self._recorder(), stored.subject)
            stored = _anonymous(stored)
        response: Response
        if incoming.form:
            response = RedirectResponse(incoming.return_to, 303, NO_STORE)
        else:
            after = resolve(visit.consent.policy, stored, visit.consent.signals, visit.consent.rules, now=time.time())
            body = {**state_view(after), "erased": erased}
            response = JSONResponse(body, headers=NO_STORE)
        if stored is not None:
            response.raw_headers.append(
                site.set_cookie(request.scope, site.codec.dumps(stored), stored, visit.consent.rules)
            )
        return response

    def _recorder(self) -> Recorder:
        recorder = self._site.recorder
        if recorder is None:
            raise Problem(404, "No records", "this site keeps no records")
        if not recorder.auditable:
            raise Problem(501, "Not available here", "records are kept, but elsewhere; whoever runs this site can look")
        return recorder


def _anonymous(stored: Stored) -> Stored:
    """The same choice without an id, and without the count and second that could stand in for one."""
    return replace(stored, subject=None, sequence=1, decided_at=stored.decided_at - stored.decided_at % DAY_SECONDS)


async def erase_subject(recorder: Recorder, subject: str) -> int:
    """Delete the personal half of somebody's records; returns how many."""
    today = datetime.now(UTC).date().isoformat()
    await _opened(recorder)
    return len(await _read(recorder, lambda store: erase(store, subject, today)))


async def _opened(recorder: Recorder) -> None:
    """What still waits in the spool must be in the ledger before it can be erased there."""
    try:
        await recorder.open()
    except LedgerError:
        raise _down() from None


async def _read(recorder: Recorder, work: Callable[[Store], T]) -> T:
    try:
        return await recorder.run(work)
    except LedgerError:
        raise _down() from None


def as_page(request: Request) -> bool:
    """Whether to answer with a page to read; ``?format=`` says it outright."""
    asked = request.query_params.get("format", "")
    return asked == "html" or (asked != "json" and wants_page(request))


def _nothing() -> Problem:
    detail = "there is no record for this browser; allowed: the browser that decided, with its consent cookie"
    return Problem(404, "No records", detail)


def _down() -> Problem:
    return Problem(503, "Not available", "the records cannot be read now; try again later", {"retry-after": "30"})
