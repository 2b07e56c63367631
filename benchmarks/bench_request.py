"""Microseconds added to a request that is no page, beside Starlette's SessionMiddleware in the same run.

Processor time of the thread, not the clock: what else the machine does at the moment is not counted.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable
from typing import Any

from itsdangerous import TimestampSigner
from starlette.middleware.sessions import SessionMiddleware

from benchmarks.measure import added, interleaved, table
from consent_mw import ConsentMiddleware
from consent_mw.core.decision import Choice, decide, resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.core.token import new_subject

SECRET = "benchmark-secret-benchmark-secret"
REQUESTS, ROUNDS = 4000, 21


async def bare(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def headers_with(cookie: str) -> list[tuple[bytes, bytes]]:
    values = {
        "host": "site.test",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate, br, zstd",
        "accept-language": "en-GB,en;q=0.9",
        "referer": "https://site.test/",
        "sec-fetch-dest": "empty",
        "sec-fetch-mode": "cors",
        "sec-fetch-site": "same-origin",
        "cookie": cookie,
    }
    return [(name.encode(), value.encode()) for name, value in values.items()]


def as_served(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """A request as a server hands it over: bytes that nobody has hashed yet, and an id that no other request has."""
    fresh = [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in headers]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "https", "method": "GET",
        "path": "/api", "raw_path": b"/api", "query_string": b"", "root_path": "", "state": {},
        "client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 80),
        "headers": [*fresh, (b"x-request-id", secrets.token_hex(8).encode())],
    }  # fmt: skip


def consent_cookie(middleware: ConsentMiddleware) -> str:
    site = middleware.site
    before = resolve(site.policy, None, NO_SIGNALS)
    choice = Choice(action="accept_all")
    stored = decide(before, choice, site="site.test", now=int(time.time()), new_subject=new_subject)
    return f"csrftoken=abc; __Host-consent={site.codec.dumps(stored)}; _ga=GA1.1.2"


def session_cookie() -> str:
    """As SessionMiddleware writes it."""
    return TimestampSigner(SECRET).sign(base64.b64encode(b'{"user": 17}')).decode()


def runner(app: Any, cookie: str) -> Callable[[], float]:
    """Microseconds per request of one batch."""
    headers = headers_with(cookie)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    async def batch() -> float:
        scopes = [as_served(headers) for _ in range(REQUESTS)]
        started = time.thread_time()
        for scope in scopes:
            await app(scope, receive, send)
        return (time.thread_time() - started) / REQUESTS * 1e6

    return lambda: asyncio.run(batch())


def many_services(count: int) -> dict[str, Any]:
    return {
        "services": [
            {
                "id": f"service-{n}",
                "name": f"Service {n}",
                "category": "personalization_analytics",
                "hosts": [f"tracker-{n}.example"],
                "cookies": [{"name": f"_service_{n}"}, {"name": f"_s{n}_*"}],
            }
            for n in range(count)
        ]
    }


def main() -> None:
    plain = ConsentMiddleware(bare, secret_key=SECRET, ledger=None)
    large = ConsentMiddleware(bare, many_services(1000), secret_key=SECRET, ledger=None)
    session = SessionMiddleware(bare, secret_key=SECRET)
    contenders = {
        "bare app": runner(bare, "csrftoken=abc"),
        "consent_mw, valid consent": runner(plain, consent_cookie(plain)),
        "consent_mw, no cookie": runner(plain, "csrftoken=abc"),
        "consent_mw, 1000 services": runner(large, consent_cookie(large)),
        "SessionMiddleware, session read": runner(session, f"csrftoken=abc; session={session_cookie()}"),
        "SessionMiddleware, no session": runner(session, "csrftoken=abc"),
    }
    figures = interleaved(contenders, ROUNDS)
    budgets = {
        "consent_mw, valid consent": "budget 5, aim 3",
        "consent_mw, 1000 services": "within 10 % of the one above",
    }
    rows = [(name, f"{value:.2f} µs", budgets.get(name, "")) for name, value in added(figures, "bare app").items()]
    table("Added per request that is no page", rows)


if __name__ == "__main__":
    main()
