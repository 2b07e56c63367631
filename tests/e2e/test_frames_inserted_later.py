"""Frames that a page's own script inserts: what stands in them until they may load, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from e2e.apps.stand_in import StandIn
from e2e.apps.visitor import accept, errors, until
from e2e.test_release import site

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

VIDEO, OTHER = "static.hotjar.com", "cdn.matomo.cloud"
HOSTS = [VIDEO, OTHER]
MAKE = f"""host => {{
    const frame = Object.assign(document.createElement("iframe"), {{ title: "Film", width: 400, height: 220 }});
    frame.src = "http://" + (host || "{VIDEO}") + "/f.html?a=1&b=2";
    document.body.append(frame);
}}"""


def opened(serve: Serve, page: Page, config: dict[str, Any] | None = None, body: str = "") -> str:
    address = serve(site(body, config=config)) + "/?page=1"
    page.goto(address)
    page.wait_for_function("window.consent")
    return address


def inside(page: Page, index: int = 0) -> FrameLocator:
    return page.locator("iframe").nth(index).content_frame


@pytest.mark.parametrize(
    "insert",
    [
        pytest.param(MAKE, id="made"),
        pytest.param(
            f"""() => document.body.insertAdjacentHTML("beforeend",
                '<IFRAME title="Film" width=400 height=220 src="http://{VIDEO}/f.html?a=1&amp;b=2"></IFRAME>')""",
            id="markup",
        ),
        pytest.param(
            f"""() => {{
                const frame = document.createElement("iframe");
                document.body.append(frame);
                for (const [name, value] of Object.entries({{ width: 400, height: 220, src: "//{VIDEO}/f.html" }}))
                    frame.setAttribute(name, value);
            }}""",
            id="addressed when it is there",
        ),
    ],
)
def test_a_frame_says_what_it_waits_for_at_its_own_size(serve: Serve, page: Page, world: StandIn, insert: str) -> None:
    wrong = errors(page)
    opened(serve, page)
    page.evaluate(insert)
    expect(inside(page).get_by_text("Hotjar").first).to_be_visible()
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) in {(400, 220), (404, 224)}, "with the border browsers draw"
    fits = "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
    until(page, lambda: page.frames[1].evaluate(fits), "the style that makes it fit")
    assert world.connections == 0
    assert wrong == []


def test_one_click_loads_this_one(serve: Serve, page: Page, world: StandIn) -> None:
    opened(serve, page)
    for _ in range(2):
        page.evaluate(MAKE)
    before = page.evaluate("history.length")
    inside(page).locator("[data-consent-action=load]").click()
    expect(inside(page).get_by_text("third party")).to_be_visible()
    expect(inside(page, 1).locator("[data-consent-action=load]")).to_be_visible()
    assert world.contacts == [VIDEO]
    assert page.evaluate("history.length") == before, "one step back is still one step back"


def test_another_always_allows_it_and_the_page_stays(serve: Serve, page: Page, world: StandIn) -> None:
    opened(serve, page)
    for _ in range(2):
        page.evaluate(MAKE)
    page.evaluate("window.stays = history.length")
    inside(page).locator("[data-consent-action=allow]").click()
    for index in range(2):
        expect(inside(page, index).get_by_text("third party")).to_be_visible()
    assert page.evaluate("consent.granted('hotjar')") is True
    assert page.evaluate("stays === history.length") is True, "and one step back is still one step back"
    assert page.evaluate("consent.state.categories.personalization_analytics") == "denied"


def test_without_the_banner_s_script_the_button_takes_the_page_along(serve: Serve, page: Page, world: StandIn) -> None:
    page.route("**/banner.*.js", lambda route: route.abort())
    address = serve(site("", script=f"addEventListener('load', () => ({MAKE})())")) + "/?page=1"
    page.goto(address)
    with page.expect_navigation(url=address):
        inside(page).locator("[data-consent-action=allow]").click()
    until(page, lambda: world.contacts == [VIDEO], "the frame, on a fresh page")


def test_it_speaks_the_language_of_the_page(serve: Serve, page: Page) -> None:
    opened(serve, page)
    page.evaluate("document.documentElement.lang = 'de'")
    page.evaluate(MAKE)
    expect(inside(page).get_by_text("Hotjar immer erlauben")).to_be_visible()


def test_nobody_can_allow_what_the_site_does_not_declare(serve: Serve, page: Page, world: StandIn) -> None:
    opened(serve, page)
    page.evaluate(MAKE, OTHER)
    expect(inside(page).get_by_text("Matomo").first).to_be_visible()
    assert inside(page).locator("button").count() == 0
    accept(page)
    page.wait_for_timeout(300)
    assert world.connections == 0


RENDERED = """
window.render = ({ host, key }) => {
    const root = document.querySelector("main");
    const old = root.querySelector("iframe");
    const frame = old && old.key === key ? old : document.createElement("iframe");
    const src = "http://" + host + "/f.html";
    if (frame.props !== src) frame.setAttribute("src", (frame.props = src));
    frame.key = key;
    if (!old) root.insertBefore(frame, root.lastChild);
    else if (old !== frame) root.replaceChild(frame, old);
};
window.unmount = () => { const root = document.querySelector("main"); root.removeChild(root.querySelector("iframe")) };
"""


def test_a_framework_renders_again_and_finds_its_own_elements(serve: Serve, page: Page, world: StandIn) -> None:
    """As React does: same element with other props, another element in its place, nothing."""
    address = serve(site("<main><p>before</p><p>after</p></main>", script=RENDERED))
    page.goto(address)
    page.wait_for_function("window.consent")
    children = "[...document.querySelector('main').children].map(child => child.localName).join(' ')"
    for props in (
        {"host": VIDEO, "key": 1},
        {"host": OTHER, "key": 1},
        {"host": VIDEO, "key": 1},
        {"host": VIDEO, "key": 2},
    ):
        page.evaluate("render", props)
        expect(inside(page).get_by_text("Hotjar" if props["host"] == VIDEO else "Matomo").first).to_be_visible()
        assert page.evaluate(children) == "p iframe p"
    own = address.removeprefix("http://")
    page.evaluate("render", {"host": own, "key": 2})
    expect(inside(page).locator("body")).not_to_contain_text("Hotjar")
    page.evaluate("render", {"host": VIDEO, "key": 2})
    accept(page)
    expect(inside(page).get_by_text("third party")).to_be_visible()
    page.evaluate("unmount()")
    assert page.evaluate(children) == "p p"
    assert set(world.contacts) == {VIDEO}


@pytest.mark.parametrize("isolated", [False, True])
def test_on_a_page_for_everybody_and_on_an_isolated_one(
    serve: Serve, page: Page, world: StandIn, isolated: bool
) -> None:
    headers = {"cross-origin-embedder-policy": "require-corp", "cross-origin-opener-policy": "same-origin"}
    app = site("", config={} if isolated else {"enforcement": {"html": "universal"}})

    async def isolating(scope: Scope, receive: Receive, send: Send) -> None:
        async def out(message: Message) -> None:
            if isolated and message["type"] == "http.response.start" and scope["path"] == "/":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in headers.items())]
            await send(message)

        await app(scope, receive, out)

    page.goto(serve(isolating) + "/")
    page.wait_for_function("window.consent")
    page.evaluate(MAKE)
    expect(inside(page).get_by_text("Hotjar").first).to_be_visible()
    assert page.evaluate("crossOriginIsolated") is isolated
    assert world.connections == 0
