"""The banner in Chromium, CPU at a quarter, slow 4G: beside the page without it, in one run.

And beside the page with a comment of as many bytes in it: what that costs, no banner that is part of a page can save.
"""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import statistics
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from benchmarks.measure import table
from consent_mw import ConsentMiddleware

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from e2e.apps import chromium

ROUNDS = 15
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
FIGURES = ("first contentful paint", "banner visible", "largest contentful paint", "layout shift", "longest task")
WATCH = """
window.seen = {cls: 0, task: 0};
const watch = (type, take) =>
  new PerformanceObserver(list => list.getEntries().forEach(take)).observe({type, buffered: true});
watch("layout-shift", entry => { seen.cls += entry.value; });
watch("longtask", entry => { seen.task = Math.max(seen.task, entry.duration); });
watch("largest-contentful-paint", entry => { seen.lcp = entry.startTime; });
watch("paint", entry => { if (entry.name === "first-contentful-paint") seen.fcp = entry.startTime; });
const look = now => {
  const banner = document.getElementById("consent-banner");
  if (banner && banner.getBoundingClientRect().height > 0) seen.banner ??= now;
  else if (!seen.banner && now < 9000) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def article(comment: str = "") -> Starlette:
    """A page of 60 KB that compresses about as well as prose does.

    :param comment: at the start of its body
    """
    chance = random.Random(4)
    syllables = "ba be da de fe ga har in ka lo mar mi no or pe ra sa se ta ti tor ul ver we".split()
    words = ["".join(chance.choices(syllables, k=chance.choice((1, 2, 2, 3)))) for _ in range(2000)]
    rare = [1 / (rank + 3) for rank in range(len(words))]
    text = "".join(f"<p>{' '.join(chance.choices(words, rare, k=90))}.</p>" for _ in range(120))
    page = f"<!doctype html><html lang=en><head><title>Ferry</title></head><body>{comment}<h1>Ferry</h1>{text}"

    async def show(request: Request) -> Response:
        return HTMLResponse(page)

    return Starlette(routes=[Route("/", show)])


def comment_of(size: int) -> str:
    """One that stays as long when it is compressed."""
    chance = random.Random(4)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
    text = "".join(chance.choices(letters, k=size * 8 // 6))  # six bits each
    return f"<!--{text}-->"


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(5)


def visit(browser: Browser, address: str, pages: int) -> tuple[float, ...]:
    """One look by a new visitor, in milliseconds and, for the shift, in its own score.

    :param pages: at which page of the visit to measure; from the second one on, scripts come from the browser's cache
    """
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(WATCH)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_4G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        for _ in range(pages):
            page.goto(address, wait_until="load")
        page.wait_for_timeout(700)
        seen = page.evaluate("seen")
    return seen["fcp"], seen.get("banner", 0), seen["lcp"], seen["cls"], seen["task"]


def compressed_size(browser: Browser, address: str) -> int:
    with browser.new_context() as context:
        return len(gzip.compress(context.request.get(address).body()))


def main() -> None:
    bare = article()
    wrapped = ConsentMiddleware(bare, secret_key="benchmark-secret-0123456789abcdef", ledger=None)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(**chromium.options()) as browser,
        serving(GZipMiddleware(bare)) as without,
        serving(GZipMiddleware(wrapped)) as with_banner,
    ):
        more = compressed_size(browser, with_banner) - compressed_size(browser, without)
        with serving(GZipMiddleware(article(comment_of(more)))) as as_long:
            contenders = [(address, pages) for pages in (1, 2) for address in (without, as_long, with_banner)]
            figures: dict[tuple[str, int], list[tuple[float, ...]]] = {contender: [] for contender in contenders}
            visit(browser, with_banner, 1)
            for _ in range(ROUNDS):
                for contender, seen in figures.items():
                    seen.append(visit(browser, *contender))
    medians = [[statistics.median(column) for column in zip(*seen, strict=True)] for seen in figures.values()]
    titles = (f"first page, nothing cached, {more} bytes more", "second page")
    for title, (alone, comment, together) in zip(titles, (medians[:3], medians[3:]), strict=True):
        rows = []
        for name, bare_figure, long_figure, figure in zip(FIGURES, alone, comment, together, strict=True):
            unit = ".3f" if name == "layout shift" else ".0f"
            beside = f"without it {bare_figure:{unit}}, with a comment {long_figure:{unit}}"
            rows.append((name, f"{figure:{unit}}", "" if name == "banner visible" else beside))
        table(f"The banner in Chromium, 4x slower CPU, slow 4G, {title}; ms, medians of {ROUNDS}", rows)


if __name__ == "__main__":
    main()
