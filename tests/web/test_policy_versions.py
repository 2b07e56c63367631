"""A version of a policy means one thing: what a start says when the records know another."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from httpx import Cookies

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from web.worker import COUNTER, FIRST, VIEWER, Worker


def second_thoughts(tmp_path: Path, caplog: pytest.LogCaptureFixture, **config: Any) -> list[str]:
    """What a restart says after somebody chose, where the site asks for one thing more under the same version."""

    async def life() -> None:
        one = Worker(FIRST, tmp_path)
        await one.accepts(Cookies())
        await one.stops()
        caplog.clear()
        for _ in range(2):  # said at each start, not at each decision
            two = Worker({**FIRST, **config}, tmp_path)
            caplog.clear()
            for _ in range(2):
                await two.accepts(Cookies())
            await two.stops()

    asyncio.run(life())
    return [record.getMessage() for record in caplog.records if "means two things" in record.getMessage()]


def test_a_version_that_means_something_else_than_before_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (said,) = second_thoughts(tmp_path, caplog, services=[COUNTER, VIEWER])
    before, now = (build_policy(ConsentConfig(services=s)).fingerprint for s in ([COUNTER], [COUNTER, VIEWER]))
    assert "policy.version = '1'" in said
    assert f"{now} now, and {before} in records" in said
    assert "'site.test'" in said


@pytest.mark.parametrize(
    "config",
    [{}, {"policy": {"version": "2"}, "services": [COUNTER, VIEWER]}, {"origins": ["https://other.test"]}],
    ids=["the same meaning", "another version", "another site"],
)
def test_else_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, config: dict[str, Any]) -> None:
    if "origins" in config:
        config = {**config, "services": [COUNTER, VIEWER]}
    assert second_thoughts(tmp_path, caplog, **config) == []


def test_records_that_cannot_be_read_do_not_keep_a_site_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(_accepted(tmp_path))
    with closing(sqlite3.connect(tmp_path / "consent.sqlite3")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE record SET evidence = '{'")
    asyncio.run(_accepted(tmp_path))
    assert "the newest records cannot be read" in caplog.text


async def _accepted(folder: Path) -> None:
    worker = Worker(FIRST, folder)
    await worker.accepts(Cookies())
    await worker.stops()
