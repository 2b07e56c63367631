"""What an app asks of the middleware: the consent of a request, and endpoints that need one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket

from consent_mw.core.decision import Consent
from consent_mw.errors import ConfigError, ConsentError, ConsentRequired
from consent_mw.web.head import page_address
from consent_mw.web.problem import problem
from consent_mw.web.visit import Visit

SCOPE_KEY = "consent_mw"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def get_consent(connection: HTTPConnection | MutableMapping[str, Any]) -> Consent:
    """The visitor's consent.

    :param connection: a Request, HTTPConnection or WebSocket, or the raw ASGI scope
    :raises ConsentError: when no :class:`ConsentMiddleware` is mounted around the app; nothing is ever assumed granted
    """
    return visit_of(connection).consent


def requires_consent(*required: str, feature: str = "") -> Callable[[Endpoint], Endpoint]:
    """Let a Starlette or FastAPI endpoint run only when every named category or service is granted.

    Without consent the answer is 403: a page that asks, when the browser loads a page, else problem+json. A websocket
    is closed with code 4403. The endpoint takes the request (or websocket) as one of its arguments.

    :param feature: what it is needed for, in the words of the site: shown to the visitor who is asked
    :raises ConfigError: at import, when nothing is named or a class is decorated instead of its methods
    """
    if not required:
        raise ConfigError("requires_consent() names nothing; allowed: ids of categories or services")

    def decorate(endpoint: Endpoint) -> Endpoint:
        if inspect.isclass(endpoint):
            raise ConfigError(f"requires_consent() on class {endpoint.__name__}; allowed: on its methods")

        @functools.wraps(endpoint)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            connection = _connection(args, kwargs)
            try:
                get_consent(connection).require(*required)
            except ConsentRequired as error:
                return await _refuse(connection, error.required, feature)
            if inspect.iscoroutinefunction(endpoint):
                return await endpoint(*args, **kwargs)
            answer = await run_in_threadpool(endpoint, *args, **kwargs)
            return await answer if inspect.isawaitable(answer) else answer

        return guarded  # type: ignore[return-value]

    return decorate


def visit_of(connection: HTTPConnection | MutableMapping[str, Any]) -> Visit:
    """:raises ConsentError: when no :class:`ConsentMiddleware` is mounted around the app"""
    scope = connection.scope if isinstance(connection, HTTPConnection) else connection
    visit = scope.get(SCOPE_KEY)
    if not isinstance(visit, Visit):
        raise ConsentError("no consent in this scope: wrap the app with ConsentMiddleware(app, secret_key=...)")
    return visit


def _connection(args: tuple[Any, ...], kwargs: dict[str, Any]) -> HTTPConnection:
    for value in (*args, *kwargs.values()):
        if isinstance(value, HTTPConnection):
            return value
        inner = getattr(value, "request", None)  # a class-based endpoint
        if isinstance(inner, HTTPConnection):
            return inner
    raise ConsentError("requires_consent(): the endpoint takes no request or websocket, so whose consent is it?")


async def _refuse(connection: HTTPConnection, missing: Sequence[str], feature: str) -> Response | None:
    if isinstance(connection, WebSocket):
        await connection.close(code=4403, reason="consent required")
        return None
    visit = visit_of(connection)
    site, consent = visit.site, visit.consent
    if not isinstance(connection, Request) or not wants_page(connection):
        detail = f"not granted: {', '.join(missing)}"
        members: dict[str, Any] = {"required": missing} | ({"feature": feature} if feature else {})
        return problem(403, "Consent required", detail, **members)
    locale = site.locale(connection)
    origin, return_to = connection.scope.get("root_path", ""), page_address(connection.scope)
    page = site.banner.required_page(missing, consent, locale, feature=feature, origin=origin, return_to=return_to)
    return HTMLResponse(page, status_code=403, headers={"cache-control": "no-store"})


def wants_page(request: Request) -> bool:
    """Whether a browser loads a page with this request, rather than a script its data."""
    destination = request.headers.get("sec-fetch-dest")
    if destination is not None:
        return destination in ("document", "iframe", "frame")
    return "text/html" in request.headers.get("accept", "")
