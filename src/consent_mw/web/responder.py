"""One response on its way out: headers filtered, cookies judged, a page's body sent through the gate.

The state of one request lives here. A response that is no page costs one look at its headers; everything after that
goes straight through.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Collection

import anyio
from starlette.types import Message, Scope, Send

from consent_mw.enforce.browser_headers import deny_geolocation
from consent_mw.enforce.codings import Coding, CodingError, Identity, coding_for
from consent_mw.enforce.contact_headers import CONTACTING, denied_location, judged_headers
from consent_mw.enforce.cookie_filter import filter_response
from consent_mw.enforce.page_headers import (
    RawHeaders,
    has_wide_bom,
    header,
    is_html,
    is_readable,
    may_become_wide_bom,
    tailored,
    universal,
    unrendered,
)
from consent_mw.enforce.rendered import Gate, Kind, gate_for, kind_of
from consent_mw.web.expiry import expiries, folders
from consent_mw.web.head import asks_for_document
from consent_mw.web.lapse import note_lapse
from consent_mw.web.location import removed_header
from consent_mw.web.page import make_judge, make_page
from consent_mw.web.redirect import Stopped, stopped_redirect
from consent_mw.web.signal import record_signal, remembered
from consent_mw.web.visit import Visit

logger = logging.getLogger("consent_mw")

FILE_CHUNK_BYTES = 256 * 1024

_VARY = ("Cookie", "Sec-GPC", "DNT", "Accept-Language")
_IDENTITY = Identity()
_NO_BODY = frozenset({204, 205, 304})


class Responder:
    """Wraps ``send`` for one request."""

    __slots__ = (
        "_coding",
        "_first_body",
        "_first_plain",
        "_gate",
        "_instead",
        "_removed",
        "_scope",
        "_send",
        "_site",
        "_start",
        "_visit",
    )

    def __init__(self, visit: Visit, scope: Scope, send: Send, removed: Collection[str] = ()) -> None:
        self._site = visit.site
        self._visit = visit
        self._scope = scope
        self._send = send
        self._removed = removed
        self._start: Message | None = None  # held until the first body bytes are known
        self._first_body = self._first_plain = b""
        self._gate: Gate | None = None
        self._coding: Coding = _IDENTITY
        self._instead: Stopped | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "http.response.start" or kind == "websocket.accept" or kind == "websocket.http.response.start":
            return self._on_start(message)
        if self._gate is not None:
            if kind == "http.response.body":
                return self._on_body(message)
            if kind == "http.response.pathsend":
                return self._on_file(message)
        elif self._start is not None:
            return self._flush_start(message)
        elif self._instead is not None:
            return self._replaced(message)
        return self._send(message)

    def _on_start(self, message: Message) -> Awaitable[None]:
        sent = message.get("headers")
        headers: RawHeaders = sent if isinstance(sent, list) else list(sent or ())
        try:
            judged = self._judged(message, headers)
        except Exception:
            logger.exception("could not judge a response; its cookies are dropped and no page in it is rendered")
            judged = [(n, v) for n, v in headers if n.lower() != b"set-cookie"]
            judged = unrendered(judged) if is_html(header(judged, b"content-type")) else judged
            self._gate = self._instead = None
        if judged is not sent and (judged or sent is not None):  # the app may keep its message and send it again
            message = {**message, "headers": judged}
        if self._instead is not None:
            self.release()
            headers = self._instead.headers(judged)
            return self._send({"type": message["type"], "status": self._instead.status, "headers": headers})
        if self._gate is not None:
            self._start = message
            return _nothing()
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
        if sets_cookie:
            headers = self._cookies_judged(list(headers))
        if contacts and not self._visit.everything:
            headers = self._contacts_judged(message, headers)
        if self._removed:
            headers = [*headers, removed_header(tuple(self._removed))]
        kind = kind_of(content_type)
        if kind is not None and self._is_shown(kind, message, headers):
            headers = self._page_start(message, list(headers), content_type, kind)
            if not self._visit.located and self._site.enforces and not self._site.is_universal:
                headers = deny_geolocation(headers)
        return headers

    def _cookies_judged(self, headers: RawHeaders) -> RawHeaders:
        site = self._site
        own = site.cookie(self._scope).name
        report = site.observed.response_cookie
        judged = filter_response(headers, self._visit.consent.grants, own, time.time(), report)
        return judged if site.enforces else headers

    def _contacts_judged(self, message: Message, headers: RawHeaders) -> RawHeaders:
        judge = make_judge(self._visit, self._scope)
        judged = judged_headers(headers, judge)
        is_redirect = 300 <= message.get("status", 0) < 400
        leads_to = denied_location(headers, judge) if is_redirect else None
        if not self._site.enforces:
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
        coding = coding_for(header(headers, b"content-encoding"))
        whole = message["status"] != 206
        if coding is None or not whole or not is_readable(content_type):
            if self._visit.everything or not self._site.enforces:
                return headers
            self._unjudged("a coding, charset or part that cannot be judged; sent as plain text")
            return unrendered(headers)
        if message["status"] in _NO_BODY:
            return headers
        self._coding = coding
        self._gate = gate_for(kind, make_page(self._visit, self._scope, headers))
        if not self._site.enforces:
            return headers
        if self._visit.lapsed is not None:
            note_lapse(self._visit, self._scope)
        headers = self._contained(headers)
        if self._site.is_universal:
            return universal(headers)
        return [*tailored(headers, _VARY), *self._expiries(), *remembered(self._visit, self._scope)]

    def _contained(self, headers: RawHeaders) -> RawHeaders:
        """In strict mode a policy of ours stands beside the app's: browsers allow what both allow."""
        containment, root = self._site.containment, self._scope.get("root_path", "")
        return headers if containment is None else [*headers, containment.header(self._visit.consent.grants, root)]

    def _expiries(self) -> RawHeaders:
        """Take denied cookies out of the jar of a visitor who has decided, wherever in the site they were set.

        The answer to a withdrawal sees only cookies whose path covers it; a page sees those of its own path.
        """
        consent = self._visit.consent
        if consent.stored is None:
            return []
        return expiries(self._visit, self._scope, consent.grants, consent.grants, folders(self._scope["path"]))

    async def _on_body(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._scope["method"] == "HEAD":
            return await self._flush_start({**message, "body": b""})
        if self._gate is None:
            return await self._flush_start(message)
        plain = self._decoded(body)
        start = self._start
        if start is not None:  # a byte order mark may be cut in two; until then nothing can be said about the page
            self._first_body, self._first_plain = body, plain = self._first_body + body, self._first_plain + plain
            if more and may_become_wide_bom(plain):
                return None
            if has_wide_bom(plain) and self._site.enforces and not self._visit.everything:
                start["headers"] = unrendered(list(start["headers"]))
                self.release()
                return await self._flush_start({**message, "body": body})
        out = self._gated(self._gate, plain, last=not more)
        if not self._site.enforces:
            out = body
        elif start is not None and not more:
            start["headers"].append((b"content-length", str(len(out)).encode()))
        return await self._flush_start({**message, "body": out})

    def _decoded(self, body: bytes) -> bytes:
        try:
            return self._coding.decode(body)
        except CodingError:
            self._unjudged("the body does not fit its Content-Encoding; the rest of it is dropped")
            return b""

    def _gated(self, gate: Gate, plain: bytes, *, last: bool) -> bytes:
        out = gate.feed(plain) if plain else b""
        if last:
            out += gate.close()
            self.release()
        if gate.failed:
            self._unjudged("the gate gave up; the rest of the page is shown as text")
        return self._coding.encode(out, last=last)

    def _unjudged(self, why: str) -> None:
        self._site.observed.unjudged(self._scope["path"], why)

    async def _on_file(self, message: Message) -> None:
        """``http.response.pathsend`` names a file; a page in it is read and gated like any other."""
        async with await anyio.open_file(message["path"], "rb") as file:
            while chunk := await file.read(FILE_CHUNK_BYTES):
                await self._on_body({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._on_body({"type": "http.response.body", "body": b"", "more_body": False})

    def release(self) -> None:
        """Let go of the gate. Its tokenizer may only be freed by the thread that made it, and an app may keep ``send``
        in a reference cycle, which Python breaks up in whatever thread happens to be running."""
        self._gate = None

    async def _replaced(self, message: Message) -> None:
        """The app's body goes nowhere; ours goes out when it ends."""
        if not message.get("more_body", False) and self._instead is not None:
            body = b"" if self._scope["method"] == "HEAD" else self._instead.body
            await self._send({"type": "http.response.body", "body": body})

    async def _flush_start(self, message: Message) -> None:
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)
        await self._send(message)
        if self._visit.opt_out is not None and self._site.enforces and not self._site.is_universal:
            await record_signal(self._visit, self._scope)


async def _nothing() -> None:
    """The start message waits for the first body bytes."""
