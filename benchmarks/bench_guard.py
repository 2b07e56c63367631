"""The page guard: bytes on the wire, and milliseconds of script in Chromium, beside an empty script.

Every run is the first in a new process, with nothing compiled or touched before. So the first script of a page that
touches an element at all, whoever's, pays for what elements are made of: the second baseline.

While a page begins, Chromium's other processes are busy too, and take the cores of a small machine. So the script comes
a while after the page's beginning; and what others take all the same is in the time on the clock, but not in the time
that the page's own thread was at work.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
from collections.abc import AsyncIterator
from typing import NamedTuple

from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks.bench_banner import serving
from benchmarks.measure import table
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.web.guard import Guard

ROUNDS = 15
REST_SECONDS = 0.5
BEGINNING = "<!doctype html><html><head>\n"
PAGE = """<script>performance.mark("start")</script>
<script data-granted="necessary">{script}</script>
<script>performance.measure("script", "start")</script></head><body></body></html>"""
TOOK = "performance.getEntriesByName('script')[0].duration"


class Taken(NamedTuple):
    """Milliseconds: on the clock, and of work in the page's thread."""

    elapsed: float
    work: float


def scripts(config: ConsentConfig) -> dict[str, tuple[str, int]]:
    """Each script's text and its bytes in brotli."""
    assets = Guard(build_policy(config), "/consent", own_hosts=(), own_names=()).assets
    return {
        name.partition(".")[0]: (asset.body.decode(), len(asset.brotli or b""))
        for name, asset in assets.items()
        if name.endswith(".js")
    }


def milliseconds(contenders: dict[str, str]) -> dict[str, list[Taken]]:
    """Parsing, compiling and running each script once in a fresh page, taking turns."""
    executable = next(
        (path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None
    )
    taken: dict[str, list[Taken]] = {name: [] for name in contenders}
    with serving(_site(contenders)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(ROUNDS):
            for number, name in enumerate(contenders):
                page = browser.new_page()
                browser.start_tracing(page=page, categories=["devtools.timeline"])
                page.goto(f"{address}{number}")
                elapsed = page.evaluate(TOOK)
                taken[name].append(Taken(elapsed, _work(browser.stop_tracing(), page.url)))
                page.close()
        browser.close()
    return taken


def _site(contenders: dict[str, str]) -> Starlette:
    """By its number, a page with each script in it."""
    pages = [PAGE.format(script=script) for script in contenders.values()]

    async def show(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield BEGINNING
            await asyncio.sleep(REST_SECONDS)
            yield pages[request.path_params["number"]]

        return StreamingResponse(parts(), media_type="text/html")

    return Starlette(routes=[Route("/{number:int}", show)])


def _work(trace: bytes, address: str) -> float:
    """Of the scripts between the page's first and its last, which take the time."""
    events = [event for event in json.loads(trace)["traceEvents"] if event["name"] == "EvaluateScript"]
    own = [event for event in events if event.get("args", {}).get("data", {}).get("url") == address]
    return sum(float(event["tdur"]) for event in sorted(own, key=lambda event: event["ts"])[1:-1]) / 1000


def _figure(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} ms (best {min(times):.2f})"


def main() -> None:
    default, declared = scripts(ConsentConfig()), scripts(ConsentConfig(use=("google-analytics", "youtube", "hotjar")))
    rows = [
        ("guard.js, the whole catalogue, brotli", f"{default['guard'][1]} bytes", "budget 4096"),
        ("the same, three services declared", f"{declared['guard'][1]} bytes", ""),
        ("device.js, brotli", f"{default['device'][1]} bytes", ""),
    ]
    contenders = {"an empty script": "0", "one that touches its own element": "document.currentScript"}
    contenders |= {f"{name}.js": text for name, (text, _) in default.items()}
    contenders["both, as in a first page"] = default["guard"][0] + default["device"][0]
    took = milliseconds(contenders)
    for name, times in took.items():
        budget = "budget 2" if name == "guard.js" else ""
        rows.append((f"{name}, work", _figure([one.work for one in times]), budget))
        rows.append((f"{name}, on the clock", _figure([one.elapsed for one in times]), budget))
    table("The page guard", rows)


if __name__ == "__main__":
    main()
