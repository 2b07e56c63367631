"""The banner in Chromium, CPU at a quarter, slow 4G: beside the page without it, in one run.

And beside the page with the page guard alone, which comes first and is counted apart. Each is seen with nothing in the
browser's cache and, as most pages are, held up by a style sheet of its own or not; and as the second page of a visit.
"""

from __future__ import annotations

import contextlib
import random
import socket
import statistics
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from benchmarks.measure import interval, table
from consent_mw import ConsentMiddleware

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from e2e.apps import chromium

ROUNDS = 15
SLOW_4G = {"offline": False, "latency": 562.5, "downloadThroughput": 1.44e6 / 8, "uploadThroughput": 675e3 / 8}
"""As Chromium's own tools have it: 150 ms and 1.6 Mbit/s, adjusted for being applied to each request."""
WATCH = """
window.seen = {cls: 0, task: 0};
const watch = (type, take) =>
  new PerformanceObserver(list => list.getEntries().forEach(take)).observe({type, buffered: true});
watch("paint", entry => { if (entry.name === "first-contentful-paint") seen.fcp = entry.startTime; });
watch("element", entry => { seen.banner = entry.startTime; });
watch("largest-contentful-paint", entry => { seen.lcp = entry.startTime; });
watch("layout-shift", entry => { seen.cls += entry.value; });
watch("longtask", entry => { seen.task = Math.max(seen.task, entry.duration); });
new MutationObserver((changes, observer) => {
  const title = document.getElementById("consent-title");
  if (title) {
    title.elementTiming = "banner";
    observer.disconnect();
  }
}).observe(document, {childList: true, subtree: true});
"""
METRICS = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration", "TaskDuration")
SHEET = "body { font: 1.1em/1.6 serif; max-width: 44em; margin: 2em auto; color: #222 } p { margin: 0 0 1em }"
PLAIN, STYLED = "plain", "styled"


class Seen(NamedTuple):
    """Milliseconds on the clock, the shift in its own score, and milliseconds of work in the page's thread."""

    first_contentful_paint: float
    largest_contentful_paint: float
    banner_painted: float
    layout_shift: float
    longest_task: float
    work_script: float
    work_style: float
    work_layout: float
    work_in_all: float


def article(guard: str = "") -> Starlette:
    """A page of 60 KB that compresses about as well as prose does, with a style sheet or without.

    :param guard: at the start of its head
    """
    chance = random.Random(4)
    syllables = "ba be da de fe ga har in ka lo mar mi no or pe ra sa se ta ti tor ul ver we".split()
    words = ["".join(chance.choices(syllables, k=chance.choice((1, 2, 2, 3)))) for _ in range(2000)]
    rare = [1 / (rank + 3) for rank in range(len(words))]
    text = "".join(f"<p>{' '.join(chance.choices(words, rare, k=90))}.</p>" for _ in range(120))

    async def show(request: Request) -> Response:
        link = "<link rel=stylesheet href=/sheet.css>" if request.url.path == f"/{STYLED}" else ""
        head = f"{guard}<title>Ferry</title>{link}"
        return HTMLResponse(f"<!doctype html><html lang=en><head>{head}</head><body><h1>Ferry</h1>{text}")

    async def sheet(request: Request) -> Response:
        return Response(SHEET, media_type="text/css", headers={"cache-control": "max-age=600"})

    return Starlette(routes=[Route("/sheet.css", sheet), *(Route(f"/{look}", show) for look in (PLAIN, STYLED))])


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(5)


def visit(browser: Browser, address: str, pages: int) -> Seen:
    """One look by a new visitor, who has a process of the browser to themselves.

    :param pages: at which page of the visit to measure; from the second one on, scripts come from the browser's cache
    """
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(WATCH)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_4G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        for _ in range(pages):
            page.goto(address, wait_until="load")
            page.wait_for_function("seen.lcp", polling=100)
        page.wait_for_timeout(300)
        seen = page.evaluate("seen")
        work = {metric["name"]: metric["value"] * 1000 for metric in session.send("Performance.getMetrics")["metrics"]}
    clock = (seen["fcp"], seen["lcp"], seen.get("banner", 0), seen["cls"], seen["task"])
    return Seen(*clock, *(work[name] for name in METRICS))


def guard_of(browser: Browser, address: str) -> str:
    """What stands at the start of a newcomer's page."""
    with browser.new_context() as context:
        page = context.request.get(address, headers={"accept": "text/html"}).text()
    start, end = page.index("<!--consent-->"), page.index("<!--/consent-->")
    guard = page[start:end]
    if "<script" not in guard:
        sys.exit("the page guard does not stand at the start of the page")
    return guard


def report(title: str, alone: list[Seen], guarded: list[Seen], together: list[Seen]) -> None:
    """Medians; and how much more it is than without, as the median of what each round says."""
    rows = []
    for field in Seen._fields:
        bare, guard, ours = ([getattr(seen, field) for seen in looks] for looks in (alone, guarded, together))
        name, unit = field.replace("_", " "), ".3f" if field == "layout_shift" else ".0f"
        if field == "banner_painted":
            rows.append((name, f"{statistics.median(ours):{unit}}", ""))
            continue
        beside = [f"without {_beside(ours, bare, unit)}", f"guard alone {_beside(ours, guard, unit)}"]
        rows.append((name, f"{statistics.median(ours):{unit}}", ", ".join(beside)))
    table(f"{title}; ms, medians of {ROUNDS}, differences with their 95 % interval", rows)


def _beside(ours: list[float], others: list[float], unit: str) -> str:
    differences = [one - other for one, other in zip(ours, others, strict=True)]
    low, high = interval(differences)
    more = f"{statistics.median(differences):+{unit}}: {low:+{unit}} to {high:+{unit}}"
    return f"{statistics.median(others):{unit}} ({more})"


def main() -> None:
    bare = article()
    wrapped = ConsentMiddleware(bare, secret_key="benchmark-secret-0123456789abcdef", ledger=None)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(**chromium.options()) as browser,
        serving(GZipMiddleware(bare)) as without,
        serving(GZipMiddleware(wrapped)) as with_banner,
    ):
        views = {
            "First page, nothing cached": (PLAIN, 1),
            "First page, nothing cached, with a style sheet": (STYLED, 1),
            "Second page, with a style sheet": (STYLED, 2),
        }
        with serving(GZipMiddleware(article(guard_of(browser, with_banner + PLAIN)))) as guarded:
            sites = (without, guarded, with_banner)
            looks: dict[tuple[str, str], list[Seen]] = {(title, site): [] for title in views for site in sites}
            visit(browser, with_banner + PLAIN, 1)
            for _ in range(ROUNDS):
                for title, site in random.sample(list(looks), len(looks)):
                    look, pages = views[title]
                    looks[title, site].append(visit(browser, site + look, pages))
    print("\nThe banner in Chromium, 4x slower CPU, slow 4G")
    for title in views:
        report(title, *(looks[title, site] for site in sites))


if __name__ == "__main__":
    main()
