"""Requests per second under uvicorn, with and without the middleware, driven by wrk from a process of its own.

Each round drives the servers one after the other; the ratio to the bare app of the same round is what counts.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from benchmarks.bench_request import SECRET, consent_cookie, headers_with, session_cookie
from benchmarks.measure import table
from consent_mw import ConsentMiddleware

ROUNDS, SECONDS, CONNECTIONS = 5, 2, 16


async def answer(request: Request) -> JSONResponse:
    return JSONResponse({"boats": 7})


async def nothing(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


def app_named(name: str) -> ASGIApp:
    app: ASGIApp = Starlette(routes=[Route("/api", answer)])
    if name == "consent_mw":
        return ConsentMiddleware(app, {"cookie": {"secure": True}}, secret_key=SECRET, ledger=None)
    if name == "SessionMiddleware":
        return SessionMiddleware(app, secret_key=SECRET)
    if name == "BaseHTTPMiddleware":
        return BaseHTTPMiddleware(app, dispatch=nothing)
    return app


@contextlib.contextmanager
def served(name: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bench_server", name, str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.terminate()
        process.wait()


def driven(wrk: str, address: str, cookie: str) -> float:
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s"]
    for name, value in headers_with(cookie):
        command += ["-H", f"{name.decode()}: {value.decode()}"]
    said = subprocess.run([*command, address], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(said)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if found is None:
        raise SystemExit(said)
    return float(found[1])


def main() -> None:
    wrk = shutil.which("wrk")
    if wrk is None:
        print("\nUnder uvicorn: skipped, wrk is not installed")
        return
    names = ["bare app", "consent_mw", "SessionMiddleware", "BaseHTTPMiddleware"]
    sample = ConsentMiddleware(answer, {"cookie": {"secure": True}}, secret_key=SECRET, ledger=None)
    cookies = dict.fromkeys(names, "csrftoken=abc") | {
        "consent_mw": consent_cookie(sample),
        "SessionMiddleware": f"csrftoken=abc; session={session_cookie()}",
    }
    rates: dict[str, list[float]] = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        addresses = {name: stack.enter_context(served(name)) for name in names}
        for _ in range(ROUNDS):
            for name in names:
                rates[name].append(driven(wrk, addresses[name], cookies[name]))
    rows = []
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(rates[name], rates["bare app"], strict=True))
        budget = "budget 0.95 of the bare app" if name == "consent_mw" else ""
        rows.append((name, f"{statistics.median(rates[name]):,.0f} /s", f"{ratio:.2f}  {budget}"))
    table("Requests per second under uvicorn (medians; ratio to the bare app)", rows)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        uvicorn.run(app_named(sys.argv[1]), port=int(sys.argv[2]), log_level="error", access_log=False)
    else:
        main()
