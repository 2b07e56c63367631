"""What a decision leaves in the ledger, and what happens when the ledger cannot take it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from consent_mw import ConfigError, ConsentMiddleware
from consent_mw.ledger.reports import records
from consent_mw.ledger.verify import verify
from web.journal import Journal, Visitor, decide

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


def only(site: Journal) -> dict[str, Any]:
    (record,) = site.read(lambda store: list(records(store)))
    return record


def events(site: Journal) -> list[str]:
    return [record["event"] for record in site.read(lambda store: list(records(store)))]


def last(site: Journal) -> dict[str, Any]:
    return site.read(lambda store: list(records(store)))[-1]


def test_a_record_says_who_when_what_was_chosen_and_how(tmp_path: Path) -> None:
    site = Journal(tmp_path, {"use": ["google-analytics"], "policy": {"version": "2026-11"}})
    visitor = site.visitor(**{"user-agent": PHONE, "accept-language": "de", "sec-gpc": "1"})
    headers = {"referer": "https://shop.example/basket?card=4111"}
    answer = {"action": "save", "categories": {"geolocation": True}, "services": {"google-analytics": True}}
    assert visitor.post("/consent/decision", json=answer, headers=headers).status_code == 200
    record = only(site)
    assert {name: record[name] for name in ("event", "method", "layer", "language", "policy", "regime", "site")} == {
        "event": "given",
        "method": "toggle",
        "layer": 2,
        "language": "de",
        "policy": "2026-11",
        "regime": "opt-in",
        "site": "shop.example",
    }
    assert record["categories"]["geolocation"] == "granted"
    assert record["services"] == {"google-analytics": "granted"}
    assert (record["signals"], record["validity"]) == (["gpc"], "P184D")
    assert (record["personal"]["device"], record["personal"]["page"]) == ("phone", "/basket")
    assert int(record["key"][:12], 16) // 1000 == datetime.fromisoformat(record["time"]).timestamp()


SAYINGS: list[tuple[dict[str, str], dict[str, Any]]] = [
    (headers, answer)
    for headers in (
        {"accept-language": "en"},
        {"accept-language": "de"},
        {"accept-language": "en", "sec-gpc": "1"},
        {"accept-language": "en", "host": "other.example", "origin": "https://other.example"},
        {"accept-language": "en", "referer": "https://shop.example/consent/preferences"},
    )
    for answer in (
        {"action": "accept_all"},
        {"action": "reject_all"},
        {"action": "save", "categories": {"geolocation": True}},
        {"action": "save", "categories": {"geolocation": True}, "services": {"google-analytics": True}},
        {"action": "save", "categories": {"geolocation": True}, "services": {"google-analytics": False}},
    )
]


def test_what_others_said_before_never_gets_into_a_record(tmp_path: Path) -> None:
    """What many say is remembered; each record is what it would be, had its visitor been the first to say anything."""
    config = {"use": ["google-analytics"]}
    busy = Journal(tmp_path, config)
    for headers, answer in [*SAYINGS, *SAYINGS]:
        assert busy.visitor(**headers).post("/consent/decision", json=answer).status_code == 200
    own = {"index", "key", "time", "personal"}
    said = [{name: r[name] for name in r.keys() - own} for r in busy.read(lambda store: list(records(store)))]
    assert said[: len(SAYINGS)] == said[len(SAYINGS) :]
    # a service's "no" that only repeats its category's is none, and who saves has seen layer 2 on any page
    assert len({json.dumps(one, sort_keys=True) for one in said}) == len(SAYINGS) - 5 - 2
    for number, (headers, answer) in enumerate(SAYINGS):
        (tmp_path / str(number)).mkdir()
        fresh = Journal(tmp_path / str(number), config)
        assert fresh.visitor(**headers).post("/consent/decision", json=answer).status_code == 200
        assert {name: only(fresh)[name] for name in only(fresh).keys() - own} == said[number]


def test_who_says_the_same_by_other_means_or_after_something_else_is_recorded_so(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    decide(site.visitor())
    site.visitor().post("/consent/decision", data={"action": "accept_all", "return_to": "/"})
    undecided = site.visitor()
    decide(undecided, "reject_all")
    decide(undecided)
    said = [(one["event"], one["method"]) for one in site.read(lambda store: list(records(store)))]
    assert said == [("given", "button"), ("given", "form_nojs"), ("refused", "button"), ("changed", "button")]


def test_the_exact_words_shown_are_kept_under_the_hash_in_the_record(tmp_path: Path) -> None:
    site = Journal(tmp_path, {"controller": {"name": "Shop Ltd"}})
    decide(site.visitor(**{"accept-language": "fr"}))
    record, texts = only(site), site.read(lambda store: dict(store.texts()))
    body = texts[record["text"]]
    assert record["text"] == "sha256-" + hashlib.sha256(body).hexdigest()
    words = json.loads(body)
    assert (words["accept_all"], words["who"]) == ("Tout accepter", "Shop Ltd")
    assert words["category:geolocation"].startswith("Localisation")


def test_events_and_methods_follow_what_the_visitor_did(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    decide(visitor, "reject_all")
    decide(visitor)
    decide(visitor, "save", categories={"geolocation": True})
    decide(visitor, "save")
    decide(visitor, "accept_all")
    visitor.post("/consent/withdraw", data={"return_to": "/consent/preferences"})
    said = [(one["event"], one["method"], one["layer"]) for one in site.read(lambda store: list(records(store)))]
    assert said == [
        ("refused", "button", 1),
        ("changed", "button", 1),
        ("changed", "toggle", 2),
        ("withdrawn", "toggle", 2),
        ("changed", "button", 1),
        ("withdrawn", "form_nojs", 2),
    ]


def test_nothing_that_a_browser_sends_along_is_recorded(tmp_path: Path) -> None:
    """No address, no user agent, no query, no header: 24 marks in a request, none of them in any file or answer."""
    site = Journal(tmp_path)
    marks = [secrets.token_hex(8) for _ in range(24)]
    names = ["user-agent", "x-forwarded-for", "forwarded", "client-ip", "from", "authorization", "x-a", "via"]
    sent = dict(zip(names, marks[:8], strict=True)) | {"accept-language": f"en,{marks[8]}"}
    sent |= {"referer": f"https://{marks[9]}:{marks[10]}@shop.example/page?{marks[11]}={marks[12]}#{marks[13]}"}
    visitor = site.visitor(**sent, cookie=f"{marks[14]}={marks[15]}")
    body = {"action": "accept_all", "language": marks[16][:8]}
    assert visitor.post(f"/consent/decision?{marks[17]}={marks[18]}", json=body).status_code == 200
    answers = visitor.get("/consent/receipt").text + visitor.get("/consent/history").text
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert [mark for mark in marks if mark in answers or any(mark.encode() in file for file in files)] == []


def test_a_refusal_records_no_id(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    decide(site.visitor(), "reject_all")
    assert only(site)["personal"]["subject"] == ""


# When the ledger fails


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent_mw.ledger.sqlite.BUSY_SECONDS", 0.3)
    monkeypatch.setattr("consent_mw.ledger.recorder.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("consent_mw.ledger.recorder.PROBE_SECONDS", 0.0)


def lock(site: Journal) -> sqlite3.Connection:
    """Somebody else holds the write lock: a back-up, a stuck process."""
    db = sqlite3.connect(site.path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


@pytest.mark.usefixtures("impatient")
def test_an_acceptance_that_cannot_be_stored_is_503_and_switches_nothing_on(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    decide(site.visitor())
    visitor = site.visitor()
    with closing(lock(site)):
        response = visitor.post("/consent/decision", json={"action": "accept_all"})
        assert (response.status_code, response.headers["retry-after"]) == (503, "30")
        assert "set-cookie" not in response.headers
        assert visitor.get("/consent/state").json()["decided"] is False
    decide(visitor)
    assert events(site) == ["given", "given"]


@pytest.mark.usefixtures("impatient")
def test_refusals_and_withdrawals_are_honoured_spooled_and_replayed_in_order(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    decide(visitor)
    spool = site.path.with_name("ledger.sqlite3.spool")
    with closing(lock(site)):
        assert visitor.post("/consent/withdraw").json()["categories"]["personalization_analytics"] == "denied"
        for _ in range(3):
            decide(site.visitor(), "reject_all")
        assert len(list(spool.glob("*.json"))) == 4
        assert {file.stat().st_mode & 0o777 for file in spool.iterdir()} == {0o600}
        assert visitor.post("/consent/decision", json={"action": "accept_all"}).status_code == 503
    decide(visitor)
    assert events(site) == ["given", "withdrawn", "refused", "refused", "refused", "changed"]
    assert list(spool.iterdir()) == []
    assert site.read(verify).problems == []


@pytest.mark.usefixtures("impatient")
def test_what_was_spooled_before_a_crash_is_replayed_at_the_next_start(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    decide(visitor)
    with closing(lock(site)):
        visitor.post("/consent/withdraw")
    again = Journal(tmp_path)
    asyncio.run(start_and_stop(again))
    assert events(again) == ["given", "withdrawn"]


def test_without_even_a_disk_for_the_spool_a_refusal_is_honoured_and_kept(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing"
    site = Journal(nowhere, {"ledger": {"spool": "/dev/null/spool"}})
    visitor = site.visitor()
    assert decide(visitor, "reject_all")["decided"] is True
    assert visitor.get("/consent/health").json() == {"status": "failing", "waiting": 1}
    nowhere.mkdir()
    decide(visitor)
    assert events(site) == ["refused", "changed"]


def test_a_damaged_file_in_the_spool_is_set_aside_and_holds_nothing_up(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "0.json").write_text("{}")
    site = Journal(tmp_path, {"ledger": {"spool": str(spool)}})
    decide(site.visitor())
    assert events(site) == ["given"]
    assert [file.name for file in spool.iterdir()] == ["0.damaged"]


@pytest.mark.usefixtures("impatient")
def test_health_is_red_while_no_consent_could_be_recorded(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    decide(visitor)
    assert (visitor.get("/consent/health").status_code, visitor.get("/consent/health").json()["waiting"]) == (200, 0)
    with closing(lock(site)):
        visitor.post("/consent/withdraw")
        response = visitor.get("/consent/health")
        assert (response.status_code, response.json()) == (503, {"status": "failing", "waiting": 1})
        assert visitor.get("/page").text == "a page"
    assert visitor.get("/consent/health").json() == {"status": "ok", "waiting": 0}
    assert events(site) == ["given", "withdrawn"]


# One visitor who says it again and again


def replaying(visitor: Visitor, count: int, path: str, body: dict[str, Any]) -> list[int]:
    """The same request with the same cookie, as a script would send it."""
    jar, answers = visitor.cookies, []
    for _ in range(count):
        visitor.cookies = httpx.Cookies(jar)
        answers.append(visitor.post(path, json=body).status_code)
    return answers


@pytest.fixture
def long_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine: a minute that does not end."""
    monkeypatch.setattr("consent_mw.web.flood.REPEAT_SECONDS", 1e6)
    monkeypatch.setattr("consent_mw.web.flood.WINDOW_SECONDS", 1e6)


@pytest.mark.usefixtures("long_memory")
def test_the_same_thing_said_again_is_recorded_once(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    decide(visitor)
    body = {"action": "save", "categories": {"geolocation": True}}
    assert set(replaying(visitor, 30, "/consent/decision", body)) == {200}
    assert set(replaying(visitor, 30, "/consent/withdraw", {})) == {200}
    assert events(site) == ["given", "changed", "withdrawn"]


def test_a_refusal_said_again_on_the_same_day_is_recorded_once(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    for _ in range(5):
        decide(visitor, "reject_all")
    assert events(site) == ["refused"]


@pytest.mark.usefixtures("long_memory")
def test_a_flood_of_changes_is_limited_and_a_withdrawal_never_is(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    visitor = site.visitor()
    decide(visitor)
    answers = []
    for _ in range(30):
        visitor.post("/consent/withdraw")
        answers.append(visitor.post("/consent/decision", json={"action": "accept_all"}).status_code)
    assert answers == [200] * 20 + [429] * 10
    assert visitor.get("/consent/state").json()["categories"]["personalization_analytics"] == "denied"
    decide(site.visitor())


# Start and end


async def start_and_stop(site: Journal) -> list[dict[str, Any]]:
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: Any) -> None:
        sent.append(message)

    await site.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return sent


def test_the_ledger_is_open_before_the_app_starts_and_closed_after_it_stopped(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    sent = asyncio.run(start_and_stop(site))
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert site.path.exists()
    assert not site.path.with_name("ledger.sqlite3-wal").exists()


def test_a_ledger_that_cannot_be_opened_stops_the_start_and_says_why(tmp_path: Path) -> None:
    site = Journal(tmp_path)
    site.path.write_bytes(b"not a database")
    (sent,) = asyncio.run(start_and_stop(site))
    assert sent["type"] == "lifespan.startup.failed"
    assert "is no ledger" in sent["message"]
    assert site.path.read_bytes() == b"not a database"


def test_heads_are_signed_logged_and_appended_to_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heads = tmp_path / "heads.txt"
    site = Journal(tmp_path, {"ledger": {"heads": str(heads)}})
    with caplog.at_level("INFO", "consent_mw.heads"):
        decide(site.visitor())
        asyncio.run(site.app.site.recorder.close())  # type: ignore[union-attr]
    (note,) = [entry.getMessage() for entry in caplog.records if entry.name == "consent_mw.heads"]
    assert note.startswith("consent-mw.ledger/")
    assert heads.read_text() == note + "\n"
    assert [size for size, _ in site.read(lambda store: list(store.heads()))] == [1]


@pytest.mark.parametrize("ledger", [5, Path("consent.sqlite3"), object()])
def test_what_is_no_ledger_is_refused_at_the_start(ledger: Any) -> None:
    with pytest.raises(ConfigError, match="allowed: a DSN, None, or an object with open, append and close"):
        ConsentMiddleware(refuse_all, secret_key=secrets.token_hex(32), ledger=ledger)


async def refuse_all(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing is served")
