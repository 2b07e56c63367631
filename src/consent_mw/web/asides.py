"""Records of what a request made known, where nobody decided anything.

The page goes out as ever, the record follows, and nobody waits for it. Each is kept once, over workers and restarts,
because its key says what it is about.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Hashable

from consent_mw.ledger.base import Record
from consent_mw.ledger.recorder import Recorder

logger = logging.getLogger("consent_mw")

MAX_REMEMBERED = 50_000


class Asides:
    """One per site.

    :param key: of the site; without it nobody can compute a record's key from a visitor's id
    """

    def __init__(self, recorder: Recorder | None, key: str) -> None:
        self._recorder = recorder
        self._key = hmac.digest(key.encode(), b"consent_mw.aside", "sha256")
        self._remembered: set[Hashable] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def key(self, since: int, *about: object) -> str:
        """Key of the record about these things; like every key it begins with a time (``since``: epoch seconds)."""
        digest = hmac.digest(self._key, "\n".join(map(str, about)).encode(), "sha256").hex()
        return f"{since * 1000 & 0xFFFFFFFFFFFF:012x}{digest[:20]}"

    def add(self, about: Hashable, make: Callable[[], Awaitable[Record]]) -> None:
        """Returns at once; does nothing when told of the same thing again."""
        if self._recorder is None or about in self._remembered:
            return
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # a server that does not run asyncio; the page matters more
        self._remembered.add(about)
        task = loop.create_task(self._record(self._recorder, make))
        self._tasks.add(task)  # the loop itself keeps no more than a weak reference
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Once everything that was added until now has been dealt with."""
        await asyncio.gather(*self._tasks)

    async def _record(self, recorder: Recorder, make: Callable[[], Awaitable[Record]]) -> None:
        """Never raises. What fails is tried again with another page."""
        try:
            await recorder.keep(await make())
        except Exception:
            logger.exception("what a page made known could not be recorded")
            self._remembered.clear()
