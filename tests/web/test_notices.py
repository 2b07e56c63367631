"""That a notice of a change was shown can be proven: to whom, when, in which words. Over real SQLite."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from httpx import Cookies

from consent_mw.ledger.open import open_store
from consent_mw.ledger.reports import records, stats
from consent_mw.ledger.verify import verify
from web.worker import DAY, EFFECTIVE, FIRST, PUBLISHED, SECOND, Clock, Worker

pytestmark = pytest.mark.anyio


async def known(folder: Path, action: str = "accept_all") -> Cookies:
    """A visitor who chose under the first version."""
    jar, worker = Cookies(), Worker(FIRST, folder)
    await worker.asked(jar, "POST", "/consent/decision", json={"action": action})
    await worker.stops()
    return jar


async def shown(folder: Path, jar: Cookies, *workers: Worker) -> None:
    """Pages that tell of the change, and the records that follow them."""
    for worker in workers:
        assert 'id="consent-change"' in (await worker.reads(jar, "de")).text
        await worker.app.site.asides.settled()


def notices(folder: Path) -> list[dict[str, Any]]:
    with open_store(f"sqlite:///{folder}/consent.sqlite3") as store:
        return [record for record in records(store) if record["event"] == "notice_shown"]


async def test_it_is_recorded_once_for_each_known_visitor_over_workers_and_a_restart(
    clock: Clock, tmp_path: Path
) -> None:
    jar = await known(tmp_path)
    one, two = Worker(SECOND, tmp_path), Worker(SECOND, tmp_path)
    clock.now = PUBLISHED - 1
    await one.reads(jar)
    clock.now = PUBLISHED + DAY
    await shown(tmp_path, jar, one, two, one)
    await one.stops()
    clock.now = PUBLISHED + 2 * DAY
    await shown(tmp_path, jar, Worker(SECOND, tmp_path))
    (record,) = notices(tmp_path)
    policy = two.app.site.policy
    assert (record["policy"], record["fingerprint"]) == ("2", policy.fingerprint)
    assert (record["time"], record["language"], record["method"]) == ("2026-12-02T00:00:00Z", "de", "site")
    assert record["personal"]["page"] == "/"
    with open_store(f"sqlite:///{tmp_path}/consent.sqlite3") as store:
        words = dict(store.texts())[record["text"]].decode()
        assert verify(store).problems == [], "it is an entry like any other"
        figures = stats(records(store))
    assert "Filme werden eingebettet." in words
    assert "2026-12-15" in words
    assert (figures.records, figures.by_event["notice_shown"]) == (1, 1)


async def test_it_says_nothing_of_whoever_has_no_id(clock: Clock, tmp_path: Path) -> None:
    refused = await known(tmp_path, "reject_all")
    clock.now = PUBLISHED
    worker = Worker(SECOND, tmp_path)
    await shown(tmp_path, refused, worker)
    await shown(tmp_path, Cookies(), worker)
    assert notices(tmp_path) == []


async def test_a_receipt_is_still_that_of_the_decision_and_the_history_has_both(clock: Clock, tmp_path: Path) -> None:
    jar = await known(tmp_path)
    clock.now = PUBLISHED
    worker = Worker(SECOND, tmp_path)
    await shown(tmp_path, jar, worker)
    receipt = (await worker.asked(jar, "GET", "/consent/receipt?format=json")).json()
    assert receipt["events"][0]["event_state"] == "ConsentGiven"
    history = (await worker.asked(jar, "GET", "/consent/history")).json()
    assert [event["event"] for event in history["events"]] == ["given", "notice_shown"]


async def test_the_key_of_a_record_cannot_be_made_from_the_id_alone(clock: Clock, tmp_path: Path) -> None:
    jar = await known(tmp_path)
    clock.now = PUBLISHED
    worker, other = Worker(SECOND, tmp_path), Worker(SECOND, tmp_path, secret="f" * 32)
    await shown(tmp_path, jar, worker)
    (record,) = notices(tmp_path)
    subject = record["personal"]["subject"]
    assert record["key"] == worker.app.site.notices._record_key(subject)
    assert record["key"] != other.app.site.notices._record_key(subject)
    assert re.fullmatch(r"[0-9a-f]{32}", record["key"])


async def test_a_ledger_that_is_down_keeps_no_page_and_the_record_follows(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = await known(tmp_path)
    clock.now = PUBLISHED
    worker = Worker(SECOND, tmp_path)
    assert worker.app.site.recorder is not None
    ledger = worker.app.site.recorder._ledger

    async def down(record: Any) -> int:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "append", down)
        await shown(tmp_path, jar, worker)
    assert notices(tmp_path) == []
    await worker.stops()
    again = Worker(SECOND, tmp_path)
    assert again.app.site.recorder is not None
    await again.app.site.recorder.open()
    assert len(notices(tmp_path)) == 1


async def test_while_the_earlier_version_governs_the_notice_is_of_the_next_one(clock: Clock, tmp_path: Path) -> None:
    jar = await known(tmp_path)
    (tmp_path / "first.toml").write_text('policy = {version = "1"}')
    clock.now = PUBLISHED
    policy = {**SECOND["policy"], "previous": str(tmp_path / "first.toml")}
    worker = Worker({**SECOND, "policy": policy}, tmp_path)
    assert (await worker.state(jar))["policy"]["version"] == "1"
    before = worker.app._before
    assert before is not None
    await worker.reads(jar)
    await before.site.asides.settled()
    assert [record["policy"] for record in notices(tmp_path)] == ["2"]
    clock.now = EFFECTIVE
    await worker.reads(jar)
    assert len(notices(tmp_path)) == 1
