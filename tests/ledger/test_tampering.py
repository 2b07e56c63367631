"""Whoever can write to the database cannot write unnoticed: random mutations, each found, with the row named."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from consent_mw.errors import LedgerError
from consent_mw.ledger.erasure import erase, purge
from consent_mw.ledger.heads import PublicKey, keep_head, seed_from_secret_key
from consent_mw.ledger.pages import PAGE
from consent_mw.ledger.receipts import make_receipt
from consent_mw.ledger.sqlite import SqliteStore
from consent_mw.ledger.store import Appender, Entry
from consent_mw.ledger.verify import verify
from ledger.records import MEMORY, NOW, SECRET, TODAY, lived_in, record, signer

TABLES = ("tree", "record", "personal", "erasure", "text", "head")
KEY_COLUMN = {"text": "hash", "head": "size"}


class Case(NamedTuple):
    path: Path
    key: PublicKey
    witnesses: list[str]


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    with tempfile.TemporaryDirectory(prefix="consent-tampering-", dir=MEMORY) as directory:
        path = Path(directory) / "ledger.sqlite3"
        key, witnesses = lived_in(path)
        yield Case(path, key, witnesses)


@pytest.fixture(params=[4, PAGE])
def page_length(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds all of the small ledger, or is one of many."""
    for module in ("pages", "verify"):
        monkeypatch.setattr(f"consent_mw.ledger.{module}.PAGE", request.param)


class Tamperer:
    """Somebody with the file, SQLite and no respect."""

    def __init__(self, db: sqlite3.Connection, pick: random.Random) -> None:
        self.db = db
        self.pick = pick
        self.columns = {table: self._list(f"SELECT name FROM pragma_table_info('{table}')") for table in TABLES}
        for name in self._list("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {name}")

    def edit(self) -> set[str]:
        """One bit of one value in one row."""
        table, id = self.row()
        column = self.pick.choice(self.columns[table])
        (value,) = self.db.execute(f"SELECT {column} FROM {table} WHERE {self.where(table)}", id).fetchone()
        changed = self.flipped(value)
        self.db.execute(f"UPDATE {table} SET {column} = ? WHERE {self.where(table)}", (changed, *id))
        # Where the row's own number was changed, it goes by the new one.
        renamed = self.names(table, (changed,)) if column in ("idx", KEY_COLUMN.get(table)) else set()
        return self.names(table, id) | renamed

    def delete(self) -> set[str]:
        table, id = self.row()
        self.db.execute(f"DELETE FROM {table} WHERE {self.where(table)}", id)
        return self.names(table, id)

    def insert(self) -> set[str]:
        """A copy of a row, under a key that no row has."""
        table, id = self.row()
        row = list(self.db.execute(f"SELECT * FROM {table} WHERE {self.where(table)}", id).fetchone())
        (last,) = self.db.execute("SELECT max(idx) FROM tree").fetchone()
        row[0] = "sha256-" + "00" * 32 if table == "text" else last + 1 + self.pick.randrange(3)
        if table == "record":
            row[1] = "0" * 32
        self.db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
        # After a tree row beyond the end, every entry between is missing as well.
        return self.names(table, (row[0],)) | {f"tree row {at}" for at in range(last + 1, last + 4) if table == "tree"}

    def swap(self) -> set[str]:
        """Two rows change places."""
        table = self.pick.choice(("tree", "record", "personal"))
        first, second = self.pick.sample(self._list(f"SELECT idx FROM {table}"), 2)
        for old, new in ((first, -1000), (second, first), (-1000, second)):
            self.db.execute(f"UPDATE {table} SET idx = ? WHERE idx = ?", (new, old))
        return self.names(table, (first,)) | self.names(table, (second,))

    def truncate(self) -> set[str]:
        """The newest entries go, with all that belongs to them, and with the newest head."""
        (size,) = self.db.execute("SELECT max(idx) + 1 FROM tree").fetchone()
        kept = size - self.pick.randint(1, size)
        for table in ("tree", "record", "personal"):
            self.db.execute(f"DELETE FROM {table} WHERE idx >= ?", (kept,))
        self.db.execute("DELETE FROM erasure WHERE entry >= ?", (kept,))
        self.db.execute("DELETE FROM head WHERE size > ?", (kept,))
        return {f"it holds {kept}"}

    def row(self) -> tuple[str, tuple[Any, ...]]:
        table = self.pick.choice(TABLES)
        keys = "idx, whole" if table == "erasure" else KEY_COLUMN.get(table, "idx")
        return table, self.pick.choice(self.db.execute(f"SELECT {keys} FROM {table}").fetchall())

    def where(self, table: str) -> str:
        return "idx = ? AND whole = ?" if table == "erasure" else f"{KEY_COLUMN.get(table, 'idx')} = ?"

    def names(self, table: str, id: tuple[Any, ...]) -> set[str]:
        """What a report may call the row: an entry is named by what of it no longer fits."""
        if table in KEY_COLUMN:
            return {f"{table} row {id[0]}"}
        # Of a last entry whose tree row is gone, only the rest is left to be named.
        orphans = {f"record row {id[0]}:", f"personal row {id[0]}:"} if table == "tree" else set()
        return {f"{table} row {id[0]}", f"entry {id[0]}:"} | orphans

    def flipped(self, value: Any) -> Any:
        if isinstance(value, int):
            return value ^ 1 << self.pick.randrange(6)
        data = bytearray(value.encode() if isinstance(value, str) else value or b"\0")
        data[self.pick.randrange(len(data))] ^= 1 << self.pick.randrange(7)
        return bytes(data) if isinstance(value, bytes) else bytes(data).decode(errors="replace")

    def _list(self, query: str) -> list[Any]:
        return [row[0] for row in self.db.execute(query)]


def found(case: Case, path: Path) -> list[str]:
    store = SqliteStore(path)
    store.open()
    try:
        return verify(store, keys=[case.key], witnesses=case.witnesses).problems
    finally:
        store.close()


def mutate(case: Case, seed: int) -> None:
    """One mutation of a fresh copy; fails the test unless the report names the row."""
    pick = random.Random(seed)
    path = case.path.with_name("mutated.sqlite3")
    for left in path.parent.glob("mutated.sqlite3*"):
        left.unlink()
    shutil.copy(case.path, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        tamperer = Tamperer(db, pick)
        kinds: list[Callable[[], set[str]]] = [
            tamperer.edit,
            tamperer.edit,
            tamperer.delete,
            tamperer.insert,
            tamperer.swap,
            tamperer.truncate,
        ]
        kind = pick.choice(kinds)
        try:
            names = kind()
        except sqlite3.IntegrityError:
            return  # the mutation collided with a constraint, so there is none
    problems = found(case, path)
    said = "; ".join(problems)
    assert problems, f"seed {seed}: {kind.__name__} of {names} went unnoticed"
    assert any(name in said for name in names), f"seed {seed}: {kind.__name__} of {names} is not named in: {said}"


@pytest.mark.usefixtures("page_length")
def test_an_untouched_ledger_has_no_problems(case: Case) -> None:
    assert found(case, case.path) == []


@pytest.mark.usefixtures("page_length")
def test_random_mutations_are_all_found_and_the_row_is_named(case: Case) -> None:
    for seed in range(500):
        mutate(case, seed)


@pytest.mark.deep
@pytest.mark.usefixtures("page_length")
def test_five_thousand_random_mutations_are_all_found_and_the_row_is_named(case: Case) -> None:
    for seed in range(500, 5500):
        mutate(case, seed)


def test_a_category_may_be_called_what_a_field_is(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.sqlite3")
    store.open(appending=True)
    named = {"key": "denied", "personal": "granted", "text": "denied"}
    entries = [record("somebody", text="", categories=named, services=named).entry() for _ in range(3)]
    Appender(store).append(entries)
    erase(store, "somebody", TODAY)
    Appender(store).append([record("other", text="", categories=named, services=named).entry()])
    assert verify(store).problems == []
    store.close()


def open_store(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    store.open(appending=True)
    return store


def test_what_is_taken_back_while_a_ledger_is_checked_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site goes on: visitors decide and have their data erased, old records go, heads are signed."""
    for module in ("pages", "verify"):
        monkeypatch.setattr(f"consent_mw.ledger.{module}.PAGE", 4)
    store, site = open_store(tmp_path / "ledger.sqlite3"), open_store(tmp_path / "ledger.sqlite3")
    Appender(store).append([record(f"visitor-{number}", text="").entry() for number in range(20)])
    seen: list[int] = []

    def go_on(done: int, total: int) -> None:
        seen.append(done)
        if done == 4:
            assert erase(site, "visitor-1", TODAY) == [1]
            assert erase(site, "visitor-17", TODAY) == [17]
            Appender(site).append([record("somebody new", text="").entry()])
            keep_head(site, signer(site), NOW)
        if done == 16:
            assert purge(site, {record().statement.regime: "2100-01-01T00:00:00Z"}, TODAY, hold=["visitor-2"]) > 15

    assert verify(store, progress=go_on).problems == []
    assert seen == [4, 8, 12, 16, 20]
    assert verify(store).problems == []
    for each in (store, site):
        each.close()


@pytest.mark.parametrize("entry", [20, 21, 10**9, 2**63 - 1, "NULL", "'x'"])
def test_an_erasure_that_no_entry_speaks_of_excuses_nothing(tmp_path: Path, entry: object) -> None:
    """Neither while the ledger is checked nor before: position 20 is a decision, and later ones do not exist."""
    store = open_store(tmp_path / "ledger.sqlite3")
    Appender(store).append([record(f"visitor-{number}", text="").entry() for number in range(20)])

    def tamper(*_: object) -> None:
        Appender(store).append([record("somebody new", text="").entry()])
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as db:
            db.executescript(
                "DROP TRIGGER IF EXISTS personal_erased; DROP TABLE erasure;"
                "CREATE TABLE erasure (idx, whole, entry); DELETE FROM personal WHERE idx = 3;"
                f"INSERT INTO erasure VALUES (3, 0, {entry});"
            )

    said = verify(store, progress=tamper).problems
    assert any(problem.startswith("erasure row 3") for problem in said) == isinstance(entry, int)  # else it is too late
    assert any(problem.startswith("erasure row 3") for problem in verify(store).problems)
    store.close()


def test_an_entry_takes_back_only_what_was_there_before_it(tmp_path: Path) -> None:
    """Else one forged entry with a range of millions would fill the memory of whoever checks it."""
    store = open_store(tmp_path / "ledger.sqlite3")
    evidence = b'{"event":"erased","key":"k","positions":[[0,1000000000000000]],"time":"2026-11-24","version":1}'
    Appender(store).append([record("somebody", text="").entry(), Entry("k", evidence)])
    assert verify(store).problems == ["entry 1: it takes something back, but cannot be read"]
    store.close()


def rewritten(case: Case, path: Path, seed: bytes) -> None:
    """A perfect forgery: the same identity, every hash right, one record that says something else, new heads."""
    with closing(sqlite3.connect(case.path)) as db:
        (identity,) = db.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
    store = SqliteStore(path)
    store.open(appending=True)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER meta_not_updated")
        db.execute("UPDATE meta SET value = ?", (identity,))
        db.commit()
    store = SqliteStore(path)
    store.open(appending=True)
    Appender(store).append([record(f"forged-{number}", text="").entry() for number in range(60)])
    assert verify(store).problems == []
    store.close()


@pytest.mark.parametrize("witness", [0, 1])
def test_a_rewrite_of_everything_is_found_from_any_one_earlier_head(case: Case, tmp_path: Path, witness: int) -> None:
    path = tmp_path / "rewritten.sqlite3"
    rewritten(case, path, seed_from_secret_key(SECRET))
    problems = found(case._replace(witnesses=[case.witnesses[witness]]), path)
    size = case.witnesses[witness].split("\n")[1]
    assert f"head of {size} entries: signed over another history" in problems


def test_a_rewrite_of_everything_is_found_from_any_one_receipt(case: Case, tmp_path: Path) -> None:
    store = SqliteStore(case.path)
    store.open()
    receipt = make_receipt(store, signer(store), 5, NOW)
    store.close()
    path = tmp_path / "rewritten.sqlite3"
    rewritten(case, path, seed_from_secret_key(SECRET))
    (problem,) = found(case._replace(witnesses=[receipt["proof"]["head"]]), path)
    assert "signed over another history" in problem


def test_a_head_signed_with_another_key_is_no_witness(case: Case) -> None:
    other = PublicKey(case.key.name, bytes(32)[:31] + b"\x01")
    problems = found(case._replace(key=other), case.path)
    assert len(problems) == 4
    assert all("is not signed by" in problem for problem in problems)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.999])
def test_a_file_cut_short_never_becomes_an_empty_ledger(case: Case, tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.sqlite3"
    whole = case.path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    before = path.read_bytes()
    try:
        problems = found(case, path)
    except LedgerError:
        problems = ["refused"]
    assert problems
    store = SqliteStore(path)
    try:
        store.open(appending=True)
        Appender(store).append([record().entry()])
        store.close()
    except LedgerError:
        assert path.read_bytes()[: len(before)] == before


def _damage(case: Case, seed: int, times: int) -> None:
    whole, path, pick = case.path.read_bytes(), case.path.with_name("damaged.sqlite3"), random.Random(seed)
    for _ in range(times):
        data = bytearray(whole)
        for _ in range(pick.choice((1, 8, 500))):
            data[pick.randrange(len(data))] ^= 1 << pick.randrange(8)
        path.write_bytes(data)
        with suppress(LedgerError):
            found(case, path)


def test_random_damage_to_the_file_never_crashes_verify(case: Case) -> None:
    _damage(case, 5, 200)


@pytest.mark.deep
def test_much_random_damage_to_the_file_never_crashes_verify(case: Case) -> None:
    _damage(case, 6, 5000)
