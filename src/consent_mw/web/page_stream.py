"""A page on its way out: its start held until the first bytes are known, its body sent through the gate."""

from __future__ import annotations

from collections.abc import Awaitable

import anyio
from starlette.types import Message, Scope, Send

from consent_mw.enforce.codings import Coding, CodingError
from consent_mw.enforce.page_headers import has_wide_bom, may_become_wide_bom, unrendered
from consent_mw.enforce.rendered import Gate
from consent_mw.web.signal import record_signal
from consent_mw.web.visit import Visit

FILE_CHUNK_BYTES = 256 * 1024


class PageStream:
    """Takes the messages of one page's response, from the start on."""

    def __init__(self, visit: Visit, scope: Scope, send: Send, gate: Gate, coding: Coding) -> None:
        self._site = visit.site
        self._visit = visit
        self._scope = scope
        self._send = send
        self._gate: Gate | None = gate
        self._coding = coding
        self._start: Message | None = None
        self._first_body = self._first_plain = b""

    def __call__(self, message: Message) -> Awaitable[None]:
        if self._gate is not None:
            if message["type"] == "http.response.body":
                return self._on_body(message)
            if message["type"] == "http.response.pathsend":
                return self._on_file(message)
        elif self._start is not None:
            return self._flush_start(message)
        return self._send(message)

    async def hold(self, start: Message) -> None:
        """The start message waits for the first body bytes."""
        self._start = start

    def release(self) -> None:
        """Let go of the gate. Its tokenizer may only be freed by the thread that made it, and an app may keep ``send``
        in a reference cycle, which Python breaks up in whatever thread happens to be running."""
        self._gate = None

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

    async def _flush_start(self, message: Message) -> None:
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)
        await self._send(message)
        if self._visit.opt_out is not None and self._site.enforces and not self._site.is_universal:
            await record_signal(self._visit, self._scope)
