"""A ledger file is recognised before it is touched, made whole, and refused with a reason."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import struct
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consent_mw.errors import LedgerError
from consent_mw.ledger.erasure import erase
from consent_mw.ledger.files import bsd_mounts, linux_mounts, network_mount
from consent_mw.ledger.proofs import head
from consent_mw.ledger.sqlite import SqliteLedger
from consent_mw.ledger.sqlite_file import connect
from consent_mw.ledger.store import Personal
from consent_mw.ledger.verify import verify
from ledger.records import record

MOUNTS = r"""22 27 0:21 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /srv/shared rw,relatime shared:1 - nfs4 server:/export rw
31 30 0:41 / /srv/shared/local rw - xfs /dev/sdb1 rw
32 22 0:42 / /mnt/my\040share rw - cifs //server/share rw
33 22 0:43 / /srv/shared2 rw - ext4 /dev/sdc1 rw
"""

MAC_MOUNTS = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//me@server.example/team on /Volumes/team (smbfs, nodev, nosuid, mounted by me)
server.example:/export on /Volumes/team (old) on ice (nfs, nodev, nosuid, mounted by me)
/dev/disk4s1 on /Volumes/stick (exfat, local, nodev, nosuid, noowners)
"""


def refused(path: Path) -> str:
    """What opening says; the file is as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LedgerError) as raised:
        asyncio.run(SqliteLedger(path).open())
    assert (path.read_bytes() if path.is_file() else None) == before
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty: it is no ledger, or lost all of it"),
        (b"hello", "is no ledger: it is not an SQLite database"),
        (bytes(4096), "is no ledger: it is not an SQLite database"),
        (b"SQLite format 3\0", "is no ledger"),
    ],
)
def test_what_is_no_ledger_is_refused_and_left_untouched(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(content)
    assert says in refused(path)


def test_a_database_of_somebody_else_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "app.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE users (name TEXT)")
    assert "is an SQLite database but no consent ledger" in refused(path)


def test_a_newer_schema_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    asyncio.run(_append(path))
    data = bytearray(path.read_bytes())
    struct.pack_into(">i", data, 60, 9)
    path.write_bytes(data)
    assert "has schema version 9; this consent_mw knows 1" in refused(path)


def test_an_older_file_is_brought_forward_by_whoever_appends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite3"
    asyncio.run(_append(path, 3))
    monkeypatch.setattr("consent_mw.ledger.sqlite_file.SCHEMA_VERSION", 3)
    steps = {1: "CREATE TABLE two (a);", 2: "CREATE TABLE three (a);\nCREATE INDEX three_a ON three (a);"}
    monkeypatch.setattr("consent_mw.ledger.sqlite_file.MIGRATIONS", steps)
    with pytest.raises(LedgerError, match="has schema version 1; this consent_mw knows 3"):
        connect(path)
    assert asyncio.run(_append(path)) == [3]
    with closing(connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    assert {"two", "three", "three_a"} <= names


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite3"
    asyncio.run(_append(path))
    with monkeypatch.context() as newer:
        newer.setattr("consent_mw.ledger.sqlite_file.SCHEMA_VERSION", 2)
        newer.setattr("consent_mw.ledger.sqlite_file.MIGRATIONS", {1: "CREATE TABLE two (a);\nCREATE TABLE two (a);"})
        with pytest.raises(LedgerError, match="already exists"):
            asyncio.run(_append(path))
    assert asyncio.run(_append(path)) == [1]


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    assert "cannot be created: No such file or directory" in refused(tmp_path / "missing" / "ledger.sqlite3")


def test_a_lost_file_is_not_replaced_by_an_empty_one_while_its_log_is_there(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.with_name("ledger.sqlite3-wal").write_bytes(b"committed pages")
    with pytest.raises(LedgerError, match="stands without its ledger"):
        asyncio.run(SqliteLedger(path).open())
    assert not path.exists()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    asyncio.run(_append(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_promises_of_a_connection_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    asyncio.run(_append(path))
    with closing(connect(path)) as db:
        read = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert read == {"journal_mode": "wal", "synchronous": 2}


def test_a_file_that_vanishes_is_an_error_until_it_is_back_and_never_a_new_ledger(tmp_path: Path) -> None:
    path, aside = tmp_path / "ledger.sqlite3", tmp_path / "aside.sqlite3"

    async def scenario() -> None:
        ledger = SqliteLedger(path)
        assert await ledger.append(record(text="")) == 0
        path.rename(aside)
        for _ in range(2):
            with pytest.raises(LedgerError, match=r"is gone|cannot be read"):
                await ledger.append(record(text=""))
        assert not path.exists()
        aside.rename(path)
        assert await ledger.append(record(text="")) == 1
        await ledger.close()

    asyncio.run(scenario())


def test_a_file_that_was_replaced_gets_no_records_through_the_old_connection(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.sqlite3", tmp_path / "other.sqlite3"
    asyncio.run(_append(other, 5))

    async def scenario() -> None:
        ledger = SqliteLedger(path)
        await ledger.append(record(text=""))
        other.replace(path)
        with pytest.raises(LedgerError, match="was replaced while it was open"):
            await ledger.append(record(text=""))
        await ledger.close()

    asyncio.run(scenario())


async def _append(path: Path, count: int = 1) -> list[int]:
    ledger = SqliteLedger(path)
    indexes = await asyncio.gather(*(ledger.append(record("s", text="")) for _ in range(count)))
    await ledger.close()
    return list(indexes)


def _work(path: Path) -> list[int]:
    return asyncio.run(_append(path, 100))


def test_many_processes_create_and_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        indexes = [index for part in pool.map(_work, [path] * 4) for index in part]
    assert sorted(indexes) == list(range(400))
    assert list(tmp_path.glob("*.new-*")) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/shared/ledger.sqlite3", "nfs4"),
        ("/srv/shared/deep/ledger.sqlite3", "nfs4"),
        ("/srv/shared/local/ledger.sqlite3", None),
        ("/srv/shared2/ledger.sqlite3", None),
        ("/mnt/my share/ledger.sqlite3", "cifs"),
        ("/ledger.sqlite3", None),
    ],
)
def test_a_network_share_is_told_from_a_local_disk(path: str, kind: str | None) -> None:
    assert network_mount(str(Path(path).parent), linux_mounts(MOUNTS)) == kind


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/Users/me/app", None),
        ("/Volumes/team", "smbfs"),
        ("/Volumes/team (old) on ice/app", "nfs"),
        ("/Volumes/teammate", None),
        ("/Volumes/stick", None),
    ],
)
def test_a_network_share_is_known_on_macos_too(directory: str, kind: str | None) -> None:
    assert network_mount(directory, bsd_mounts(MAC_MOUNTS)) == kind


def test_a_ledger_on_a_network_share_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    root, share = "22 27 0:21 / / rw - ext4 /dev/sda1 rw", f"30 22 0:40 / {tmp_path.resolve()} rw - nfs4 server:/e rw"
    mounts.write_text(f"{root}\n{share}\n")
    monkeypatch.setattr("consent_mw.ledger.files.MOUNTS", mounts)
    assert "is on a network share (nfs4)" in refused(tmp_path / "ledger.sqlite3")
    assert not (tmp_path / "ledger.sqlite3").exists()


def test_thousands_in_one_turn_of_the_loop_fit_any_build_of_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(*path: Path, **options: Any) -> sqlite3.Connection:
        db = connect(*path, **options)
        db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)  # the default; Debian's has 250,000
        return db

    async def scenario() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
        assert await asyncio.gather(*(ledger.append(record()) for _ in range(6000))) == list(range(6000))
        await ledger.close()

    monkeypatch.setattr("consent_mw.ledger.sqlite.connect", strict)
    asyncio.run(scenario())


def test_where_no_thread_can_be_started_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scenario() -> None:
        monkeypatch.setattr("threading.Thread.start", start)
        with pytest.raises(LedgerError, match="can't start new thread"):
            await asyncio.wait_for(SqliteLedger(tmp_path / "ledger.sqlite3").append(record()), 60)
        monkeypatch.undo()

    asyncio.run(scenario())


# Erasing


def bytes_on_disk(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_erased_bytes_are_in_no_file_while_the_ledger_is_in_use(tmp_path: Path) -> None:
    async def scenario() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
        personal = Personal(subject="SUBJECT-TO-ERASE", device="DEVICE-TO-ERASE", page="/PAGE-TO-ERASE")
        entry = record(personal=personal, text="")
        needles = [b"SUBJECT-TO-ERASE", b"DEVICE-TO-ERASE", b"/PAGE-TO-ERASE", entry.secret]
        for number in range(600):
            await ledger.append(entry if number == 300 else record(f"s{number}", text=""))
        before = await ledger.run(head)
        assert all(any(needle in data for data in bytes_on_disk(tmp_path).values()) for needle in needles)
        erased = await ledger.run(lambda store: erase(store, "SUBJECT-TO-ERASE", "2026-11-24"))
        assert erased == [300]
        files = bytes_on_disk(tmp_path)
        assert [(name, needle) for name, data in files.items() for needle in needles if needle in data] == []
        assert await ledger.run(lambda store: head(store, before.size)) == before
        assert (await ledger.run(verify)).problems == []
        await ledger.append(record("later", text=""))
        await ledger.close()

    asyncio.run(scenario())
