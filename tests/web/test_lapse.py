"""That a consent ran out is recorded: once, over workers and a restart, and no page waits. Over real SQLite."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from httpx import Cookies

from consent_mw.ledger.open import open_store
from consent_mw.ledger.reports import records, stats
from consent_mw.ledger.verify import verify
from web.test_record_schema import validator
from web.worker import DAY, FIRST, SECRET, Clock, Worker

pytestmark = pytest.mark.anyio

SHORTER = {**FIRST, "cookie": {"max_age_days": 90}}


async def known(folder: Path, *actions: str) -> Cookies:
    """A visitor whose cookie was made to last half a year."""
    jar, worker = Cookies(), Worker(FIRST, folder)
    for action in actions:
        await worker.asked(jar, "POST", "/consent/decision", json={"action": action})
    await worker.stops()
    return jar


def expired(folder: Path) -> list[dict[str, Any]]:
    with open_store(f"sqlite:///{folder}/consent.sqlite3") as store:
        assert verify(store).problems == []
        return [record for record in records(store) if record["event"] == "expired"]


async def test_it_is_recorded_once_however_many_pages_and_workers_see_it(clock: Clock, tmp_path: Path) -> None:
    jar = await known(tmp_path, "accept_all")
    given = clock.now
    clock.now = given + 90 * DAY - 1
    one, two = Worker(SHORTER, tmp_path), Worker(SHORTER, tmp_path)
    assert (await one.state(jar))["categories"]["personalization_analytics"] == "granted"
    clock.now = given + 90 * DAY
    pages = await asyncio.gather(*(worker.reads(jar) for worker in (one, two, one, two)))
    assert all("count" not in page.cookies for page in pages)
    for worker in (one, two):
        await worker.app.site.asides.settled()
        await worker.stops()
    clock.now += DAY
    again = Worker(SHORTER, tmp_path)
    await again.state(jar)
    await again.app.site.asides.settled()
    rotated = Worker(SHORTER, tmp_path, [SECRET, "another secret of at least 32 bytes"])
    await rotated.state(jar)
    await rotated.app.site.asides.settled()
    (record,) = expired(tmp_path)
    validator("record").validate(record)
    assert (record["time"], record["method"], record["validity"]) == ("2027-02-19T00:00:00Z", "site", "P0D")
    assert record["categories"]["personalization_analytics"] == "denied"
    with open_store(f"sqlite:///{tmp_path}/consent.sqlite3") as store:
        first = next(iter(records(store)))
        assert stats(records(store)).records == 1, "that time went by is no choice of anybody"
    assert record["personal"]["subject"] == first["personal"]["subject"]
    assert record["site"] == first["site"] == "site.test"


async def test_each_consent_of_a_visitor_runs_out_once(clock: Clock, tmp_path: Path) -> None:
    jar = await known(tmp_path, "accept_all")
    worker = Worker(SHORTER, tmp_path)
    for _ in range(2):
        clock.now += 90 * DAY
        await worker.reads(jar)
        await worker.app.site.asides.settled()
        await worker.accepts(jar)
    first, second = expired(tmp_path)
    assert first["personal"]["subject"] != second["personal"]["subject"]


@pytest.mark.parametrize("actions", [("reject_all",), ("accept_all", "reject_all")])
async def test_a_refusal_is_no_consent_that_could_run_out(clock: Clock, tmp_path: Path, actions: tuple[str]) -> None:
    jar = await known(tmp_path, *actions)
    clock.now += 92 * DAY
    worker = Worker(SHORTER, tmp_path)
    await worker.reads(jar)
    await worker.app.site.asides.settled()
    assert expired(tmp_path) == []


async def test_a_consent_in_date_leaves_no_trace(clock: Clock, tmp_path: Path) -> None:
    jar = await known(tmp_path, "accept_all")
    clock.now += 89 * DAY
    worker = Worker(SHORTER, tmp_path)
    await worker.reads(jar)
    assert worker.app.site.asides._tasks == set()
