"""That a notice of a change was shown is recorded: for every visitor with an id, once per version.

Visitors without an id are not recorded: there is no consent of theirs that the change could touch, and nothing to tell
one of them from another.
"""

from __future__ import annotations

import time
from functools import partial

from starlette.types import Scope

from consent_mw.core.choice import DECISIONS
from consent_mw.core.decision import Consent
from consent_mw.core.policy import Policy
from consent_mw.ledger.base import Event, Method, Personal, Record, Statement
from consent_mw.web.asides import Asides
from consent_mw.web.device import device_class
from consent_mw.web.state import timestamp


class Notices:
    """One per site.

    :param announced: the version that the notice tells of
    """

    def __init__(self, asides: Asides, announced: Policy) -> None:
        self._asides = asides
        self._announced = announced

    def shown(self, consent: Consent, scope: Scope, *, text: str, language: str) -> None:
        """Called while a page with the notice is written; returns at once.

        :param text: hash of the words, as :meth:`~consent_mw.web.banner.Banner.text_hash` has it
        """
        if consent.subject is not None:
            about = "notice", consent.subject
            self._asides.add(about, partial(self._entry, consent, consent.subject, scope, text, language))

    async def _entry(self, consent: Consent, subject: str, scope: Scope, text: str, language: str) -> Record:
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        announced = self._announced
        statement = Statement(
            event=Event.NOTICE_SHOWN,
            method=Method.SITE,
            site=consent.stored.site if consent.stored is not None else "",
            regime=consent.rules.id,
            policy=announced.version,
            fingerprint=announced.fingerprint,
            text=text,
            language=language,
            categories=consent.categories(),
            services={id: DECISIONS[yes] for id, yes in consent.own_services.items()},
            signals=consent.signals.names(),
            validity="P0D",
        )
        return Record(
            key=self._record_key(subject),
            time=timestamp(int(time.time())),
            statement=statement,
            personal=Personal(subject, await device_class(agent), scope["path"][:200]),
        )

    def _record_key(self, subject: str) -> str:
        announced = self._announced
        return self._asides.key(
            announced.published_at or 0, "notice", announced.version, announced.fingerprint, subject
        )
