"""Posts of social networks and forms of others, which a script shows: what stands there until it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.types import ASGIApp

from e2e.apps import chromium
from e2e.apps.stand_in import StandIn, stand_in
from e2e.apps.visitor import accept, until
from e2e.test_release import site

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

POSTER, FORMS = "widgets.posts.test", "embed.forms.test"


@pytest.fixture(scope="module")
def world() -> Iterator[StandIn]:
    with stand_in() as server:
        yield server


@pytest.fixture(scope="module")
def browser(world: StandIn) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options(world.resolver_rules([POSTER, FORMS])))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, world: StandIn) -> Iterator[Page]:
    world.forget()
    with browser.new_context() as context:
        yield context.new_page()


POSTS = {
    "use": ["youtube"],
    "services": [
        {"id": "posts", "name": "Posts", "purposes": ["social"], "hosts": [POSTER], "embeds": ["blockquote.post"]},
        {"id": "forms", "name": "Forms", "purposes": ["media"], "hosts": [FORMS], "embeds": ["script"]},
    ],
}
QUOTE = "<blockquote class=post><p>The tide came in.</p></blockquote>"
WIDGETS = f'<script async src="http://{POSTER}/widgets.js"></script>'
# What the widget's script would do as soon as it runs
FETCHES = f"""<script>setInterval(() => {{ if (window.ran && !window.fetched)
  (window.fetched = new Image()).src = "http://{POSTER}/frame.gif"; }}, 10)</script>"""


def test_posts_stay_readable_and_one_click_lets_their_script_show_them(
    serve: Serve, page: Page, world: StandIn
) -> None:
    page.goto(serve(site(FETCHES + QUOTE + QUOTE + WIDGETS, config=POSTS)))
    box = page.locator("[data-consent-placeholder=posts]")
    expect(box).to_have_count(2)
    expect(box.first).to_contain_text("Posts")
    expect(page.locator("blockquote").first).to_be_visible()
    box.first.locator("[data-consent-action=load]").click()
    expect(box).to_have_count(0)
    until(page, lambda: world.contacts == [POSTER, POSTER], "the script, and what it fetches")
    assert page.evaluate("consent.state.decided") is False, "nothing was stored"


def test_after_acceptance_posts_have_no_box(serve: Serve, page: Page, world: StandIn) -> None:
    page.goto(serve(site(QUOTE + WIDGETS, config=POSTS)))
    accept(page)
    expect(page.locator("[data-consent-placeholder]")).to_have_count(0)
    until(page, lambda: world.contacts == [POSTER], "the script")


def test_a_form_s_script_has_its_box_where_it_stands(serve: Serve, page: Page, world: StandIn) -> None:
    form = f'<div data-form="7"></div><script src="http://{FORMS}/embed.js"></script>'
    page.goto(serve(site(f"{form}<p>after</p>", config=POSTS)))
    expect(page.locator("div[data-form] + [data-consent-placeholder=forms]")).to_be_visible()
    page.locator("[data-consent-placeholder=forms] [data-consent-action=load]").click()
    until(page, lambda: world.contacts == [FORMS], "the form's script")
    expect(page.locator("[data-consent-placeholder]")).to_have_count(0)


def test_without_javascript_a_post_can_be_allowed_for_good(serve: Serve, browser: Browser, world: StandIn) -> None:
    address = serve(site(QUOTE + WIDGETS, config=POSTS))
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        box = page.locator("[data-consent-placeholder=posts]")
        expect(box.locator("[data-consent-action=load]")).to_be_hidden()
        box.locator("[data-consent-action=allow]").click()
        expect(box).to_have_count(0)
        expect(page.locator("blockquote")).to_be_visible()
        expect(page.locator("script[src*=widgets]")).to_have_count(1)


def test_where_nothing_is_declared_it_can_only_be_allowed_for_good(serve: Serve, page: Page) -> None:
    """The page guard knows the service by its category then, and one click is not to open that."""
    page.goto(serve(site('<blockquote class="twitter-tweet">Boats!</blockquote>', config={"use": []})))
    box = page.locator("[data-consent-placeholder=x-embed]")
    expect(box.locator("[data-consent-action=allow]")).to_be_visible()
    expect(box.locator("[data-consent-action=load]")).to_have_count(0)
