"""A policy's whole life by the clock: published, announced, in effect, asked again; over two workers and a restart."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from httpx import Cookies

from consent_mw.cli import main
from web.worker import DAY, EFFECTIVE, FIRST, PUBLISHED, SECOND, Clock, Worker


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_whole_life(clock: Clock, tmp_path: Path) -> None:
    jar = Cookies()
    old = Worker(FIRST, tmp_path)
    await old.accepts(jar)
    first_text = old.app.site.banner.text_hash("en")
    await old.stops()

    # Deployed before its publication: nothing is said, nothing changes.
    one, two = Worker(SECOND, tmp_path), Worker(SECOND, tmp_path)
    clock.now = PUBLISHED - 1
    for worker in (one, two):
        assert "<details" not in (await worker.reads(jar)).text

    # Published: told on every page, in the visitor's language; the earlier version governs, the new service waits.
    clock.now = PUBLISHED
    for worker in (one, two):
        answer = await worker.reads(jar, "de")
        assert '<details id="consent-change" open>' in answer.text
        assert "Filme werden eingebettet." in answer.text
        assert 'datetime="2026-12-15"' in answer.text
        assert ("count" in answer.cookies, "view" in answer.cookies) == (True, False)
        assert (await worker.state(jar))["stale"] == []
        assert (await worker.state(jar))["decided"] is True

    # In effect: browsing on was no agreement. Only what is affected is stale, and what is new is named.
    clock.now = EFFECTIVE
    for worker in (one, two):
        answer = await worker.reads(jar)
        assert "<details" not in answer.text
        assert "(Viewer)" in answer.text
        assert ("count" in answer.cookies, "view" in answer.cookies) == (False, False)
        state = await worker.state(jar)
        assert (state["stale"], state["decided"]) == (["personalization_analytics"], False)
        assert state["categories"]["identification"] == "granted"

    # A restart forgets nothing, and a new choice on one worker holds on the other.
    await one.stops()
    one = Worker(SECOND, tmp_path)
    assert (await one.state(jar))["stale"] == ["personalization_analytics"]
    await one.accepts(jar)
    answer = await two.reads(jar)
    assert ("count" in answer.cookies, "view" in answer.cookies) == (True, True)

    # The words that the visitor saw under either version can still be read.
    second_text = two.app.site.banner.text_hash("en")
    await one.stops()
    await two.stops()
    first, second = (shown(text, tmp_path) for text in (first_text, second_text))
    assert ("Counter" in first, "Viewer" in first) == (True, False)
    assert ("Counter" in second, "Viewer" in second) == (True, True)


def shown(text: str, folder: Path) -> str:
    """What ``consent-mw ledger text`` prints."""
    out = io.StringIO()
    assert main(["ledger", "text", "--ledger", f"sqlite:///{folder}/consent.sqlite3", text], out) == 0
    return out.getvalue()


@pytest.mark.anyio
async def test_a_visitor_who_never_chose_is_asked_and_told(clock: Clock, tmp_path: Path) -> None:
    worker, jar = Worker(SECOND, tmp_path), Cookies()
    clock.now = PUBLISHED + DAY
    text = (await worker.reads(jar)).text
    assert "Films are embedded." in text
    assert '<section id="consent-banner" aria-labelledby="consent-title">' in text
    await worker.stops()


@pytest.mark.anyio
async def test_one_page_for_everybody_tells_of_the_change_too(clock: Clock, tmp_path: Path) -> None:
    worker = Worker({**SECOND, "enforcement": {"html": "universal"}}, tmp_path)
    assert "Films are embedded." not in (await worker.reads(Cookies())).text
    clock.now = PUBLISHED
    assert "Films are embedded." in (await worker.reads(Cookies())).text
    await worker.stops()
