"""What passes on either side of the middleware, live: the newspaper beside a log of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples.demo.events import EventLog
from examples.demo.paper import fill
from examples.demo.trackers import TRACKERS

LOOK_EVERY_SECONDS = 0.2
UNWATCHED = ("/static/", "/watch", "/consent/assets/", "/consent/state")

Stopping = Callable[[], bool]


def never() -> bool:
    return False


@dataclass
class Exchange:
    """One request and its answer. Cookies set are mapped to how long they last: "kept", "session" or "deleted".

    :ivar sent: names of the cookies that the browser sent; ``saw``: those that the app was shown
    :ivar wanted: the cookies that the app set; ``got``: those that reached the browser
    """

    method: str
    path: str
    status: int = 0
    sent: list[str] = field(default_factory=list)
    saw: list[str] = field(default_factory=list)
    wanted: dict[str, str] = field(default_factory=dict)
    got: dict[str, str] = field(default_factory=dict)


class Tap:
    """Stands on one side of the middleware and writes cookie names down. It changes nothing.

    :param log: for the outer of the two taps, which adds the event ``exchange``
    """

    def __init__(self, app: ASGIApp, side: Literal["app", "browser"], log: EventLog | None = None) -> None:
        self.app = app
        self._side = side
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNWATCHED):
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope.setdefault("demo.exchange", Exchange(scope["method"], scope["path"]))
        names = _cookie_names(scope)
        if self._side == "app":
            exchange.saw = names
        else:
            exchange.sent = names

        async def tapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookies = _set_cookies(message)
                if self._side == "app":
                    exchange.wanted = cookies
                else:
                    exchange.got, exchange.status = cookies, message["status"]
                    if self._log is not None:
                        self._log.add("exchange", **asdict(exchange))
            await send(message)

        await self.app(scope, receive, tapped)


def watch_routes(log: EventLog, stopping: Stopping) -> list[BaseRoute]:
    """The watch page, and its events as a stream (WHATWG HTML, section 9.2)."""

    async def page(request: Request) -> Response:
        rows = "".join(
            f'<li data-tracker="{tracker.id}"><b>{escape(tracker.name)}</b> <small>{tracker.means}<em></em></small>'
            "<output>0</output></li>"
            for tracker in TRACKERS
        )
        return HTMLResponse(fill("watch", trackers=rows), headers={"cache-control": "no-store"})

    async def events(request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        following = int(last) + 1 if last.isdecimal() else 0
        headers = {"cache-control": "no-store"}
        return StreamingResponse(_stream(log, following, stopping), media_type="text/event-stream", headers=headers)

    return [Route("/watch", page), Route("/watch/events", events)]


async def _stream(log: EventLog, following: int, stopping: Stopping) -> AsyncIterator[str]:
    # Looking is simpler than being told, and the log may be written from other threads.
    yield "retry: 1000\n\n"
    while not stopping():
        for event in log.since(following):
            following = event["n"] + 1
            yield f"id: {event['n']}\ndata: {json.dumps(event)}\n\n"
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _cookie_names(scope: Scope) -> list[str]:
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    return sorted({part.partition("=")[0].strip() for header in headers for part in header.split(";") if part.strip()})


def _set_cookies(message: Message) -> dict[str, str]:
    headers = [value.decode("latin-1") for name, value in message.get("headers", ()) if name.lower() == b"set-cookie"]
    return {header.partition("=")[0]: _lifetime(header.lower()) for header in headers}


def _lifetime(set_cookie: str) -> str:
    if "max-age=0" in set_cookie or "expires=thu, 01 jan 1970" in set_cookie:
        return "deleted"
    return "kept" if "max-age=" in set_cookie or "expires=" in set_cookie else "session"
