"""The corpus judged by Chromium: nobody is contacted before consent, in a normal profile and in an incognito one.

Preconnect, prefetch and the like work in a normal profile only, so a test without one would pass in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserType, sync_playwright
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from corpus.forms import CONFIG, Form, live, site
from e2e.apps.contacts import PROFILES, contacted, logged
from e2e.apps.stand_in import stand_in

pytestmark = pytest.mark.e2e

SECRET = "a secret of at least thirty-two bytes"
SETTLED_MILLISECONDS = 2000
# Forms by which this Chromium contacts nobody, or says nothing of it in its log, even where nothing is held back:
# addresses with a password, look-ups that a mapped name makes needless, what only https or another browser does.
SILENT = {
    "markup: img, name and password",
    "markup: img, the other host as a name",
    "markup: svg, filter attribute",
    "markup: svg, use",
    "markup: link, dns-prefetch",
    "script: speculation rules",
    "noscript: its own style",
    "headers: Link, dns-prefetch",
    "headers: Speculation-Rules",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserType]:
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture
def visited(
    chromium: BrowserType, serve: Callable[[ASGIApp], str], tmp_path: Path
) -> Callable[[ASGIApp, str, bool], set[int]]:
    """Opens the page that holds every form, and says which of them contacted their third party."""

    def visit(app: ASGIApp, profile: str, scripts: bool) -> set[int]:
        with stand_in() as third_parties:
            port = third_parties.server_port
            with logged(chromium, profile, tmp_path, port, java_script_enabled=scripts) as context:
                page = context.new_page()
                page.goto(serve(app), wait_until="load", timeout=90_000)
                page.wait_for_timeout(SETTLED_MILLISECONDS)
            return contacted(tmp_path)

    return visit


def named(forms: list[Form], numbers: set[int]) -> set[str]:
    return {str(form) for form in forms if form.number in numbers}


def gated(forms: list[Form]) -> ASGIApp:
    config = {**CONFIG, "banner": {"enabled": False}}
    return ConsentMiddleware(site(forms), config, secret_key=SECRET, ledger=None)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_before_consent_no_form_contacts_anybody(
    visited: Callable[[ASGIApp, str, bool], set[int]], profile: str, scripts: bool
) -> None:
    forms = live()
    assert named(forms, visited(gated(forms), profile, scripts)) == set()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_without_the_middleware_the_same_forms_do(
    visited: Callable[[ASGIApp, str, bool], set[int]], scripts: bool
) -> None:
    forms = [form for form in live() if scripts != form.needs_no_scripts]
    expected = {str(form) for form in forms} - SILENT
    assert expected - named(forms, visited(site(forms), "normal", scripts)) == set()
