"""What a page's own scripts do before consent, in Chromium with a normal profile: judged by who was contacted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from playwright.sync_api import Route as Asked
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from consent_mw import ConsentConfig, ConsentMiddleware
from consent_mw.build import build_policy
from e2e.apps.bundle import bundle, hosts
from e2e.apps.stand_in import StandIn
from e2e.apps.visitor import SECRET, until

pytestmark = pytest.mark.e2e

Serve = Callable[[ASGIApp], str]

TRACKER, FRIEND = "hotjar.com", "friend.test"
HOSTS = [f"*.{TRACKER}", f"*.{FRIEND}"]


def site(script: str, markup: str = "") -> Starlette:
    """A page with one file of scripts of its own, the first thing in its head."""
    source = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><script src="/bundle.js"></script>
<link rel="icon" href="data:,"><title>Boats</title></head><body><h1>Boats</h1>{markup}</body></html>"""

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(source)

    async def file(request: Request) -> Response:
        return Response(script, media_type="text/javascript")

    return Starlette(routes=[Route("/", page), Route("/bundle.js", file)])


def settled(page: Page) -> None:
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)


@pytest.mark.parametrize("config", [{}, {"use": ["hotjar", "youtube"]}, {"use": ["youtube"]}])
def test_nothing_that_a_bundle_does_contacts_a_denied_host(
    serve: Serve, page: Page, world: StandIn, config: dict[str, object]
) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(serve(ConsentMiddleware(site(bundle(TRACKER)), config, secret_key=SECRET, ledger=None)))
    settled(page)
    assert [hosts(TRACKER).get(host, host) for host in world.contacts] == []
    assert world.connections == 0
    assert wrong == [], "the page's own scripts went on"
    refused = {"fetch refused", "XHR refused", "event source refused", "socket refused"}
    assert set(page.evaluate("ran")) == refused, "and were told, as without a network"


HELD = """hosts => hosts.filter(host => {
    const image = new Image();
    image.src = "http://" + host + "/p.gif";
    return image.hasAttribute("data-consent-src");
})"""


def unmistaken(serve: Serve, page: Page) -> str:
    """A domain none of whose ways looks like a tracker: requests that wait for the exact list are another test's."""
    page.route("**/exactly.*", lambda route: route.abort())
    page.goto(serve(ConsentMiddleware(site(""), secret_key=SECRET, ledger=None)))
    domain = next(name for n in range(200) if not page.evaluate(HELD, list(hosts(name := f"n{n}.{FRIEND}"))))
    page.unroute("**/exactly.*")
    return domain


def test_the_same_bundle_reaches_everybody_else(serve: Serve, page: Page, world: StandIn) -> None:
    """The negative control: without the guard, or at a host that nobody denies, each of these ways is a contact."""
    friend = unmistaken(serve, page)
    world.forget()
    page.goto(serve(ConsentMiddleware(site(bundle(friend)), secret_key=SECRET, ledger=None)))
    assert _missing(page, world, friend) == []
    world.forget()
    page.goto(serve(site(bundle(TRACKER))))
    assert _missing(page, world, TRACKER) == []


def _missing(page: Page, world: StandIn, domain: str) -> list[str]:
    """The ways that have led nowhere, after a while."""
    for _ in range(100):
        missing = [way for host, way in hosts(domain).items() if host not in world.contacts]
        if not missing:
            break
        page.wait_for_timeout(50)
    return missing


def test_every_host_of_the_catalogue_is_known_before_the_exact_list_is_there(serve: Serve, page: Page) -> None:
    tracked = [host for service in build_policy(ConsentConfig()).services.values() for host in service.hosts]
    page.route("**/exactly.*", lambda route: route.abort())
    page.goto(serve(ConsentMiddleware(site(""), secret_key=SECRET, ledger=None)))
    assert set(tracked) - set(page.evaluate(HELD, tracked)) == set()
    assert set(page.evaluate(HELD, [f"sub.{host}" for host in tracked[:100]])) == {f"sub.{h}" for h in tracked[:100]}


def test_a_stranger_who_looks_like_a_tracker_is_let_go_when_the_exact_list_is_there(
    serve: Serve, page: Page, world: StandIn
) -> None:
    policy = build_policy(ConsentConfig())
    site_address = serve(ConsentMiddleware(site(""), secret_key=SECRET, ledger=None))
    page.route("**/exactly.*", lambda route: route.abort())
    page.goto(site_address)
    strangers = [f"way-{number}.{FRIEND}" for number in range(2000)]
    mistaken = page.evaluate(HELD, strangers)
    assert 0 < len(mistaken) < 2000 * 0.05
    assert all(policy.host_index.find(host, "/p.gif") is None for host in mistaken)

    page.unroute("**/exactly.*")
    asked: list[Asked] = []
    page.route("**/exactly.*", lambda request: asked.append(request))
    page.goto(site_address)
    page.evaluate(
        """host => {
            const image = name => `<img alt="" src="http://${host}/${name}.gif">`;
            const add = (name, properties) => document.body.appendChild(
                Object.assign(document.createElement(name), properties));
            add("img", { src: `http://${host}/img.gif` });
            add("script", { src: `http://${host}/a.js` });
            new Image().src = `http://${host}/p.gif`;
            add("div").attachShadow({ mode: "closed" }).innerHTML = image("shadow");
            add("iframe", { srcdoc: image("frame") });
        }""",
        mistaken[0],
    )
    page.frame_locator("iframe").locator("img").wait_for(state="attached")
    until(page, lambda: bool(asked), "the exact list is asked for")
    for request in asked:
        request.continue_()
    answered = page.evaluate("host => fetch(`http://${host}/x`).then(answer => answer.ok)", mistaken[0])
    assert answered is True
    assert page.locator("[data-consent]").count() == 0
    wanted = {f"{mistaken[0]}/{name}" for name in ("img.gif", "a.js", "p.gif", "shadow.gif", "frame.gif", "x")}
    until(page, lambda: wanted.issubset(world.addresses), f"{sorted(wanted)}")
