"""What is answered instead of a redirect to a service that is denied."""

from __future__ import annotations

from typing import NamedTuple

from starlette.types import Scope

from consent_mw.enforce.page_headers import RawHeaders, header
from consent_mw.web.head import asks_for_document
from consent_mw.web.visit import Visit

_GONE = frozenset({b"location", b"content-length", b"content-type", b"content-encoding", b"cache-control", b"etag"})


class Stopped(NamedTuple):
    """An answer in place of the app's."""

    status: int
    body: bytes

    def headers(self, headers: RawHeaders) -> RawHeaders:
        kept = [(name, value) for name, value in headers if name.lower() not in _GONE]
        kept.append((b"cache-control", b"private, no-store"))
        if not self.body:
            return kept
        length = str(len(self.body)).encode()
        return [*kept, (b"content-type", b"text/html; charset=utf-8"), (b"content-length", length)]


def stopped_redirect(visit: Visit, scope: Scope, id: str, address: str) -> Stopped:
    """To a pixel or a frame, nothing; to somebody who followed a link, a page from which they may go on themselves."""
    head = dict(scope["headers"])
    if not asks_for_document(head) or head.get(b"sec-fetch-dest", b"document") != b"document":
        return Stopped(204, b"")
    site = visit.site
    locale = site.best_locale(header(scope["headers"], b"accept-language").decode("latin-1"))
    return Stopped(200, site.banner.leaving_page(id, address, locale, origin=scope.get("root_path", "")))
