"""``consent-mw ledger`` over real files: what an auditor runs."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import secrets
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consent_mw.cli import main
from consent_mw.ledger.base import Event, Method, Record
from consent_mw.ledger.heads import Signer, seed_from_secret_key
from consent_mw.ledger.open import open_ledger, open_store
from consent_mw.ledger.receipts import make_receipt
from ledger import records as records_of

SECRET = "a secret key of at least 32 bytes!"
NOW = "2999-11-24T02:00:00Z"


def record(subject: str | None, **changes: Any) -> Record:
    answer = "granted" if subject else "denied"
    defaults = {
        "event": Event.GIVEN if subject else Event.REFUSED,
        "categories": {"necessary": "granted", "geolocation": answer},
        "text": "",
        "time": NOW,
        "validity": "",
    }
    return records_of.record(subject, **{**defaults, **changes})


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """Four decisions: two visitors of today, one of long ago, one refusal."""
    dsn = f"sqlite:///{tmp_path}/ledger.sqlite3"

    async def fill() -> None:
        ledger = open_ledger(dsn)
        await ledger.append(record("old", time="2020-01-01T00:00:00Z"))
        await ledger.append(record("=cmd|' /C calc'!A0"))
        await ledger.append(record("zoe", regime="opt-out", method=Method.FORM))
        await ledger.append(record(None))
        await ledger.close()

    asyncio.run(fill())
    return dsn


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    return main(["ledger", *arguments], out), out.getvalue()


def test_verify_says_ok_and_the_root(dsn: str) -> None:
    code, said = run("verify", "--ledger", dsn)
    assert code == 0
    assert said.startswith("4 entries, root ")
    assert said.endswith(": ok\n")


def test_verify_names_the_altered_row(dsn: str) -> None:
    with closing(sqlite3.connect(dsn.removeprefix("sqlite:///"))) as db:
        db.execute("DROP TRIGGER personal_not_updated")
        db.execute("UPDATE personal SET page = '/b' WHERE idx = 2")
        db.commit()
    code, said = run("verify", "--ledger", dsn)
    assert code == 1
    assert "personal row 2: it is not what the evidence committed to" in said
    assert said.endswith(": 1 problems\n")


def test_verify_needs_no_progress_bar(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert run("verify", "--ledger", dsn)[0] == 0


def test_a_head_is_printed_kept_appended_and_found_again_by_verify(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_MW_SECRET_KEY", SECRET)
    heads, key = tmp_path / "heads.txt", run("head", "--ledger", dsn, "--public-key")[1].strip()
    for _ in range(2):
        code, note = run("head", "--ledger", dsn, "--to", str(heads))
        assert (code, note.split("\n")[1]) == (0, "4")
    assert run("verify", "--ledger", dsn, "--key", key, "--witness", str(heads))[0] == 0
    forged = tmp_path / "forged.txt"
    forged.write_text(heads.read_text().replace("\n4\n", "\n5\n"))
    code, said = run("verify", "--ledger", dsn, "--key", key, "--witness", str(forged))
    assert code == 1
    assert said.count("witness: the head of 5 entries is not signed by") == 2


def test_a_signing_key_of_the_configuration_signs(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_MW_SECRET_KEY", SECRET)
    config = tmp_path / "consent.toml"
    config.write_text(f'[ledger]\nsigning_key = "{base64.b64encode(secrets.token_bytes(32)).decode()}"\n')
    own = run("head", "--ledger", dsn, "--public-key", "--config", str(config))[1]
    derived = run("head", "--ledger", dsn, "--public-key")[1]
    assert own.partition("+")[0] == derived.partition("+")[0]
    assert own != derived


def test_without_a_key_nothing_is_signed(
    dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CONSENT_MW_SECRET_KEY", raising=False)
    assert run("head", "--ledger", dsn)[0] == 1
    assert "ledger.signing_key, or $CONSENT_MW_SECRET_KEY" in capsys.readouterr().err


def test_export_writes_jsonl_by_date_and_by_subject(dsn: str, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in run("export", "--ledger", dsn)[1].splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    since = run("export", "--ledger", dsn, "--since", "2999-11-24")[1]
    assert [json.loads(line)["index"] for line in since.splitlines()] == [1, 2, 3]
    until = run("export", "--ledger", dsn, "--until", "2021")[1]
    assert [json.loads(line)["index"] for line in until.splitlines()] == [0]
    file = tmp_path / "zoe.jsonl"
    assert run("export", "--ledger", dsn, "--subject", "zoe", "--output", str(file)) == (0, "")
    assert json.loads(file.read_text())["personal"]["subject"] == "zoe"


def test_no_cell_of_a_csv_is_a_formula(dsn: str) -> None:
    rows = list(csv.reader(io.StringIO(run("export", "--ledger", dsn, "--format", "csv")[1])))
    assert len(rows) == 5
    cells = [cell for row in rows for cell in row]
    assert "'=cmd|' /C calc'!A0" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


def test_stats_are_rates_and_counts(dsn: str) -> None:
    figures = json.loads(run("stats", "--ledger", dsn, "--json")[1])
    assert figures == {
        "records": 4,
        "granted": {"necessary": 4, "geolocation": 3},
        "by_day": {"2020-01-01": 1, "2999-11-24": 3},
        "by_event": {"given": 3, "refused": 1},
        "by_method": {"button": 3, "form_nojs": 1},
        "by_regime": {"opt-in": 3, "opt-out": 1},
    }
    said = run("stats", "--ledger", dsn)[1]
    assert "geolocation" in said
    assert "75.0%" in said
    assert "0 decisions" in run("stats", "--ledger", dsn, "--since", "3000")[1]


def test_purge_goes_by_regime_and_spares_what_is_held(dsn: str, tmp_path: Path) -> None:
    hold = tmp_path / "hold.txt"
    hold.write_text("somebody\nold\n")
    assert run("purge", "--ledger", dsn, "--keep", "opt-in=30", "--hold", str(hold)) == (0, "0 records purged\n")
    assert run("purge", "--ledger", dsn, "--keep", "opt-in=365", "--dry-run") == (0, "1 records would be purged\n")
    assert run("purge", "--ledger", dsn, "--keep", "opt-in=365") == (0, "1 records purged\n")
    assert run("verify", "--ledger", dsn)[0] == 0
    assert [json.loads(line)["index"] for line in run("export", "--ledger", dsn)[1].splitlines()] == [1, 2, 3]


def test_purge_takes_the_retention_from_the_configuration(dsn: str, tmp_path: Path) -> None:
    config = tmp_path / "consent.toml"
    config.write_text("[ledger]\nretention_days = 365\n")
    assert run("purge", "--ledger", dsn, "--config", str(config)) == (0, "1 records purged\n")


def test_purge_can_go_by_what_each_regime_asks(dsn: str) -> None:
    assert run("purge", "--ledger", dsn, "--as-regimes-ask") == (0, "1 records purged\n")
    assert run("purge", "--ledger", dsn, "--keep", "eu-fr=30", "--keep", "us-opt-out=9") == (0, "0 records purged\n")


@pytest.mark.parametrize("keep", ["opt-in", "opt-in=0", "elsewhere=3", "opt-in=-1", "opt-in=ten"])
def test_a_wrong_retention_is_misuse(dsn: str, keep: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("purge", "--ledger", dsn, "--keep", keep)
    assert ended.value.code == 2
    assert "REGIME=DAYS" in capsys.readouterr().err


def test_without_a_retention_nothing_is_purged(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("purge", "--ledger", dsn)[0] == 1
    assert "--keep REGIME=DAYS" in capsys.readouterr().err


def test_erase_deletes_the_personal_half_and_says_when_there_is_none(dsn: str) -> None:
    assert run("erase", "zoe", "--ledger", dsn) == (0, "1 records erased\n")
    assert run("erase", "zoe", "--ledger", dsn) == (1, "0 records erased\n")
    assert run("verify", "--ledger", dsn)[0] == 0


def test_a_receipt_is_checked_offline_with_nothing_but_the_public_key(dsn: str, tmp_path: Path) -> None:
    with open_store(dsn) as store:
        signer = Signer(seed_from_secret_key(SECRET), store.id())
        receipt = make_receipt(store, signer, 2, NOW)
    file, key = tmp_path / "receipt.json", tmp_path / "key.txt"
    file.write_text(json.dumps(receipt))
    key.write_text(f"{signer.public}\n")
    Path(dsn.removeprefix("sqlite:///")).unlink()
    code, said = run("receipt", "verify", str(file), "--key", str(key))
    assert code == 0
    assert said.startswith("genuine: entry 2 of consent-mw.ledger/")
    assert "granted      geolocation" in said


def test_a_receipt_is_a_witness_against_a_rewritten_ledger(dsn: str, tmp_path: Path) -> None:
    with open_store(dsn) as store:
        signer = Signer(seed_from_secret_key(SECRET), store.id())
        receipt = make_receipt(store, signer, 2, NOW)
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt))
    asked = ("verify", "--ledger", dsn, "--key", str(signer.public), "--witness", str(file))
    assert run(*asked)[0] == 0
    with closing(sqlite3.connect(dsn.removeprefix("sqlite:///"))) as db:
        for table in ("tree", "record", "personal"):
            db.execute(f"DROP TRIGGER IF EXISTS {table}_not_deleted")
            db.execute(f"DROP TRIGGER IF EXISTS {table}_erased")
            db.execute(f"DROP TRIGGER IF EXISTS {table}_purged")
            db.execute(f"DELETE FROM {table} WHERE idx = 3")
        db.commit()
    code, said = run(*asked)
    assert code == 1
    assert "rolled back: a head of 4 entries was signed, it holds 3" in said


@pytest.mark.parametrize("changed", ["given", "geolocation", '"index": 2', '"page": "/a"', '"layer": 1'])
def test_an_altered_receipt_is_refused(
    dsn: str, tmp_path: Path, changed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(dsn) as store:
        signer = Signer(seed_from_secret_key(SECRET), store.id())
        text = json.dumps(make_receipt(store, signer, 2, NOW))
    file = tmp_path / "receipt.json"
    file.write_text(text.replace(changed, {'"index": 2': '"index": 1', '"layer": 1': '"layer": 2'}.get(changed, "x")))
    assert run("receipt", "verify", str(file), "--key", str(signer.public))[0] == 1
    assert "consent-mw: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("mysql://root@localhost/x", "cannot be opened from here; allowed are sqlite:///"),
        ("sqlite://", "cannot be opened from here; allowed are sqlite:///"),
        ("memory://", "cannot be opened from here"),
        ("sqlite:////nowhere/ledger.sqlite3", "cannot be read"),
    ],
)
def test_a_wrong_ledger_is_an_error_that_says_what_is_allowed(
    dsn: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run("verify", "--ledger", dsn)
    said = capsys.readouterr().err
    assert code == 1
    assert said.startswith("consent-mw: ")
    assert says in said


@pytest.mark.parametrize("time", ["yesterday", "2026-1", "26-11-24", "2026-11-24 02:00"])
def test_a_wrong_time_is_misuse(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("export", "--since", time)
    assert ended.value.code == 2
    assert "2026-11-24" in capsys.readouterr().err
