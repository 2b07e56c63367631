"""Ten stand-in third parties on one port, told apart by their names under ``localhost``.

Browsers resolve ``*.localhost`` to this machine by themselves (RFC 6761 section 6.3), so nothing leaves it. Every
contact is written down, whatever was asked for: a tracker that learns nothing else learns that you were there.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from examples.demo.events import EventLog

FILES = Path(__file__).parent / "thirdparty"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Tracker(NamedTuple):
    """One third party.

    :ivar id: its id in ``consent.toml``, and its name under ``localhost``
    :ivar means: how a page comes to contact it
    """

    id: str
    name: str
    means: str


TRACKERS = (
    Tracker("analytics", "Wavecount", "script"),
    Tracker("beacons", "Tidepool Metrics", "async script with beacons"),
    Tracker("recommend", "Buoy Recommend", "module script"),
    Tracker("social", "Gullwing", "inline snippet"),
    Tracker("pixel", "Saltmarsh Audiences", "tracking pixel"),
    Tracker("ads", "Quayside Ads", "image with srcset"),
    Tracker("fonts", "Letterpress Styles", "style sheet"),
    Tracker("cdn", "Swift Current", "prefetch"),
    Tracker("video", "Lighthouse Video", "frame"),
    Tracker("maps", "Chartroom Maps", "frame"),
)


def create_app(log: EventLog) -> Starlette:
    """The stand-ins. Each contact becomes an event of the kind ``contact``."""
    names = {tracker.id for tracker in TRACKERS}
    # Listed once: what is not in here cannot be asked for, whatever the path says.
    known = {(path.parent.name, f"/{path.name}"): path for path in FILES.glob("*/*")}

    async def answer(request: Request) -> Response:
        tracker = (request.url.hostname or "").partition(".")[0]
        if tracker not in names:
            return Response("unknown name; known: " + ", ".join(sorted(names)), 404)
        about = request.query_params.get("p", "")
        log.add(
            "contact",
            tracker=tracker,
            method=request.method,
            path=request.url.path,
            cookies=sorted(request.cookies),
            about=about[:80],
        )
        headers = {"access-control-allow-origin": "*", "cache-control": "no-store"}
        if request.method == "POST":
            return Response(status_code=204, headers=headers)
        file = known.get((tracker, request.url.path))
        if file is None:
            return Response("not found", 404, headers)
        # Only kept where the browser still accepts cookies from other sites.
        headers["set-cookie"] = f"{tracker}_uid=0c0ffee0; Path=/; Max-Age=15552000; SameSite=None; Secure"
        return Response(file.read_bytes(), 200, headers, _TYPES[file.suffix])

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
