"""That a notice of a change was shown is recorded: for every visitor with an id, once per version.

The page goes out as ever; the record follows, and nobody waits for it. Visitors without an id are not recorded: there
is no consent of theirs that the change could touch, and nothing to tell one of them from another.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time

from starlette.types import Scope

from consent_mw.core.decision import Consent
from consent_mw.core.policy import Policy
from consent_mw.ledger.base import Event, Method, Personal, Record
from consent_mw.ledger.recorder import Recorder
from consent_mw.web.device import device_class
from consent_mw.web.state import timestamp

logger = logging.getLogger("consent_mw")

MAX_REMEMBERED = 50_000


class Notices:
    """One per site.

    :param announced: the version that the notice tells of
    :param key: of the site; without it nobody can compute a record's key from a visitor's id
    """

    def __init__(self, recorder: Recorder | None, announced: Policy, key: str) -> None:
        self._recorder = recorder
        self._announced = announced
        self._key = hmac.digest(key.encode(), b"consent_mw.notice", "sha256")
        self._remembered: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def shown(self, consent: Consent, scope: Scope, *, text: str, language: str) -> None:
        """Called while a page with the notice is written; returns at once.

        :param text: hash of the words, as :meth:`~consent_mw.web.banner.Banner.text_hash` has it
        """
        subject = consent.subject
        if self._recorder is None or subject is None or subject in self._remembered:
            return
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # a server that does not run asyncio; the page matters more
        self._remembered.add(subject)
        task = loop.create_task(self._record(self._recorder, consent, scope, text, language))
        self._tasks.add(task)  # the loop itself keeps no more than a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _record(self, recorder: Recorder, consent: Consent, scope: Scope, text: str, language: str) -> None:
        """Never raises. What fails is tried again with another page."""
        try:
            await recorder.keep(await self._entry(consent, scope, text, language))
        except Exception:
            logger.exception("that a notice was shown could not be recorded")
            self._remembered.clear()

    async def _entry(self, consent: Consent, scope: Scope, text: str, language: str) -> Record:
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        personal = Personal(subject=consent.subject, device=await device_class(agent), page=scope["path"][:200])
        return Record(
            key=self._record_key(personal.subject or ""),
            time=timestamp(int(time.time())),
            event=Event.NOTICE_SHOWN,
            method=Method.SITE,
            site=consent.stored.site if consent.stored is not None else "",
            regime=consent.rules.id,
            policy=self._announced.version,
            fingerprint=self._announced.fingerprint,
            text=text,
            language=language,
            categories={id: decision.value for id, decision in consent.categories().items()},
            services={id: "granted" if yes else "denied" for id, yes in consent.own_services.items()},
            signals=consent.signals.names(),
            validity="P0D",
            personal=personal,
        )

    def _record_key(self, subject: str) -> str:
        """The same for every worker and after a restart, so that the ledger keeps one record of it. It begins with a
        time, as every key does."""
        what = f"{self._announced.version}\n{self._announced.fingerprint}\n{subject}".encode()
        since = (self._announced.published_at or 0) * 1000
        return f"{since & 0xFFFFFFFFFFFF:012x}{hmac.digest(self._key, what, 'sha256').hex()[:20]}"
