"""The Harbour Post: a small local newspaper with a sign-in, ten cookies of its own and ten trackers.

:func:`create_app` is an ordinary Starlette app that takes no care of consent. :func:`create_site` puts the middleware
around it, in one line.
"""

from __future__ import annotations

import json
import math
import secrets
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware, requires_consent
from examples.demo import paper
from examples.demo.events import EventLog
from examples.demo.trackers import TRACKERS
from examples.demo.watch import Stopping, Tap, never, watch_routes

CONFIG = Path(__file__).parent / "consent.toml"
DAY = 86_400
MAX_FORM_BYTES = 8 * 1024

LANDINGS = {
    "Old Pier": ((54.581, -1.210), "7:10, 9:40, 12:15, 15:00, 17:30, 19:45"),
    "Gannet Landing": ((54.655, -1.118), "8:00, 10:30, 13:05, 15:50, 18:20, 20:35"),
    "Skerry Point": ((54.623, -1.302), "10:20, 16:40"),
}


def create_site(
    *, tracker_port: int, secret: str, log: EventLog, ledger: str = "memory://", stopping: Stopping = never
) -> ASGIApp:
    """The newspaper behind the middleware. A :class:`Tap` on either side writes down which cookies pass."""
    app: ASGIApp = create_app(tracker_port=tracker_port, secret=secret, log=log, stopping=stopping)
    app = Tap(app, "app")
    app = ConsentMiddleware(app, config=CONFIG, secret_key=secret, ledger=ledger)
    return Tap(app, "browser", log)


def create_app(*, tracker_port: int, secret: str, log: EventLog, stopping: Stopping = never) -> Starlette:
    """The newspaper itself.

    :param tracker_port: where the stand-in third parties listen
    :param stopping: says whether the server is about to stop, so that the watch page's stream ends
    """
    app = Starlette(
        routes=[
            Route("/", _front),
            Route("/story/{slug}", _story),
            Route("/nearby", _nearby),
            Route("/nearby", _position, methods=["POST"]),
            Route("/sign-in", _sign_in, methods=["GET", "POST"]),
            Route("/sign-out", _sign_out),
            Route("/newsletter", _newsletter, methods=["POST"]),
            Route("/theme", _theme, methods=["POST"]),
            Route("/privacy", _privacy),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
            *watch_routes(log, stopping),
        ],
        middleware=[Middleware(SessionMiddleware, secret_key=secret, max_age=14 * DAY, same_site="lax")],
    )
    app.state.tracker_port = tracker_port
    return app


async def _front(request: Request) -> Response:
    cookies = request.cookies
    reads = [slug for slug in cookies.get("hp_reads", "").split(".") if slug in paper.stories()]
    sees = {
        "Name": _reader(request) or "not signed in",
        "Reader number": cookies.get("hp_visitor", "unknown")[:12],
        "Stories read": str(len(reads)) if reads else "not counted",
        "Came from": cookies.get("hp_campaign", "unknown").replace("_", " ")[:20],
        "Near": cookies.get("hp_town", "unknown").replace("_", " ")[:20],
    }
    content = paper.front(
        port=_port(request), csrf=_csrf(request), sees=sees, other_headline=cookies.get("hp_bucket") == "b"
    )
    return _page(request, "", content)


async def _story(request: Request) -> Response:
    story = paper.stories().get(request.path_params["slug"])
    if story is None:
        return _message(request, "Not in this edition", "We have no story by that name.", 404)
    response = _page(request, story.title, paper.article(story, port=_port(request)))
    read = [slug for slug in request.cookies.get("hp_reads", "").split(".") if slug in paper.stories()]
    _keep(response, "hp_reads", ".".join(dict.fromkeys([*read, story.slug])), days=30)
    return response


async def _nearby(request: Request) -> Response:
    chosen = request.query_params.get("landing", "")
    landings = "".join(f"<option{' selected' if name == chosen else ''}>{name}</option>" for name in LANDINGS)
    departures = f"<p>From {chosen}: {LANDINGS[chosen][1]}</p>" if chosen in LANDINGS else ""
    return _page(request, "Near you", paper.fill("nearby", landings=landings, departures=departures))


@requires_consent("geolocation")
async def _position(request: Request) -> Response:
    body = await _body(request)
    try:
        received = json.loads(body)
        here = float(received["latitude"]), float(received["longitude"])
        name, away = min(((name, _kilometres(here, at)) for name, (at, _) in LANDINGS.items()), key=lambda one: one[1])
    except (ValueError, TypeError, KeyError):
        says = "no position that we could read; allowed: latitude and longitude in degrees"
        return JSONResponse({"received": body.decode("utf-8", "replace"), "says": says}, 422)
    says = f"The nearest landing is {name}, {away:,.0f} km away. Departures: {LANDINGS[name][1]}."
    response = JSONResponse({"received": received, "says": says})
    _keep(response, "hp_town", name.replace(" ", "_"), days=30)
    return response


async def _sign_in(request: Request) -> Response:
    error, status = "", 200
    if request.method == "POST":
        form = await _form(request)
        name = form.get("name", "").strip()[:60]
        if not _genuine(request, form):
            error, status = "The form was too old. Please send it again.", 403
        elif name and form.get("password") == "ferry":
            request.session["reader"] = name
            response = RedirectResponse("/", 303)
            if form.get("remember"):
                _keep(response, "hp_remember", secrets.token_hex(8), days=30)
            return response
        else:
            error, status = "That is not the password. It is “ferry”.", 422
    shown = f'<p class="error" role="alert">{error}</p>' if error else ""
    return _page(request, "Sign in", paper.fill("signin", csrf=_csrf(request), error=shown), status)


async def _sign_out(request: Request) -> Response:
    request.session.clear()
    response = RedirectResponse("/", 303)
    response.delete_cookie("hp_remember")
    return response


async def _newsletter(request: Request) -> Response:
    form = await _form(request)
    email = form.get("email", "")[:254]
    if not _genuine(request, form) or "@" not in email:
        return _message(request, "That did not work", "Please go back and send your address again.", 422)
    return _message(request, "Until Friday", f"The letter will go to {escape(email)}. (It will not: this is a demo.)")


async def _theme(request: Request) -> Response:
    response = RedirectResponse("/", 303)
    form = await _form(request)
    if _genuine(request, form) and form.get("theme") in ("light", "dark"):
        _keep(response, "hp_theme", form["theme"], days=180)
    return response


async def _privacy(request: Request) -> Response:
    partners = "".join(f"<tr><td>{tracker.name}</td><td>{tracker.means}</td></tr>" for tracker in TRACKERS)
    return _page(request, "Privacy", paper.fill("privacy", partners=partners))


def _message(request: Request, heading: str, text: str, status: int = 200) -> Response:
    return _page(request, heading, paper.fill("message", heading=heading, text=text), status)


def _page(request: Request, title: str, content: str, status: int = 200) -> Response:
    csrf = _csrf(request)
    page = paper.layout(
        title=title,
        content=content,
        here=request.url.path,
        port=_port(request),
        csrf=csrf,
        theme=request.cookies.get("hp_theme", ""),
        reader=_reader(request),
    )
    response = HTMLResponse(page, status)
    fresh = {
        "csrftoken": (csrf, 1),
        "hp_visitor": (str(1000 + secrets.randbelow(9000)), 180),
        "hp_bucket": (secrets.choice("ab"), 90),
        "hp_campaign": ("word_of_mouth", 7),
        "hp_legacy": ("1", 180),
    }
    for name, (value, days) in fresh.items():
        if name not in request.cookies:
            _keep(response, name, value, days=days)
    return response


def _keep(response: Response, name: str, value: str, *, days: int) -> None:
    response.set_cookie(name, value, max_age=days * DAY, samesite="lax", httponly=True)


def _port(request: Request) -> int:
    port: int = request.app.state.tracker_port
    return port


def _reader(request: Request) -> str:
    return str(request.session.get("reader", ""))


def _csrf(request: Request) -> str:
    """The token that a form repeats: what the cookie says, or a new one for a cookie that comes with this page."""
    if not hasattr(request.state, "csrf"):
        sent = request.cookies.get("csrftoken", "")
        request.state.csrf = sent if sent.isalnum() else secrets.token_hex(16)
    token: str = request.state.csrf
    return token


def _genuine(request: Request, form: dict[str, str]) -> bool:
    sent = request.cookies.get("csrftoken", "")
    return sent != "" and secrets.compare_digest(sent.encode(), form.get("csrf", "").encode())


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await _body(request)).decode("utf-8", "replace")))


async def _body(request: Request) -> bytes:
    """The body's first bytes; a form of ours is never longer."""
    body = b""
    async for chunk in request.stream():
        body += chunk[: MAX_FORM_BYTES - len(body)]
    return body


def _kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """The way along the surface between two points given in degrees."""
    (a, b), (c, d) = (map(math.radians, point) for point in (here, there))
    return 12_742 * math.asin(
        math.sqrt(math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2)
    )
