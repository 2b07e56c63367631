"""Partners are told when a visitor takes something back (GDPR art. 19; 11 CCR 7026(f)): signed, and until they took it.

The message is durable before the decision is acknowledged; sending it is nobody's request. Form and signature are those
of Standard Webhooks, so that any of its libraries can verify them: https://www.standardwebhooks.com
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from consent_mw.core.decision import Consent
from consent_mw.core.policy import canonical_json
from consent_mw.errors import ConfigError
from consent_mw.ledger.base import Record
from consent_mw.ledger.outbox import Message, Outbox
from consent_mw.webhook_settings import WebhookSettings, key_of

if TYPE_CHECKING:
    from httpx import AsyncClient

logger = logging.getLogger("consent_mw")

PATIENCE_SECONDS = 1.0
"""How long a decision waits for a slow disk."""
ATTEMPT_SECONDS = 20.0
PAUSES_SECONDS = (30.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Ten attempts over about three days."""
AT_ONCE = 16
LOOK_SECONDS = 60.0
"""What other workers put there, or left behind, is found after this time."""


class Webhooks:
    """All receivers of one site.

    :param directory: where messages wait; it has to outlive a restart
    :raises ConfigError: they could not be kept, or not be sent
    """

    def __init__(self, settings: Sequence[WebhookSettings], directory: Path | None) -> None:
        if directory is None:
            raise ConfigError(
                "webhooks: their messages have to outlive a restart; allowed: a ledger in a file or a database, or "
                "ledger.spool = a directory"
            )
        try:
            import_module("httpx")
        except ModuleNotFoundError:
            raise ConfigError("webhooks need httpx: pip install 'consent-mw[webhooks]'") from None
        self._partners = [Partner(entry, directory / "webhooks") for entry in settings]

    async def announce(self, record: Record, after: Consent) -> None:
        """Never raises, and never waits long: the decision itself stands.

        Who has no id is known to no partner, so of them there is nothing to say.
        """
        told = [partner for partner in self._partners if record.statement.event.value in partner.events]
        if told and record.personal.subject is not None:
            body = message(record, after)
            puts = [asyncio.ensure_future(partner.put(record.key, body)) for partner in told]
            await asyncio.wait(puts, timeout=PATIENCE_SECONDS)

    def start(self) -> None:
        """Go on with what a restart interrupted."""
        for partner in self._partners:
            partner.wake()

    async def close(self) -> None:
        for partner in self._partners:
            await partner.close()


class Partner:
    """One receiver and what waits for it."""

    def __init__(self, settings: WebhookSettings, directory: Path) -> None:
        self.events = frozenset(settings.events)
        self._url = settings.url
        self._key = key_of(settings.secret)
        self._shown = urlsplit(settings.url).hostname  # paths and queries of such addresses may be secret
        name = hashlib.sha256(settings.url.encode()).hexdigest()[:16]
        self._outbox = Outbox(directory / name, PAUSES_SECONDS)
        self._task: asyncio.Task[None] | None = None
        self._delivers = False
        self._news = asyncio.Event()

    async def put(self, id: str, body: bytes) -> None:
        try:
            await asyncio.to_thread(self._outbox.put, id, body, time.time())
        except OSError:
            logger.exception("webhook %s: message %s could not be kept and will not be sent", self._shown, id)
        self.wake()

    def wake(self) -> None:
        """There may be something to send. One task per process does, for as long as anything waits."""
        loop = asyncio.get_running_loop()
        if not self._delivers or self._task is None or self._task.get_loop() is not loop:
            self._news, self._delivers = asyncio.Event(), True
            self._task = loop.create_task(self._deliver())
        self._news.set()

    async def close(self) -> None:
        """What is under way is broken off; its next turn comes after the restart."""
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _deliver(self) -> None:
        news, client = self._news, None
        try:
            client = await asyncio.to_thread(_client)
            while await self._has_more(client, news) or news.is_set():
                news.clear()
        except OSError:
            logger.exception("webhook %s: what waits cannot be read; the next change or start tries again", self._shown)
        finally:
            self._delivers = False  # before anything is awaited, so that whoever puts something starts another task
            if client is not None:
                await client.aclose()

    async def _has_more(self, client: AsyncClient, news: asyncio.Event) -> bool:
        """Send what is due, or wait for it; False when nothing is left."""
        due = await asyncio.to_thread(self._outbox.next_due)
        if due is None:
            return False
        if (wait := due - time.time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(wait, LOOK_SECONDS))
            return True
        claimed = await asyncio.to_thread(self._outbox.claim, time.time(), AT_ONCE)
        await asyncio.gather(*(self._attempt(client, message) for message in claimed))
        return True

    async def _attempt(self, client: AsyncClient, message: Message) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                headers = {"content-type": "application/json", **signature(self._key, message, int(time.time()))}
                answer = await client.post(self._url, content=message.body, headers=headers)
            if answer.is_success:
                await asyncio.to_thread(self._outbox.done, message)
                return
            problem = f"status {answer.status_code}"
        except Exception as error:  # whatever a network and a library can do
            problem = repr(error)
        if message.last:
            await asyncio.to_thread(self._outbox.give_up, message)
            logger.error("webhook %s: gave up on message %s, set aside: %s", self._shown, message.id, problem)
        else:
            logger.warning("webhook %s: attempt %d failed: %s", self._shown, message.attempts, problem)


def _client() -> AsyncClient:
    """Not on the event loop: reading the system's certificates takes a while. Redirects are not followed."""
    from httpx import AsyncClient  # an extra

    return AsyncClient(timeout=ATTEMPT_SECONDS, headers={"user-agent": "consent-mw"})


def message(record: Record, after: Consent) -> bytes:
    """What happened and what holds now, about an id and nobody's name."""
    said = record.statement
    return canonical_json(
        {
            "type": f"consent.{said.event.value}",
            "timestamp": record.time,
            "data": {
                "subject": record.personal.subject,
                "site": said.site,
                "policy": {"version": said.policy, "fingerprint": said.fingerprint},
                "regime": said.regime,
                "signals": list(said.signals),
                "categories": dict(said.categories),
                "services": {id: decision.value for id, decision in after.services().items()},
            },
        }
    )


def signature(key: bytes, message: Message, now: int) -> dict[str, str]:
    """The three headers: HMAC-SHA256 over id, time and body. The id tells a repetition, the time a replay."""
    signed = hmac.digest(key, f"{message.id}.{now}.".encode() + message.body, "sha256")
    return {
        "webhook-id": message.id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
