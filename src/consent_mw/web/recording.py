"""From a decision to its record. When the ledger fails nothing is switched on, but everything may be switched off."""

from __future__ import annotations

import logging
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request

from consent_mw.core.choice import DECISIONS, Choice, Stored, lifetime
from consent_mw.core.decision import Consent
from consent_mw.core.grants import Grants
from consent_mw.core.regime import DAY_SECONDS
from consent_mw.core.signals import Signals
from consent_mw.ledger.base import Event, Method, Personal, Record, Statement, new_key_and_secret
from consent_mw.web.device import device_class
from consent_mw.web.incoming import Incoming
from consent_mw.web.problem import Problem
from consent_mw.web.site import Site
from consent_mw.web.state import timestamp

logger = logging.getLogger("consent_mw")

MAX_STATEMENTS = 1024
"""Then they are forgotten: who sends many hosts or answers only makes that happen more often."""

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
    now, page = time.time(), _page(request, incoming)
    key, secret = new_key_and_secret(int(now * 1000))
    return Record(
        key=key,
        time=timestamp(int(now)),
        statement=_statement(site, request, incoming, before, after, page),
        personal=Personal(after.subject, await device_class(request.headers.get("user-agent", "")), page),
        secret=secret,
    )


def _statement(
    site: Site, request: Request, incoming: Incoming, before: Consent, after: Consent, page: str
) -> Statement:
    """Most visitors say what others said before."""
    said = _Said(
        after.grants,
        Event.SIGNAL_HONOURED if incoming.signal else _event(incoming.choice, before.stored, after.stored),
        _method(incoming),
        after.stored.site if after.stored is not None else "",
        site.locale(request, incoming.language),
        after.signals,
        2 if incoming.choice.action == "save" or page == f"{site.config.path}/preferences" else 1,
        f"P{lifetime(after.stored, after.rules) // DAY_SECONDS}D" if after.stored is not None else "",
    )
    known = site.statements.get(said)
    if known is None:
        if len(site.statements) >= MAX_STATEMENTS:
            site.statements.clear()
        known = site.statements[said] = said.under(site, after)
    return known


class _Said(NamedTuple):
    grants: Grants
    event: Event
    method: Method
    host: str
    language: str
    signals: Signals
    layer: int
    validity: str

    def under(self, site: Site, after: Consent) -> Statement:
        return Statement(
            event=self.event,
            method=self.method,
            site=self.host,
            regime=after.rules.id,
            policy=after.policy.version,
            fingerprint=after.policy.fingerprint,
            text=site.banner.text_hash(self.language),
            language=self.language,
            categories=after.categories(),
            services={id: DECISIONS[yes] for id, yes in after.own_services.items()},
            signals=self.signals.names(),
            layer=self.layer,
            validity=self.validity,
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
