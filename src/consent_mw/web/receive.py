"""A request's body on its way in: places taken out of it, in bounded memory, as fast as the app reads.

A short body of stated length is read before the app is called, so that its ``Content-Length`` can be corrected and a
photo that cannot be cleared is answered with 422. A longer one streams: what was taken out is made up for at the end
with filler that its format skips, so that the stated length stays true.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_mw.enforce.location.body import BodyScrubber, scrubber_for
from consent_mw.enforce.location.rules import LocationRules
from consent_mw.web.problem import problem

logger = logging.getLogger("consent_mw")

MAX_HELD = 1024 * 1024
"""Bytes of a body that is read before the app is called."""
MAX_LENGTH_DIGITS = 18
FILLER = 64 * 1024

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def has_body(scope: Scope, head: Mapping[bytes, bytes]) -> bool:
    """Whether a body may come. Without a stated length only the method tells (RFC 9110 section 6.4)."""
    if scope["type"] != "http":
        return False
    length = head.get(b"content-length")
    if length is not None:
        return length != b"0"
    return b"transfer-encoding" in head or scope["method"] not in _BODILESS


def scrubbed_messages(receive: Receive, rules: LocationRules, report: Callable[[Iterable[str]], None]) -> Receive:
    """The ``receive`` of a WebSocket whose messages are judged, each for itself."""

    async def judged() -> Message:
        message = await receive()
        for key in ("text", "bytes"):
            content = message.get(key)
            if content:
                data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else bytes(content)
                scrubber = scrubber_for(b"text/plain", rules)
                result = scrubber.feed(data) + scrubber.close()
                if scrubber.removed:
                    report(scrubber.removed)
                    message[key] = result.decode("utf-8", "surrogatepass") if key == "text" else result
        return message

    return judged


class ScrubbedBody:
    """The ``receive`` of one request whose body is judged.

    :param removed: takes the names of what was taken out, never the values
    :param report: is told the same names
    :param reject: a photo that cannot be cleared ends the request with 422
    :param enforces: the app gets the judged body; else its own, and only the names are noted
    """

    def __init__(
        self,
        receive: Receive,
        scrubber: BodyScrubber,
        removed: dict[str, None],
        report: Callable[[Iterable[str]], None],
        *,
        reject: bool,
        enforces: bool,
    ) -> None:
        self._receive = receive
        self._scrubber: BodyScrubber | None = scrubber
        self.removed = removed
        self._report = report
        self._rejects = reject and enforces
        self._enforces = enforces
        self._ready: list[Message] = []
        self._taken = self._given = self._to_fill = 0
        self._filler = b""
        self._fills = self._failed = self._started = False
        self.broken: str | None = None

    async def run(self, app: ASGIApp, head: Mapping[bytes, bytes], inner: Scope, receive: Receive, send: Send) -> None:
        """Call the app with the judged body. Its answer gives way to ours when the body turns out to be broken."""
        length = head.get(b"content-length", b"")
        self._fills = length.isdigit() and len(length) <= MAX_LENGTH_DIGITS
        if self._fills and int(length) <= MAX_HELD:
            await self._hold(inner)
        if self.broken is None:
            try:
                await app(inner, self, self._answering(send))
            except Exception:
                if self.broken is None or self._started:
                    raise
        if self.broken is not None and not self._started:
            detail = "allowed: a photo or video whose metadata can be read, so that the place in it can be taken out"
            await problem(422, "Unreadable photo", detail)(inner, receive, send)

    async def __call__(self) -> Message:
        """The next message for the app."""
        while not self._ready:
            if self.broken is not None:
                return {"type": "http.disconnect"}
            if self._to_fill:
                return self._fill()
            message = await self._receive()
            if self._scrubber is None:
                return message
            await self._judge(message)
        return self._ready.pop(0)

    async def _hold(self, inner: Scope) -> None:
        """Read the whole body, unless it is longer than it said, and correct the length that the app sees."""
        self._fills = False
        while self._scrubber is not None and self._taken <= MAX_HELD and self.broken is None:
            await self._judge(await self._receive())
        if self._scrubber is not None:
            self._fills = True
        elif self._given != self._taken and self._ready[-1]["type"] == "http.request":
            length = str(self._given).encode("ascii")
            headers = [(n, length if n.lower() == b"content-length" else v) for n, v in inner["headers"]]
            inner["headers"] = headers

    async def _judge(self, message: Message) -> None:
        """Put what may be passed on of a message where the app will find it."""
        if message["type"] != "http.request":  # the client is gone: the app gets what has come, as it would have
            rest = await self._scrubbed(b"", last=True)
            if rest:
                self._ready.append({"type": "http.request", "body": rest, "more_body": True})
            self._fills = False
            self._scrubber = None
            self._ready.append(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        judged = await self._scrubbed(body, last=not more)
        if self.broken is not None:
            return
        self._taken += len(body)
        self._given += len(judged)
        if not more:
            self._scrubber = None
            if self._fills and self._filler:
                self._to_fill = max(0, self._taken - self._given)
        if judged or not more or not body:
            self._ready.append({**message, "body": judged, "more_body": more or bool(self._to_fill)})

    async def _scrubbed(self, body: bytes, *, last: bool) -> bytes:
        """What stays of a piece. A long body is the work of another thread, so that no other request waits for it."""
        if self._taken <= MAX_HELD:
            return self._cleared(body, last=last)
        return await to_thread.run_sync(partial(self._cleared, body, last=last))

    def _cleared(self, body: bytes, *, last: bool) -> bytes:
        scrubber = self._scrubber
        if scrubber is None or self._failed:
            return b""
        try:
            judged = scrubber.feed(body) + (scrubber.close() if last else b"")
        except Exception:
            logger.exception("could not judge a request's body; the rest of it is dropped")
            self._failed = self._enforces
            return b"" if self._enforces else body
        self._filler = scrubber.filler
        if scrubber.removed:
            self._report(scrubber.removed)
            self.removed.update(dict.fromkeys(scrubber.removed if self._enforces else ()))
        if scrubber.broken is not None and self._rejects:
            logger.warning("an upload is refused, its metadata cannot be read: %s", scrubber.broken)
            self.broken = scrubber.broken
        return judged if self._enforces else body

    def _fill(self) -> Message:
        count = min(self._to_fill, FILLER)
        self._to_fill -= count
        filler = (self._filler * count)[:count]
        return {"type": "http.request", "body": filler, "more_body": bool(self._to_fill)}

    def _answering(self, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if self.broken is None or self._started:
                self._started = True
                await send(message)

        return answer
