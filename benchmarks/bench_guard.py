"""The page guard: bytes on the wire, and milliseconds of script in Chromium, beside an empty script.

Every run is the first in a new process, with nothing compiled or touched before. So the first script of a page that
touches an element at all, whoever's, pays for what elements are made of: the second baseline.
"""

from __future__ import annotations

import shutil
import statistics
from functools import partial

from playwright.sync_api import Route, sync_playwright

from benchmarks.measure import table
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.web.guard import Guard

ROUNDS = 15
REST_MILLISECONDS = 500
"""Chromium goes on starting for a while when it has opened a page, on the cores that are measured."""
PAGE = """<!doctype html><html><head><script>performance.mark("start")</script>
<script data-granted="necessary">{script}</script>
<script>performance.measure("script", "start")</script></head><body></body></html>"""
SECOND = '</script><script data-granted="necessary">'
TOOK = "performance.getEntriesByName('script')[0].duration"


def scripts(config: ConsentConfig) -> dict[str, tuple[str, int]]:
    """Each script's text and its bytes in brotli."""
    assets = Guard(build_policy(config), "/consent", own_hosts=(), own_names=()).assets
    return {
        name.partition(".")[0]: (asset.body.decode(), len(asset.brotli or b""))
        for name, asset in assets.items()
        if name.endswith(".js")
    }


def milliseconds(contenders: dict[str, str]) -> dict[str, list[float]]:
    """Parsing, compiling and running each script once in a fresh page, taking turns."""
    executable = next(
        (path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None
    )
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(ROUNDS):
            for name, script in contenders.items():
                page = browser.new_page()
                page.wait_for_timeout(REST_MILLISECONDS)
                page.route("**/*", partial(_answer, PAGE.format(script=script)))
                page.goto("http://site.test/")
                taken[name].append(page.evaluate(TOOK))
                page.close()
        browser.close()
    return taken


def _answer(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/html")


def main() -> None:
    default, declared = scripts(ConsentConfig()), scripts(ConsentConfig(use=("google-analytics", "youtube", "hotjar")))
    rows = [
        ("guard.js, the whole catalogue, brotli", f"{default['guard'][1]} bytes", "budget 4096"),
        ("the same, three services declared", f"{declared['guard'][1]} bytes", ""),
        ("device.js, brotli", f"{default['device'][1]} bytes", ""),
    ]
    contenders = {"an empty script": "0", "one that touches its own element": "document.currentScript"}
    contenders |= {f"{name}.js": text for name, (text, _) in default.items()}
    contenders["both, as in a page"] = default["guard"][0] + SECOND + default["device"][0]
    took = milliseconds(contenders)
    for name, times in took.items():
        figure = f"{statistics.median(times):.2f} ms (best {min(times):.2f})"
        rows.append((f"{name}, run once", figure, "budget 2" if name == "guard.js" else ""))
    table("The page guard", rows)


if __name__ == "__main__":
    main()
