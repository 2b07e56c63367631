"""Django's admin, unmodified, through Django's own ASGI handler: signing in with its form and its CSRF cookie."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.types import ASGIApp

from consent_mw import ConsentMiddleware
from e2e.apps.third_party import PASSWORD, USER, django_admin
from e2e.apps.visitor import SECRET, accept, errors, jar, looks, until, withdraw

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::ResourceWarning")]

Serve = Callable[[ASGIApp], str]

TWO_WEEKS = 14 * 24 * 3600
"""Django's ``SESSION_COOKIE_AGE``."""


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return django_admin(tmp_path_factory.mktemp("django"))


@pytest.fixture
def site(admin: Any, serve: Serve, tmp_path: Path) -> str:
    ledger = f"sqlite:///{tmp_path}/consent.sqlite3"  # Django runs no lifespan: it opens on the first decision
    return serve(ConsentMiddleware(admin, secret_key=SECRET, ledger=ledger))


def _signs_in(page: Page, site: str) -> None:
    page.goto(site + "/admin/")
    page.locator("#id_username").fill(USER)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#login-form [type=submit]").click()
    expect(page.locator("#user-tools")).to_contain_text(USER)


def _signs_out(page: Page) -> None:
    page.locator("#logout-form button").click()
    expect(page.locator("#logout-form")).to_have_count(0)


def test_the_sign_in_page_looks_the_same(admin: Any, site: str, serve: Serve, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(serve(admin) + "/admin/")
    bare = looks(page)
    page.goto(site + "/admin/")
    expect(page.locator("#consent-banner")).to_be_visible()
    until(page, lambda: looks(page) == bare, "the same picture")
    page.close()


def test_before_consent_a_sign_in_lasts_for_the_session_after_it_as_django_says(site: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        wrong = errors(page)
        _signs_in(page, site)
        assert jar(context)["sessionid"] == -1
        assert jar(context)["csrftoken"] > time.time() + TWO_WEEKS
        expect(page.locator("#consent-banner")).to_be_visible()

        accept(page)
        page.reload()
        expect(page.locator("#user-tools")).to_contain_text(USER)
        _signs_out(page)
        _signs_in(page, site)
        assert jar(context)["sessionid"] == pytest.approx(time.time() + TWO_WEEKS, abs=120)

        withdraw(page)
        assert "sessionid" not in jar(context)
        assert jar(context)["csrftoken"] > time.time()
        _signs_in(page, site)
        assert jar(context)["sessionid"] == -1
        assert wrong == []


def test_who_refuses_stays_signed_in(site: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        _signs_in(page, site)
        page.locator('#consent-banner [data-consent-action="reject_all"]').click()
        expect(page.locator("#consent-banner")).to_be_hidden()
        page.reload()
        expect(page.locator("#user-tools")).to_contain_text(USER)
        assert jar(context)["sessionid"] == -1


def test_forms_of_the_admin_work(site: str, browser: Browser) -> None:
    """Adding a group: a form with a CSRF token, a redirect, and a message that crosses it in a cookie or session."""
    with browser.new_context() as context:
        page = context.new_page()
        _signs_in(page, site)
        for group, decided in (("before", False), ("after", True)):
            if decided:
                accept(page)
            page.goto(site + "/admin/auth/group/add/")
            page.locator("#id_name").fill(group)
            page.locator("[name=_save]").click()
            expect(page.locator(".messagelist .success")).to_contain_text(group)
