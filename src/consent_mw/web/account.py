"""The end of an account: what is ours about a visitor goes, and their browser forgets the site."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from consent_mw.web.access import visit_of
from consent_mw.web.receipts import erase_subject


async def end_account(connection: HTTPConnection | MutableMapping[str, Any], response: Response) -> None:
    """A visitor cancels their account: the personal half of their records is deleted, and what the site kept in their
    browser goes with the response, sign-in and consent cookie included. For anything less there is ``withdraw``.

    :raises ConsentError: when no :class:`ConsentMiddleware` is mounted around the app
    :raises Problem: when the records cannot be reached; nothing was deleted then
    """
    visit = visit_of(connection)
    recorder, subject = visit.site.recorder, visit.consent.subject
    if recorder is not None and recorder.auditable and subject is not None:
        await erase_subject(recorder, subject)
    response.headers["clear-site-data"] = '"cookies", "storage"'
