"""One response on its way out: headers filtered, cookies judged, a page's body sent through the gate.

The state of one request lives here. A response that is no page costs one look at its headers; everything after that
goes straight through.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Collection

from starlette.types import Message, Scope, Send

from consent_mw.enforce.browser_headers import deny_geolocation
from consent_mw.enforce.codings import coding_for
from consent_mw.enforce.contact_headers import CONTACTING, denied_location, judged_headers
from consent_mw.enforce.cookie_filter import filter_response
from consent_mw.enforce.page_headers import (
    RawHeaders,
    header,
    is_html,
    is_readable,
    tailored,
    universal,
    unrendered,
)
from consent_mw.enforce.rendered import Kind, gate_for, kind_of
from consent_mw.web.expiry import expiries, folders
from consent_mw.web.head import asks_for_document
from consent_mw.web.lapse import note_lapse
from consent_mw.web.location import removed_header
from consent_mw.web.page import make_judge, make_page
from consent_mw.web.page_stream import PageStream
from consent_mw.web.redirect import Stopped, stopped_redirect
from consent_mw.web.signal import remembered
from consent_mw.web.visit import Visit

logger = logging.getLogger("consent_mw")

_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_VARY = ("Cookie", "Sec-GPC", "DNT", "Accept-Language")
_NO_BODY = frozenset({204, 205, 304})

MAX_PLAIN, MAX_PLAIN_LENGTH = 1024, 64
_plain: set[bytes] = set()
"""Names of response headers that need no look, learnt from what apps send."""


class Responder:
    """Wraps ``send`` for one request."""

    __slots__ = ("_instead", "_removed", "_rest", "_scope", "_send", "_visit", "page")

    def __init__(self, visit: Visit, scope: Scope, send: Send, removed: Collection[str] = ()) -> None:
        self._visit = visit
        self._scope = scope
        self._send = self._rest = send  # the latter takes what follows the start
        self._removed = removed
        self._instead: Stopped | None = None
        self.page: PageStream | None = None

    def send(self, message: Message) -> Awaitable[None]:
        """What the app gets as its ``send``. Of a response that is no page, the names of its headers are looked at."""
        if message["type"] not in _STARTS:
            return self._rest(message)
        headers, is_typed = message.get("headers"), False
        if type(headers) is list and not self._removed:
            for name, value in headers:
                if name == b"content-type":
                    is_typed = kind_of(value) is None
                elif name not in _plain:
                    return self._on_start(message)
        return self._send(message) if is_typed else self._on_start(message)

    def _on_start(self, message: Message) -> Awaitable[None]:
        sent = message.get("headers")
        headers: RawHeaders = sent if isinstance(sent, list) else list(sent or ())
        try:
            judged = self._judged(message, headers)
        except Exception:
            logger.exception("could not judge a response; its cookies are dropped and no page in it is rendered")
            judged = [(n, v) for n, v in headers if n.lower() != b"set-cookie"]
            judged = unrendered(judged) if is_html(header(judged, b"content-type")) else judged
            self.page = self._instead = None
        if judged is not sent and (judged or sent is not None):  # the app may keep its message and send it again
            message = {**message, "headers": judged}
        if self._instead is not None:
            self.page, self._rest = None, self._replaced
            headers = self._instead.headers(judged)
            return self._send({"type": message["type"], "status": self._instead.status, "headers": headers})
        if self.page is not None:
            self._rest = self.page
            return self.page.hold(message)
        return self._send(message)

    def _judged(self, message: Message, headers: RawHeaders) -> RawHeaders:
        sets_cookie, contacts, content_type = False, False, b""
        for name, value in headers:
            lower = name.lower()  # an app may not keep to ASGI's lower case
            if lower == b"set-cookie":
                sets_cookie = True
            elif lower == b"content-type":
                content_type = value
            elif lower in CONTACTING:
                contacts = True
            elif len(_plain) < MAX_PLAIN and len(name) <= MAX_PLAIN_LENGTH:
                _plain.add(name)
        if sets_cookie:
            headers = self._cookies_judged(list(headers))
        if contacts and not self._visit.everything:
            headers = self._contacts_judged(message, headers)
        if self._removed:
            headers = [*headers, removed_header(tuple(self._removed))]
        kind = kind_of(content_type)
        if kind is not None and self._is_shown(kind, message, headers):
            headers = self._page_start(message, list(headers), content_type, kind)
            site = self._visit.site
            if not self._visit.located and site.enforces and not site.is_universal:
                headers = deny_geolocation(headers)
        return headers

    def _cookies_judged(self, headers: RawHeaders) -> RawHeaders:
        site = self._visit.site
        own = site.cookie(self._scope).name
        report = site.observed.response_cookie
        judged = filter_response(headers, self._visit.consent.grants, own, time.time(), report)
        return judged if site.enforces else headers

    def _contacts_judged(self, message: Message, headers: RawHeaders) -> RawHeaders:
        judge = make_judge(self._visit, self._scope)
        judged = judged_headers(headers, judge)
        is_redirect = 300 <= message.get("status", 0) < 400
        leads_to = denied_location(headers, judge) if is_redirect else None
        if not self._visit.site.enforces:
            return headers
        if leads_to is not None:
            self._instead = stopped_redirect(self._visit, self._scope, *leads_to)
        return judged

    def _is_shown(self, kind: Kind, message: Message, headers: RawHeaders) -> bool:
        """Whether a browser shows the response as a document. Of HTML that is always assumed."""
        if message["type"] != "http.response.start":
            return False
        if kind is Kind.HTML:
            return True
        if 300 <= message["status"] < 400 or not asks_for_document(dict(self._scope["headers"])):
            return False
        return kind is Kind.XML or header(headers, b"x-content-type-options").strip().lower() != b"nosniff"

    def _page_start(self, message: Message, headers: RawHeaders, content_type: bytes, kind: Kind) -> RawHeaders:
        if header(headers, b"content-disposition").lower().lstrip().startswith(b"attachment"):
            return headers  # saved, not rendered
        site = self._visit.site
        coding = coding_for(header(headers, b"content-encoding"))
        whole = message["status"] != 206
        if coding is None or not whole or not is_readable(content_type):
            if self._visit.everything or not site.enforces:
                return headers
            why = "a coding, charset or part that cannot be judged; sent as plain text"
            site.observed.unjudged(self._scope["path"], why)
            return unrendered(headers)
        if message["status"] in _NO_BODY:
            return headers
        gate = gate_for(kind, make_page(self._visit, self._scope, headers))
        self.page = PageStream(self._visit, self._scope, self._send, gate, coding)
        if not site.enforces:
            return headers
        if self._visit.lapsed is not None:
            note_lapse(self._visit, self._scope)
        headers = self._contained(headers)
        if site.is_universal:
            return universal(headers)
        return [*tailored(headers, _VARY), *self._expiries(), *remembered(self._visit, self._scope)]

    def _contained(self, headers: RawHeaders) -> RawHeaders:
        """In strict mode a policy of ours stands beside the app's: browsers allow what both allow."""
        containment, root = self._visit.site.containment, self._scope.get("root_path", "")
        return headers if containment is None else [*headers, containment.header(self._visit.consent.grants, root)]

    def _expiries(self) -> RawHeaders:
        """Take denied cookies out of the jar of a visitor who has decided, wherever in the site they were set.

        The answer to a withdrawal sees only cookies whose path covers it; a page sees those of its own path.
        """
        consent = self._visit.consent
        if consent.stored is None:
            return []
        return expiries(self._visit, self._scope, consent.grants, consent.grants, folders(self._scope["path"]))

    async def _replaced(self, message: Message) -> None:
        """The app's body goes nowhere; ours goes out when it ends."""
        if not message.get("more_body", False) and self._instead is not None:
            body = b"" if self._scope["method"] == "HEAD" else self._instead.body
            await self._send({"type": "http.response.body", "body": body})
