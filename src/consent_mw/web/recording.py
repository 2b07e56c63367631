"""From a decision to its record. When the ledger fails nothing is switched on, but everything may be switched off."""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit

from starlette.requests import Request

from consent_mw.core.choice import Choice, Stored, lifetime
from consent_mw.core.decision import Consent
from consent_mw.core.regime import DAY_SECONDS
from consent_mw.ledger.base import Event, Method, Personal, Record, new_key_and_secret
from consent_mw.web.device import device_class
from consent_mw.web.incoming import Incoming
from consent_mw.web.problem import Problem
from consent_mw.web.site import Site
from consent_mw.web.state import timestamp

logger = logging.getLogger("consent_mw")

NOBODY = Incoming(Choice(action="withdraw"), form=False)
"""Stands for the request where no person said anything."""


async def record(
    site: Site, request: Request, incoming: Incoming, before: Consent, after: Consent, *, widening: bool
) -> str | None:
    """Make a decision durable before it is acknowledged. Returns the key of its record; None without a ledger.

    :param widening: it switches something on (see :func:`~consent_mw.core.decision.widens`)

    :raises Problem: 503 when an acceptance cannot be stored. A refusal or withdrawal is honoured all the same: the
        safe direction must never wait for a disk.
    """
    recorder = site.recorder
    if recorder is None:
        return None
    try:
        made = await entry(site, request, incoming, before, after)
        await (recorder.append(made) if widening else recorder.keep(made))
    except Exception:
        logger.exception("a decision could not be recorded")
        if not widening:
            return None
        detail = "the choice could not be stored, so nothing was switched on; refusing still works; try again later"
        raise Problem(503, "Not saved", detail, {"retry-after": "30"}) from None
    if site.webhooks is not None:
        await site.webhooks.announce(made, after)
    return made.key


async def entry(site: Site, request: Request, incoming: Incoming, before: Consent, after: Consent) -> Record:
    """The record of a decision."""
    now, page, policy = time.time(), _page(request, incoming), after.policy
    key, secret = new_key_and_secret(int(now * 1000))
    locale = site.locale(request, incoming.language)
    return Record(
        key=key,
        time=timestamp(int(now)),
        event=Event.SIGNAL_HONOURED if incoming.signal else _event(incoming.choice, before.stored, after.stored),
        method=_method(incoming),
        site=after.stored.site if after.stored is not None else "",
        regime=after.rules.id,
        policy=policy.version,
        fingerprint=policy.fingerprint,
        text=site.banner.text_hash(locale),
        language=locale,
        categories=after.categories(),
        services={id: "granted" if yes else "denied" for id, yes in after.own_services.items()},
        signals=after.signals.names(),
        layer=2 if incoming.choice.action == "save" or page == f"{site.config.path}/preferences" else 1,
        validity=f"P{lifetime(after.stored, after.rules) // DAY_SECONDS}D" if after.stored is not None else "",
        personal=Personal(
            subject=after.subject, device=await device_class(request.headers.get("user-agent", "")), page=page
        ),
        secret=secret,
    )


def _event(choice: Choice, before: Stored | None, after: Stored | None) -> Event:
    had = before is not None and before.grants_something
    has = after is not None and after.grants_something
    if choice.action == "withdraw" or (had and not has):
        return Event.WITHDRAWN
    if not has:
        return Event.REFUSED
    return Event.GIVEN if before is None else Event.CHANGED


def _method(incoming: Incoming) -> Method:
    if incoming.signal:
        return Method(incoming.signal)
    if incoming.form:
        return Method.FORM
    return Method.TOGGLE if incoming.choice.action == "save" else Method.BUTTON


def _page(request: Request, incoming: Incoming) -> str:
    """The page it was said on, without its query: a query may hold anything."""
    where = incoming.return_to or request.headers.get("referer", "")
    try:
        return urlsplit(where).path[:200]
    except ValueError:
        return ""
