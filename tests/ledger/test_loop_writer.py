"""Written to on the event loop while all goes well, by the thread otherwise; nobody is told what is not so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from consent_mw.errors import LedgerError
from consent_mw.ledger.base import Record
from consent_mw.ledger.loop_writer import LoopLedger
from consent_mw.ledger.sqlite import SqliteStore
from consent_mw.ledger.store import Appender, Row, Store, run
from consent_mw.ledger.verify import verify
from consent_mw.ledger.writer import BATCH
from ledger.records import record


class Here:
    """A connection on the event loop to a real file, that breaks when it is told to."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        self.store.open()
        self.fault = ""
        self.batches: list[int] = []
        self.closed = False

    async def extend(self, rows: Sequence[Row]) -> bool:
        await asyncio.sleep(0)
        if self.fault == "before":
            raise LedgerError("cut off")
        stored = self.store.extend(rows)
        if self.fault == "after":
            raise LedgerError("cut off before the answer")
        self.batches.append(len(rows) if stored else 0)
        return stored

    def close(self) -> None:
        self.closed = True
        self.store.close()


class Ledger(LoopLedger):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: list[Here] = []
        self.unreachable = self.silent = False
        connect = partial(SqliteStore, path)
        super().__init__(connect, self.connect, name="test", spool=path.with_suffix(".spool"))

    async def connect(self) -> Here:
        if self.unreachable:
            raise LedgerError("nobody answers")
        if self.silent:
            await asyncio.sleep(60)
        self.made.append(Here(self.path))
        return self.made[-1]

    async def several(self, count: int) -> list[Record]:
        """Appended at once; each position is that of the very record."""
        wanted = [record(f"s{number}", text="") for number in range(count)]
        positions = await asyncio.wait_for(asyncio.gather(*map(self.append, wanted)), 10)
        found = await self.run(lambda store: store.find([one.key for one in wanted]))
        assert [found[one.key] for one in wanted] == positions
        return wanted

    async def checked(self) -> int:
        """How many there are; nothing is wrong with them."""

        def look(store: Store) -> int:
            assert verify(store).problems == []
            return store.size()

        return await self.run(look)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


async def opened(ledger: Ledger) -> Here:
    """Its first turn is the thread's: nobody knows yet where the ledger ends."""
    await ledger.open()
    await asyncio.sleep(0.01)
    await ledger.several(3)
    return ledger.made[-1]


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent_mw.ledger.loop_writer.PAUSE_SECONDS", 0.05)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 100, 1000])
def test_what_the_loop_collects_is_written_on_it(ledger: Ledger, count: int) -> None:
    async def scenario() -> None:
        here = await opened(ledger)
        for _ in range(3):
            await ledger.several(count)
        assert sum(here.batches) == 3 * count
        assert max(here.batches) <= BATCH
        assert await ledger.checked() == 3 + 3 * count
        await ledger.close()
        assert here.closed

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", ["before", "after"])
def test_after_trouble_the_thread_goes_on_and_the_loop_later(ledger: Ledger, fault: str) -> None:
    """Also where the answer alone was lost: the keys say that all is stored."""

    async def scenario() -> None:
        here = await opened(ledger)
        here.fault = fault
        await ledger.several(600)
        assert here.closed
        await ledger.several(20)
        assert await ledger.checked() == 623
        await asyncio.sleep(0.1)
        await ledger.several(20)
        assert ledger.made[-1].batches == [20]
        assert await ledger.checked() == 643
        await ledger.close()

    asyncio.run(scenario())


def test_where_others_append_the_thread_looks_where_the_ledger_ends(ledger: Ledger) -> None:
    async def scenario() -> None:
        here = await opened(ledger)
        await ledger.run(lambda store: Appender(store).append([record(text="").entry()]) and None)
        await ledger.several(5)
        assert here.batches == [0]
        await ledger.several(5)
        assert here.batches == [0, 5]
        assert await ledger.checked() == 14
        await ledger.close()

    asyncio.run(scenario())


def test_a_known_key_keeps_its_position(ledger: Ledger) -> None:
    async def scenario() -> None:
        await opened(ledger)
        (first,) = await ledger.several(1)
        assert await asyncio.gather(*(ledger.append(first) for _ in range(5))) == [3] * 5
        assert await ledger.checked() == 4
        await ledger.close()

    asyncio.run(scenario())


def test_without_a_connection_of_the_loops_the_thread_does_all(ledger: Ledger) -> None:
    async def scenario() -> None:
        ledger.unreachable = True
        await ledger.open()
        await ledger.several(40)
        ledger.unreachable = False
        await asyncio.sleep(0.1)
        await ledger.several(40)
        assert ledger.made[0].batches == [40]
        assert await ledger.checked() == 80
        await ledger.close()

    asyncio.run(scenario())


def test_a_server_that_is_silent_holds_up_neither_a_decision_nor_the_end(ledger: Ledger) -> None:
    async def scenario() -> None:
        ledger.silent = True
        await ledger.open()
        await ledger.several(20)
        assert await ledger.checked() == 20
        await asyncio.wait_for(ledger.close(), 5)

    asyncio.run(scenario())


def test_an_app_that_cancels_every_task_loses_nothing(ledger: Ledger) -> None:
    async def scenario() -> None:
        here = await opened(ledger)
        waiting = [asyncio.ensure_future(ledger.append(record(text=""))) for _ in range(7)]
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await ledger.several(4)
        assert here.closed
        assert await ledger.checked() == 14
        await ledger.close()

    asyncio.run(scenario())


def test_the_end_of_the_loop_closes_what_nobody_closed(ledger: Ledger) -> None:
    async def scenario() -> Here:
        here = await opened(ledger)
        await ledger.several(4)
        return here

    assert asyncio.run(scenario()).closed
    assert run(partial(SqliteStore, ledger.path), lambda store: store.size()) == 7
    asyncio.run(ledger.close())


def test_a_loop_that_did_not_open_it_uses_the_thread(ledger: Ledger) -> None:
    async def first() -> None:
        await opened(ledger)

    asyncio.run(first())
    asyncio.run(ledger.several(6))  # type: ignore[arg-type]
    assert [here.batches for here in ledger.made] == [[]]
    asyncio.run(ledger.close())


def test_a_caller_that_gives_up_takes_nothing_back(ledger: Ledger) -> None:
    async def scenario() -> None:
        await opened(ledger)
        given_up = asyncio.ensure_future(ledger.append(record(text="")))
        others = asyncio.ensure_future(ledger.several(3))
        await asyncio.sleep(0)
        given_up.cancel()
        await others
        assert await ledger.checked() == 7
        await ledger.close()

    asyncio.run(scenario())
