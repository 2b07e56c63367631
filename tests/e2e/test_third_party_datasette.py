"""Datasette, unmodified: its sign-in, its messages and its CSRF-protected forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.third_party import datasette_app, one_time_token
from e2e.apps.visitor import SECRET, accept, errors, jar, looks, until, withdraw, without_ours

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

Serve = Callable[[ASGIApp], str]


@pytest.fixture
def datasette(serve: Serve) -> tuple[Any, str]:
    instance, app = datasette_app()
    return instance, serve(ConsentMiddleware(app, secret_key=SECRET, ledger="memory://"))


def _signs_in(page: Page, instance: Any, site: str) -> None:
    page.goto(site + one_time_token(instance))
    expect(page.locator("header strong")).to_have_text("root")
    assert page.request.get(site + "/-/actor.json").json() == {"actor": {"id": "root"}}


def _leaves_a_message(page: Page, site: str) -> None:
    """A form of Datasette's own that its CSRF protection guards, answered by a cookie with the message."""
    page.goto(site + "/-/messages")
    page.locator("input[name=message]").fill("made fast")
    page.locator("form[action*=messages] input[type=submit]").click()
    expect(page.get_by_text("made fast")).to_be_visible()


def test_the_pages_are_the_same_but_for_what_stands_between_our_markers(
    datasette: tuple[Any, str], serve: Serve
) -> None:
    sites = (serve(datasette_app()[1]), datasette[1])
    bare, wrapped = (httpx.get(site, headers={"host": "data.example"}) for site in sites)
    assert without_ours(wrapped.text) == bare.text != wrapped.text


def test_the_pages_look_the_same(datasette: tuple[Any, str], serve: Serve, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(serve(datasette_app()[1]))
    bare = looks(page)
    page.goto(datasette[1])
    expect(page.locator("#consent-banner")).to_be_visible()
    until(page, lambda: looks(page) == bare, "the same picture")
    page.close()


def test_signing_in_works_before_consent_and_after(datasette: tuple[Any, str], browser: Browser) -> None:
    instance, site = datasette
    with browser.new_context() as context:
        page = context.new_page()
        wrong = errors(page)
        _signs_in(page, instance, site)
        assert jar(context)["ds_actor"] == -1
        _leaves_a_message(page, site)
        expect(page.locator("#consent-banner")).to_be_visible()

        accept(page)
        assert page.request.get(site + "/-/actor.json").json() == {"actor": {"id": "root"}}
        _leaves_a_message(page, site)
        page.goto(site + "/-/logout")
        page.locator("form[action*=logout] input[type=submit]").click()
        page.wait_for_url(site + "/")
        assert "ds_actor" not in jar(context)
        _signs_in(page, instance, site)

        withdraw(page)
        assert "ds_actor" not in jar(context)
        _signs_in(page, instance, site)
        assert wrong == []
