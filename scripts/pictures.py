"""``python -m scripts.pictures``: the pictures in the documentation, taken of the real thing in Chromium."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from examples.demo import trackers
from examples.demo.__main__ import by_port
from examples.demo.events import EventLog
from examples.demo.site import CONFIG, create_app
from playwright.sync_api import Browser, Page, sync_playwright

from consent_mw import ConsentConfig, ConsentMiddleware

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from e2e.apps import chromium

FOLDER = Path(__file__).parents[1] / "docs" / "images"
SECRET = "only-for-pictures-0123456789abcdef"
DESKTOP, MOBILE = (1280, 800), (360, 720)


@contextlib.contextmanager
def newspaper(position: str, language: str, *, modal: bool = False) -> Iterator[str]:
    """The demo site with another layout and language of the banner."""
    with socket.create_server(("127.0.0.1", 0)) as site, socket.create_server(("127.0.0.1", 0)) as third_parties:
        port, log = third_parties.getsockname()[1], EventLog()
        config = ConsentConfig.load(CONFIG).model_dump(exclude_unset=True, mode="json")
        config["banner"] |= {"position": position, "locales": [language], "modal": modal}
        paper = create_app(tracker_port=port, secret=SECRET, log=log)
        app = by_port(ConsentMiddleware(paper, config, secret_key=SECRET, ledger=None), trackers.create_app(log), port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [site, third_parties]}, daemon=True)
        thread.start()
        yield f"http://localhost:{site.getsockname()[1]}"
        server.should_exit = True
        thread.join(5)


@contextlib.contextmanager
def looking(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> Iterator[Page]:
    viewport = {"width": size[0], "height": size[1]}
    with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(address)
        yield page


def take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(200)
    page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright, playwright.chromium.launch(**chromium.options()) as browser:
        for position in ("bottom", "box", "center"):
            with newspaper(position, "en") as site:
                for scheme in ("light", "dark"):
                    for device, size in (("desktop", DESKTOP), ("mobile", MOBILE)):
                        with looking(browser, site, size, scheme) as page:
                            take(page, f"{position}-{device}-{scheme}")
        with newspaper("center", "en", modal=True) as site, looking(browser, site, DESKTOP, "light") as page:
            page.locator("#consent-banner:modal").wait_for()
            take(page, "modal")
        with newspaper("bottom", "ar") as site, looking(browser, site, DESKTOP, "light") as page:
            take(page, "bottom-desktop-arabic")
        with newspaper("bottom", "en") as site, looking(browser, site, DESKTOP, "light") as page:
            page.locator("#consent-banner [data-consent-action=open]").click()
            page.locator("#consent-preferences[open]").wait_for()
            take(page, "preferences")
            page.keyboard.press("Escape")
            page.goto(site + "/story/ferry")
            page.locator("#consent-banner [data-consent-action=reject_all]").click()
            page.locator("[data-consent-placeholder]").first.scroll_into_view_if_needed()
            take(page, "placeholder")


if __name__ == "__main__":
    main()
