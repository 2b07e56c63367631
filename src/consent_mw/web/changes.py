"""The app is told when a visitor changes their mind, so that it can tell partners and delete what it keeps.

After the answer is out and its record safe; three attempts, then the log. Who must not lose a message across a restart
puts it into a queue of their own, or reads withdrawals from the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

import anyio
from starlette.requests import HTTPConnection
from starlette.types import Scope

from consent_mw.core.decision import Consent
from consent_mw.web.head import changed, passed_on, read_head

logger = logging.getLogger("consent_mw")

OnChange = Callable[[HTTPConnection, Consent, Consent], Awaitable[None]]
"""Given the request as the app may see it, and the visitor's consent before and after."""

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 1.0


async def tell(
    on_change: OnChange, scope: Scope, cookies: Mapping[bytes, bytes], before: Consent, after: Consent
) -> None:
    """Never raises.

    :param cookies: what the app could see of each Cookie header before the change: partners know people by theirs
    """
    head, _ = read_head(scope["headers"])
    changes, _ = changed(scope, head, cookies)
    connection = HTTPConnection({**scope, "headers": passed_on(scope["headers"], changes)})
    pause = FIRST_PAUSE_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await on_change(connection, before, after)
            break
        except Exception:
            logger.exception("on_change failed, attempt %d of %d; the decision itself stands", attempt, ATTEMPTS)
        if attempt < ATTEMPTS:
            await anyio.sleep(pause)
            pause *= 4
