"""What the recorder promises whatever the ledger does: late, down, or one that can only append."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from consent_mw.errors import LedgerError
from consent_mw.ledger.base import Ledger, MemoryLedger, Record
from consent_mw.ledger.heads import seed_from_secret_key
from consent_mw.ledger.recorder import Recorder
from consent_mw.ledger.spool import Spool
from ledger.records import SECRET, record


class Late(MemoryLedger):
    """Stores everything, once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    async def append(self, record: Record) -> int:
        await self.let.wait()
        return await super().append(record)


class AppendOnly:
    """What a site may bring: three methods and no more."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.down = False

    async def open(self) -> None:
        if self.down:
            raise LedgerError("down")

    async def append(self, record: Record) -> int:
        if self.down:
            raise LedgerError("down")
        self.records.append(record)
        return len(self.records) - 1

    async def close(self) -> None:
        """Nothing to close."""


def recorder(ledger: Ledger, spool: Path | None = None) -> Recorder:
    return Recorder(ledger, Spool(spool), seed_from_secret_key(SECRET))


def test_a_late_ledger_holds_no_refusal_up_and_stores_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent_mw.ledger.recorder.PATIENCE_SECONDS", 0.01)

    async def scenario() -> None:
        ledger, spool = Late(), tmp_path / "spool"
        kept, said = recorder(ledger, spool), record("s", text="")
        await kept.keep(said)
        assert ledger.records == []
        assert [file.name for file in spool.iterdir()] == [f"{said.key}.json"]
        ledger.let.set()
        await kept.append(other := record("s", text=""))
        assert ledger.records == [said, other]
        assert list(spool.iterdir()) == []

    asyncio.run(scenario())


def test_a_record_comes_back_from_the_spool_as_it_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    said = record("s", text="", services={"x": "denied"}, signals=("gpc",), layer=2)
    assert spool.put(said)
    (back,) = Spool(tmp_path / "spool").records()
    assert back == said
    assert back.entry() == said.entry()


def test_records_wait_in_the_order_they_were_said(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    said = [record(key=f"{number:012x}" + "ab" * 10, text="") for number in (3, 1, 2)]
    for one in said:
        spool.put(one)
    assert [one.key for one in spool.records()] == sorted(one.key for one in said)


def test_a_ledger_that_only_appends_serves_everything_but_reading(tmp_path: Path) -> None:
    async def scenario() -> None:
        ledger = AppendOnly()
        kept = recorder(ledger, tmp_path / "spool")
        ledger.down = True
        await kept.keep(first := record("s", text=""))
        with pytest.raises(LedgerError):
            await kept.append(record("s", text=""))
        assert await kept.health() == (False, 1)
        ledger.down = False
        await kept.append(second := record("s", text=""))
        assert ledger.records == [first, second]
        assert not kept.auditable
        with pytest.raises(LedgerError, match="cannot be read back"):
            await kept.run(lambda store: store.size())
        await kept.close()

    asyncio.run(scenario())


def test_many_decisions_at_once_replay_the_spool_once_and_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        ledger, spool = AppendOnly(), Spool(tmp_path / "spool")
        waiting = [record("s", text="", key=f"{number:032x}") for number in range(5)]
        for one in waiting:
            spool.put(one)
        kept = recorder(ledger, tmp_path / "spool")
        fresh = [record("s", text="") for _ in range(20)]
        await asyncio.gather(*map(kept.append, fresh))
        assert ledger.records[:5] == waiting
        assert sorted(one.key for one in ledger.records[5:]) == sorted(one.key for one in fresh)

    asyncio.run(scenario())
