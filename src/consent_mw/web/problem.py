"""Error answers for machines: RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class Problem(Exception):
    """A request that cannot be answered as asked.

    :ivar status: HTTP status code
    :ivar detail: what is wrong and what is allowed
    """

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    sent = {"cache-control": "no-store", "x-content-type-options": "nosniff", **(headers or {})}
    return JSONResponse(body, status, sent, media_type="application/problem+json")
