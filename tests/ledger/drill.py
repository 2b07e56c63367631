"""Workers that append and are killed, or whose disk fails; run by ``test_crashes.py`` as a program of its own.

    python drill.py kill|power|fault DIRECTORY ROUNDS SEED [normal]

It imports once and forks per round, so that a round costs a fraction of a second. It prints one JSON object.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import os
import random
import select
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from consent_mw.errors import LedgerError
from consent_mw.ledger import sqlite_file
from consent_mw.ledger.base import Event, Method, Personal, Record, Statement, new_key
from consent_mw.ledger.sqlite import SqliteLedger, SqliteStore
from consent_mw.ledger.verify import verify

WORKERS, TASKS = 8, 6
ROUNDS_PER_FILE = 20
KEY_LINE = 33


SAID = Statement(
    event=Event.GIVEN,
    method=Method.BUTTON,
    site="shop.example",
    regime="opt-in",
    policy="1",
    fingerprint="",
    text="",
    language="en",
    categories={"necessary": "granted"},
)


def record() -> Record:
    return Record(
        key=new_key(time.time_ns() // 1_000_000),
        time="2026-11-24T02:00:00Z",
        statement=SAID,
        personal=Personal("somebody", "desktop", "/"),
    )


async def work(path: Path, acknowledge: Callable[[str], object], times: int) -> int:
    """Append and acknowledge; returns how many appends failed."""
    ledger, failed = SqliteLedger(path), 0

    async def one() -> None:
        nonlocal failed
        for _ in range(times):
            entry = record()
            try:
                await ledger.append(entry)
            except LedgerError:
                failed += 1
            else:
                acknowledge(entry.key)

    await asyncio.gather(*(one() for _ in range(TASKS)))
    with suppress(LedgerError):
        await ledger.close()
    return failed


def forked(body: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            body()
        finally:
            os._exit(0)
    return child


class Acks:
    """What was acknowledged, out of reach of whoever is killed: a pipe."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._data = b""

    def acknowledge(self, key: str) -> None:
        os.write(self.writer, f"{key}\n".encode())

    def gather(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.reader], [], [], left)[0]:
                self._data += os.read(self.reader, 65536)

    def finish(self) -> set[str]:
        os.close(self.writer)
        while more := os.read(self.reader, 65536):
            self._data += more
        os.close(self.reader)
        whole = self._data[: len(self._data) - len(self._data) % KEY_LINE]
        return set(whole.decode().split())


def crash(path: Path, pick: random.Random) -> set[str]:
    """Eight workers, killed at random points, one soon after the other."""
    acks = Acks()
    workers = [forked(lambda: asyncio.run(work(path, acks.acknowledge, 10**6)) and None) for _ in range(WORKERS)]
    acks.gather(pick.uniform(0.05, 0.35))
    pick.shuffle(workers)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
        if pick.random() < 0.3:
            acks.gather(pick.uniform(0.0, 0.02))
    for worker in workers:
        os.waitpid(worker, 0)
    return acks.finish()


def cut_power(directory: Path) -> None:
    """Undo every write that was not synced, newest first; shared memory is gone."""
    by_inode = {file.stat().st_ino: file for file in directory.iterdir() if file.is_file()}
    undo = Path(os.environ["CONSENT_SHIM_UNDO"])
    for notes in undo.glob("*.undo"):
        file, data = by_inode.get(int(notes.stem)), notes.read_bytes()
        steps, at = [], 0
        while at < len(data):
            offset, size, length = struct.unpack_from("qqq", data, at)
            steps.append((offset, size, data[at + 24 : at + 24 + length]))
            at += 24 + length
        if file is not None and steps:
            with file.open("r+b") as damaged:
                for offset, size, old in reversed(steps):
                    damaged.seek(offset)
                    damaged.write(old)
                    damaged.truncate(size)
        notes.unlink()
    for file in directory.glob("*-shm"):
        file.unlink()


def missing(path: Path, acked: set[str]) -> tuple[set[str], list[str]]:
    """What was acknowledged and is not there, and what else is wrong."""
    store = SqliteStore(path)
    store.open()
    try:
        return acked - store.find(acked).keys(), verify(store).problems
    finally:
        store.close()


def crashes(directory: Path, rounds: int, pick: random.Random, *, power: bool) -> dict[str, object]:
    acknowledged = lost = 0
    problems: list[str] = []
    files, acked, path = directory / "files", set[str](), Path()
    for number in range(rounds):
        if number % ROUNDS_PER_FILE == 0:
            shutil.rmtree(files, ignore_errors=True)
            files.mkdir()
            path, acked = files / "ledger.sqlite3", set()
            asyncio.run(work(path, acked.add, 1))
        fresh = crash(path, pick)
        acked |= fresh
        if power:
            cut_power(files)
        gone, wrong = missing(path, acked)
        acknowledged, lost = acknowledged + len(fresh), lost + len(gone)
        acked -= gone
        problems += wrong
    return {"rounds": rounds, "acknowledged": acknowledged, "lost": lost, "problems": problems[:9]}


def faults(directory: Path, rounds: int, pick: random.Random) -> dict[str, object]:
    """Each round, one write or sync fails, or all of them from one on; then the disk is well again."""
    shim = ctypes.CDLL(None)
    files, errors = directory / "files", (errno.EIO, errno.ENOSPC, errno.EROFS)
    acknowledged = lost = failed = 0
    problems: list[str] = []
    for number in range(rounds):
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        path, acks, told = files / "ledger.sqlite3", Acks(), Acks()
        acked: set[str] = set()
        asyncio.run(work(path, acked.add, 1))
        fault = (number // 2 % 60, pick.choice(errors), pick.choice((1, 2, 3)), number % 2)

        def body(path: Path = path, acks: Acks = acks, told: Acks = told, fault: tuple[int, ...] = fault) -> None:
            shim.shim_arm(*fault)
            wrong = asyncio.run(work(path, acks.acknowledge, 4))
            told.acknowledge(f"{wrong:032d}")

        os.waitpid(forked(body), 0)
        acked |= acks.finish()
        failed += sum(int(count) for count in told.finish())
        gone, wrong = missing(path, acked)
        acknowledged, lost = acknowledged + len(acked), lost + len(gone)
        problems += wrong
    return {"rounds": rounds, "acknowledged": acknowledged, "failed": failed, "lost": lost, "problems": problems[:9]}


def main(kind: str, directory: str, rounds: str, seed: str, *mode: str) -> None:
    if "normal" in mode:
        sqlite_file._FULL = 1  # what the ledger refuses: synchronous = NORMAL
    pick = random.Random(int(seed))
    if kind == "fault":
        found = faults(Path(directory), int(rounds), pick)
    else:
        found = crashes(Path(directory), int(rounds), pick, power=kind == "power")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
