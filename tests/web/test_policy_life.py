"""A policy's whole life by the clock: published, announced, in effect, asked again; over two workers and a restart."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from httpx import Cookies

from consent_mw import ConfigError, ConsentConfig
from consent_mw.cli import main
from consent_mw.ledger.open import open_store
from consent_mw.ledger.reports import records
from web.worker import COUNTER, DAY, EFFECTIVE, FIRST, PUBLISHED, SECOND, VIEWER, Clock, Worker


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


def succeeding(folder: Path, **policy: str) -> dict[str, Any]:
    """The second version, which names the first one's file."""
    earlier = folder / "first.toml"
    earlier.write_text(
        """
        policy = {version = "1"}
        [[services]]
        id = "counter"
        name = "Counter"
        purposes = ["analytics"]
        cookies = [{name = "count", days = 30}]
        """
    )
    return {**SECOND, "policy": {**SECOND["policy"], "previous": str(earlier), **policy}}


@pytest.mark.anyio
async def test_until_the_change_takes_effect_the_earlier_version_is_asked_and_recorded(
    clock: Clock, tmp_path: Path
) -> None:
    config = succeeding(tmp_path)
    one, two = Worker(config, tmp_path), Worker(config, tmp_path)
    early, undecided, ancient = Cookies(), Cookies(), Cookies()
    zeroth = Worker({**FIRST, "policy": {"version": "0"}, "services": [VIEWER]}, tmp_path)
    await zeroth.accepts(ancient)
    await zeroth.stops()

    # During the notice a newcomer is told of the change, and asked for what governs today.
    clock.now = PUBLISHED + DAY
    for worker in (one, two):
        answer = await worker.reads(undecided)
        assert "Films are embedded." in answer.text
        assert (await worker.state(undecided))["policy"]["version"] == "1"
        assert "viewer" not in (await worker.state(undecided))["services"]
        open_page = re.findall(r'"(/consent/assets/[^"]+)"', answer.text)
    await one.accepts(early)
    assert (await one.state(ancient))["stale"] == ["personalization_analytics"], "the earlier version is in effect"
    for worker in (one, two):
        answer = await worker.reads(early)
        assert ("count" in answer.cookies, "view" in answer.cookies) == (True, False)
        assert (await worker.state(early))["decided"] is True

    # A restart in the middle changes nothing.
    await one.stops()
    one = Worker(config, tmp_path)
    assert (await one.state(early))["decided"] is True
    assert (await one.state(undecided))["policy"]["version"] == "1"

    # In effect, without a restart: whoever never chose is asked for the new version, and the early choice is stale.
    clock.now = EFFECTIVE
    for worker in (one, two):
        text = (await worker.reads(undecided)).text
        assert "<details" not in text
        state = await worker.state(undecided)
        assert (state["policy"]["version"], state["services"]["viewer"]) == ("2", "denied")
        assert (await worker.state(early))["stale"] == ["personalization_analytics"]
        assert {(await worker.asked(early, "GET", asset)).status_code for asset in open_page} == {200}
    await two.accepts(undecided)
    answer = await one.reads(undecided)
    assert ("count" in answer.cookies, "view" in answer.cookies) == (True, True)
    await one.stops()
    await two.stops()
    assert recorded(tmp_path) == [("0", True), ("1", False), ("2", True)]


@pytest.mark.anyio
async def test_a_page_that_asked_for_the_earlier_version_cannot_grant_the_new_one(clock: Clock, tmp_path: Path) -> None:
    worker, jar = Worker(succeeding(tmp_path), tmp_path), Cookies()
    clock.now = EFFECTIVE - 1
    text = (await worker.reads(jar)).text
    (shown,) = set(re.findall(r'name="policy" value="([^"]+)"', text))
    assert shown == (await worker.state(jar))["policy"]["fingerprint"]

    clock.now = EFFECTIVE
    late = await worker.asked(jar, "POST", "/consent/decision", json={"action": "accept_all", "policy": shown})
    assert (late.status_code, "load it again" in late.json()["detail"]) == (409, True)
    form = {"action": "accept_all", "policy": shown, "return_to": "/"}
    late = await worker.asked(jar, "POST", "/consent/decision", data=form)
    assert (late.status_code, late.headers["content-type"]) == (409, "text/html; charset=utf-8")
    assert (await worker.state(jar))["decided"] is False

    # What switches nothing on is honoured, whatever the page was.
    refused = await worker.asked(jar, "POST", "/consent/decision", json={"action": "reject_all", "policy": shown})
    assert refused.status_code == 200
    (now,) = set(re.findall(r'name="policy" value="([^"]+)"', (await worker.reads(jar)).text))
    accepted = await worker.asked(jar, "POST", "/consent/decision", data={**form, "policy": now})
    assert accepted.status_code == 303
    assert (await worker.state(jar))["services"]["viewer"] == "granted"
    await worker.stops()


def recorded(folder: Path) -> list[tuple[str, bool]]:
    """Of each decision the version, and whether the words that were shown name the second service."""
    with open_store(f"sqlite:///{folder}/consent.sqlite3") as store:
        texts = {hash: body.decode() for hash, body in store.texts()}
        decided = [record for record in records(store) if record["event"] != "notice_shown"]
        return [(record["policy"], "Viewer" in texts[record["text"]]) for record in decided]


@pytest.mark.anyio
async def test_one_page_for_everybody_tells_of_the_change_too(clock: Clock, tmp_path: Path) -> None:
    worker = Worker({**SECOND, "enforcement": {"html": "universal"}}, tmp_path)
    assert "Films are embedded." not in (await worker.reads(Cookies())).text
    clock.now = PUBLISHED
    assert "Films are embedded." in (await worker.reads(Cookies())).text
    await worker.stops()


@pytest.mark.anyio
async def test_a_file_without_the_earlier_version_says_what_happens_until_then(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Worker(SECOND, tmp_path)
    assert "asked for version '2' already; policy.previous = " in caplog.text
    caplog.clear()
    clock.now = EFFECTIVE
    Worker(SECOND, tmp_path)
    Worker(succeeding(tmp_path), tmp_path)
    assert "policy.previous" not in caplog.text


def test_versions_that_overlap_do_not_start(clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="would mean two things"):
        Worker(succeeding(tmp_path, version="1"), tmp_path)
    with pytest.raises(ConfigError, match="not a readable TOML file"):
        Worker(succeeding(tmp_path, previous=str(tmp_path / "nothing.toml")), tmp_path)
    with pytest.raises(ConfigError, match="previous is what is asked for until effective_at"):
        Worker({"policy": {"version": "2", "previous": str(tmp_path / "first.toml")}}, tmp_path)


def test_the_earlier_file_is_looked_for_beside_the_newer_one(tmp_path: Path) -> None:
    (tmp_path / "second.toml").write_text(
        'policy = {version = "2", effective_at = 2026-12-15, previous = "first.toml"}'
    )
    assert ConsentConfig.load(tmp_path / "second.toml").policy.previous == str(tmp_path / "first.toml")


@pytest.mark.anyio
async def test_a_cookie_that_only_the_new_app_sets_is_not_lost_to_the_earlier_version(
    clock: Clock, tmp_path: Path
) -> None:
    cookies = [{"name": "view", "category": "necessary", "note": "which film was on"}]
    clock.now = PUBLISHED
    worker = Worker({**succeeding(tmp_path), "services": [COUNTER], "cookies": cookies}, tmp_path)
    answer = await worker.reads(Cookies())
    assert ("count" in answer.cookies, "view" in answer.cookies) == (False, True)
    await worker.stops()
