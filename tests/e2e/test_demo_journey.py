"""The demo as its visitor meets it: ten trackers that hear nothing, then everything, then nothing again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from examples.demo import trackers
from examples.demo.events import EventLog
from examples.demo.site import create_site
from playwright.sync_api import Browser, BrowserContext, Geolocation, Page, expect
from starlette.types import ASGIApp

from e2e.apps.visitor import SECRET, accept, errors, jar, press, until, withdraw

pytestmark = pytest.mark.e2e

ARTICLE = "/story/ferry"
PAGES = ("/", ARTICLE, "/story/nets", "/nearby", "/sign-in", "/privacy")
ALL = {tracker.id for tracker in trackers.TRACKERS}
NEED_NO_JAVASCRIPT = {"pixel", "ads", "fonts", "video", "maps"}
NECESSARY = {"csrftoken", "session"}
BEAT_MS = 2_000
"""How often the beacon script tells home."""


@dataclass
class Demo:
    """The running demo.

    :ivar address: of the newspaper, without a path
    """

    address: str
    log: EventLog

    @property
    def contacted(self) -> set[str]:
        return {event["tracker"] for event in self.log.since(kind="contact")}

    @property
    def contacts(self) -> int:
        return len(self.log.since(kind="contact"))


@pytest.fixture
def demo(serve: Callable[[ASGIApp], str]) -> Demo:
    log = EventLog()
    port = int(serve(trackers.create_app(log)).rpartition(":")[2])
    return Demo(serve(create_site(tracker_port=port, secret=SECRET, log=log)), log)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A browser that runs no JavaScript."""
    with browser.new_context(java_script_enabled=False) as context:
        yield context.new_page()


def _browse(page: Page, demo: Demo) -> None:
    for path in PAGES:
        page.goto(demo.address + path)
    page.wait_for_timeout(BEAT_MS / 4)  # what a page starts after it was loaded


def _sign_in(page: Page, demo: Demo) -> None:
    page.goto(demo.address + "/sign-in")
    page.get_by_label("Name").fill("Mara")
    page.get_by_label("Password").fill("ferry")
    page.get_by_label("Keep me signed in").check()
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.locator("dl.sees")).to_contain_text("Mara")


def test_before_consent_nobody_is_contacted_whatever_page_is_read(page: Page, demo: Demo) -> None:
    wrong = errors(page)
    _sign_in(page, demo)
    _browse(page, demo)
    assert demo.contacts == 0
    assert jar(page.context).keys() == NECESSARY
    assert jar(page.context)["session"] == -1, "signed in, but not recognised after the browser was closed"
    assert wrong == []


def test_accepting_fills_the_log_without_a_reload(page: Page, demo: Demo) -> None:
    page.goto(demo.address + ARTICLE)
    page.evaluate("window.same = true")
    accept(page)
    until(page, lambda: demo.contacted == ALL, "a contact from each tracker")
    expect(page.locator("[data-gullwing]")).to_contain_text("1,204 readers")
    expect(page.frame_locator("iframe.video").locator("svg")).to_be_visible()
    assert page.evaluate("window.same === true"), "the same document"

    _sign_in(page, demo)
    _browse(page, demo)
    kept = jar(page.context).keys()
    assert {"hp_visitor", "hp_reads", "hp_bucket", "hp_campaign", "hp_remember", "_wc_id", "_tp_session"} <= kept
    assert "hp_legacy" not in kept, "nobody was told about it"


def test_withdrawing_ends_it_and_empties_the_jar(page: Page, demo: Demo) -> None:
    _sign_in(page, demo)
    page.goto(demo.address + ARTICLE)
    accept(page)
    until(page, lambda: demo.contacted == ALL, "a contact from each tracker")
    _browse(page, demo)
    withdraw(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(BEAT_MS / 4)  # what was under way has arrived
    before = demo.contacts
    page.wait_for_timeout(BEAT_MS * 1.5)
    assert demo.contacts == before, "a script that was running has stopped"
    _browse(page, demo)
    assert demo.contacts == before
    own = {cookie["name"] for cookie in page.context.cookies(demo.address)}
    assert own - NECESSARY == {"consent"}


def test_location_is_asked_for_where_it_is_used(browser: Browser, demo: Demo) -> None:
    here: Geolocation = {"latitude": 54.62, "longitude": -1.30}
    with browser.new_context(permissions=["geolocation"], geolocation=here) as context:
        page = context.new_page()
        page.goto(demo.address + "/nearby")
        press(page, "accept_all")
        page.get_by_role("button", name="Use my position").click()
        expect(page.locator("#outcome")).to_contain_text("You have not allowed us")
        expect(page.locator("#received")).to_have_text("nothing")

        page.goto(demo.address + "/consent/preferences?return_to=/nearby")
        page.locator('input[name="category"][value="geolocation"]').check()
        press(page, "save", "#consent-preferences")
        page.goto(demo.address + "/nearby")
        page.get_by_role("button", name="Use my position").click()
        expect(page.locator("#outcome")).to_contain_text("Skerry Point")
        expect(page.locator("#received")).to_contain_text("54.62")


def test_the_watch_page_shows_it_live(page: Page, demo: Demo) -> None:
    wrong = errors(page)
    with demo.log.listening_to("consent_mw.blocked"):
        page.goto(demo.address + "/watch")
        site = page.frame_locator("iframe")
        expect(page.locator("#total")).to_have_text("0")
        expect(page.locator("#cookies")).to_contain_text("hp_visitor")
        expect(page.locator("#said")).to_contain_text("service analytics")
        expect(page.locator("#choice")).to_contain_text("identification: denied")
        site.locator('#consent-banner [data-consent-action="accept_all"]').click()
        expect(page.locator("#choice")).to_contain_text("identification: granted")
        expect(page.locator('[data-tracker="beacons"]')).to_contain_text("POST /beat")
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_its_screen(
    browser: Browser, demo: Demo, width: int, scheme: Literal["light", "dark"]
) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        for path in (*PAGES, "/watch"):
            page.goto(demo.address + path)
            too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(too_wide), f"{path} scrolls sideways"


def test_without_javascript_accepting_and_withdrawing(plain_page: Page, demo: Demo) -> None:
    page = plain_page
    _browse(page, demo)
    assert demo.contacts == 0
    page.goto(demo.address + ARTICLE)
    press(page, "accept_all")
    expect(page).to_have_url(demo.address + ARTICLE)
    until(page, lambda: demo.contacted >= NEED_NO_JAVASCRIPT, "contacts that need no script")

    page.goto(demo.address + "/consent/preferences?return_to=" + ARTICLE)
    press(page, "withdraw", "#consent-preferences")
    expect(page).to_have_url(demo.address + ARTICLE)
    before = demo.contacts
    _browse(page, demo)
    assert demo.contacts == before
    own = {cookie["name"] for cookie in page.context.cookies(demo.address)}
    assert own - NECESSARY == {"consent"}


def test_without_javascript_rejecting(plain_page: Page, demo: Demo) -> None:
    plain_page.goto(demo.address + ARTICLE)
    press(plain_page, "reject_all")
    expect(plain_page).to_have_url(demo.address + ARTICLE)
    _browse(plain_page, demo)
    assert demo.contacts == 0
    assert jar(plain_page.context).keys() - NECESSARY == {"consent"}


def test_without_javascript_choosing_one_by_one(plain_page: Page, demo: Demo) -> None:
    page = plain_page
    page.goto(demo.address + ARTICLE)
    press(page, "open")
    page.locator('input[name="service"][value="video"]').check()
    page.locator('input[name="category"][value="identification"]').check()
    press(page, "save", "#consent-preferences")
    expect(page).to_have_url(demo.address + ARTICLE)
    until(page, lambda: demo.contacted == {"video"}, "the video, and only the video")
    _browse(page, demo)
    assert demo.contacted == {"video"}
    own = {cookie["name"] for cookie in page.context.cookies(demo.address)}
    assert {"hp_visitor"} <= own
    assert not {"hp_reads", "hp_campaign"} & own
