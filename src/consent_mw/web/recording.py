"""From a decision to its record. When the ledger fails nothing is switched on, but everything may be switched off."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from consent_mw.core.decision import Choice, Consent, widens
from consent_mw.ledger.base import Event, Method, Personal, Record
from consent_mw.web.device import device_class
from consent_mw.web.incoming import Incoming
from consent_mw.web.problem import Problem
from consent_mw.web.site import Site

logger = logging.getLogger("consent_mw")


async def record(
    site: Site, request: Request, incoming: Incoming, before: Consent, after: Consent, locale: str
) -> None:
    """Make a decision durable before it is acknowledged.

    :raises Problem: 503 when an acceptance cannot be stored. A refusal or withdrawal is honoured all the same: the
        safe direction must never wait for a disk.
    """
    if site.ledger is None:
        return
    try:
        entry = await _entry(site, request, incoming, before, after, locale)
        await site.ledger.open()
        await site.ledger.append(entry)
    except Exception:
        logger.exception("the ledger could not store a decision")
        if widens(before, after):
            detail = "the choice could not be stored, so nothing was switched on; refusing still works; try again later"
            raise Problem(503, "Not saved", detail, {"retry-after": "30"}) from None


async def _entry(
    site: Site, request: Request, incoming: Incoming, before: Consent, after: Consent, locale: str
) -> Record:
    stored = after.stored
    device = await run_in_threadpool(device_class, request.headers.get("user-agent", ""))
    return Record(
        key=secrets.token_hex(16),
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        event=_event(incoming.choice, before, after),
        method=_method(incoming),
        site=stored.site if stored is not None else "",
        regime=site.policy.regime.value,
        policy=site.policy.version,
        fingerprint=site.policy.fingerprint,
        text=site.banner.text_hash(locale),
        language=locale,
        categories={id: decision.value for id, decision in after.categories().items()},
        services={id: "granted" if yes else "denied" for id, yes in after.own_services.items()},
        signals=after.signals.names(),
        layer=2 if incoming.choice.action == "save" else 1,
        personal=Personal(subject=after.subject, device=device, page=_page(request, incoming)),
    )


def _event(choice: Choice, before: Consent, after: Consent) -> Event:
    had = any(yes for yes, _ in before.stored.categories.values()) if before.stored is not None else False
    has = after.stored is not None and (
        any(yes for yes, _ in after.stored.categories.values()) or any(after.stored.services.values())
    )
    if choice.action == "withdraw" or (had and not has):
        return Event.WITHDRAWN
    if before.stored is None:
        return Event.GIVEN if has else Event.REFUSED
    return Event.CHANGED if has else Event.REFUSED


def _method(incoming: Incoming) -> Method:
    if incoming.form:
        return Method.FORM
    return Method.TOGGLE if incoming.choice.action == "save" else Method.BUTTON


def _page(request: Request, incoming: Incoming) -> str:
    """The page it was said on, without its query: a query may hold anything."""
    where = incoming.return_to if incoming.form else request.headers.get("referer", "")
    return urlsplit(where).path[:200]
