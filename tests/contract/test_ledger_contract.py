"""What every ledger promises, run over every backend."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from consent_mw.core.policy import canonical_json
from consent_mw.errors import LedgerError
from consent_mw.ledger.base import AuditableLedger, Event, Method, Personal, Record, new_key
from consent_mw.ledger.erasure import erase, purge
from consent_mw.ledger.heads import Signer, keep_head, seed_from_secret_key, verify_head
from consent_mw.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from consent_mw.ledger.proofs import consistency_proof, head, inclusion_proof
from consent_mw.ledger.receipts import make_receipt, verify_receipt
from consent_mw.ledger.reports import history, records, stats, write_csv, write_jsonl
from consent_mw.ledger.store import Row, Store
from consent_mw.ledger.verify import verify
from ledger import records as records_of

NOW = "2026-11-24T02:00:00Z"
Ledgers = Callable[[], AuditableLedger]


def record(subject: str | None = None, **changes: Any) -> Record:
    defaults = {"key": secrets.token_hex(16), "site": "example.com", "policy": "2026-11", "language": "zh-CN"}
    # these records know no words, so none need to be kept
    return records_of.record(subject, **{**defaults, "text": "", "validity": "", **changes})


async def filled(ledgers: Ledgers, count: int) -> tuple[AuditableLedger, list[Record]]:
    ledger = ledgers()
    await ledger.open()
    stored = [record(f"subject-{number % 7}") for number in range(count)]
    await asyncio.gather(*map(ledger.append, stored))
    return ledger, stored


def signer(store: Store) -> Signer:
    return Signer(seed_from_secret_key("a secret key of at least 32 bytes!"), store.id())


async def problems(ledger: AuditableLedger, **options: Any) -> list[str]:
    return (await ledger.run(partial(verify, **options))).problems


@pytest.fixture
def ledgers(shared: Ledgers) -> Ledgers:
    return shared


def test_indexes_count_from_zero_in_the_order_of_arrival(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        assert [await ledger.append(record()) for _ in range(5)] == [0, 1, 2, 3, 4]
        await ledger.close()

    asyncio.run(scenario())


def test_opening_and_closing_twice_does_nothing(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        await ledger.open()
        await ledger.open()
        assert await ledger.append(record()) == 0
        await ledger.close()
        await ledger.close()
        assert await ledger.append(record()) == 1
        await ledger.close()

    asyncio.run(scenario())


def test_a_key_is_stored_once(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        again = record("s")
        assert await asyncio.gather(*(ledger.append(again) for _ in range(50))) == [0] * 50
        assert await ledger.append(record()) == 1
        assert await ledger.append(again) == 0
        assert await ledger.run(lambda store: store.size()) == 2
        await ledger.close()

    asyncio.run(scenario())


def test_concurrent_records_are_all_stored_and_verify(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, stored = await filled(ledgers, 700)
        rows = await ledger.run(lambda store: store.rows(0, 1000))
        assert [row.position for row in rows] == list(range(700))
        assert {row.evidence for row in rows} == {one.evidence() for one in stored}
        assert {row.personal for row in rows} == {one.personal for one in stored}
        assert await problems(ledger) == []
        await ledger.close()

    asyncio.run(scenario())


def test_two_workers_share_one_sequence(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        first, second = ledgers(), ledgers()
        indexes = await asyncio.gather(*((first, second)[number % 2].append(record()) for number in range(400)))
        assert sorted(indexes) == list(range(400))
        assert await problems(first) == []
        await first.close()
        await second.close()

    asyncio.run(scenario())


def test_records_survive_a_restart_and_the_tree_goes_on(ledgers: Ledgers) -> None:
    async def before() -> None:
        ledger, _ = await filled(ledgers, 11)
        await ledger.close()

    async def after() -> None:
        ledger = ledgers()
        assert await ledger.append(record()) == 11
        assert await problems(ledger) == []
        await ledger.close()

    asyncio.run(before())
    asyncio.run(after())


def test_one_ledger_serves_one_event_loop_after_the_other(ledgers: Ledgers) -> None:
    ledger = ledgers()
    assert [asyncio.run(_append(ledger, record())) for _ in range(3)] == [0, 1, 2]
    asyncio.run(ledger.close())


async def _append(ledger: AuditableLedger, one: Record) -> int:
    return await ledger.append(one)


def test_a_cancelled_waiter_takes_nothing_back_and_breaks_nothing(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        await ledger.open()
        tasks = [asyncio.create_task(_append(ledger, record())) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, int) for outcome in outcomes[1::2])
        await ledger.append(record())
        assert await ledger.run(lambda store: store.size()) == 21
        assert await problems(ledger) == []
        await ledger.close()

    asyncio.run(scenario())


def test_every_record_is_proven_under_every_later_head(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 21)
        await ledger.run(_check_all_proofs)
        await ledger.close()

    asyncio.run(scenario())


def _check_all_proofs(store: Store) -> None:
    for size in range(1, store.size() + 1):
        root = head(store, size).root
        for row in store.rows(0, size):
            proof = inclusion_proof(store, row.position, size)
            assert verify_inclusion(leaf_hash(row.evidence or b""), row.position, size, proof, root)
        for earlier in range(size + 1):
            proof = consistency_proof(store, earlier, size)
            assert verify_consistency(earlier, head(store, earlier).root, size, root, proof)


def test_proofs_beyond_the_ledger_are_refused_with_its_size(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 3)
        for ask in (
            lambda store: head(store, 4),
            lambda store: inclusion_proof(store, 3, 3),
            lambda store: inclusion_proof(store, 0, 4),
            lambda store: consistency_proof(store, 3, 2),
        ):
            with pytest.raises(LedgerError, match="3"):
                await ledger.run(ask)
        await ledger.close()

    asyncio.run(scenario())


def test_an_erased_subject_leaves_root_and_proofs_as_they_were(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 20)
        note = await ledger.run(lambda store: keep_head(store, signer(store), NOW))
        before = await ledger.run(lambda store: head(store, 20))
        positions = await ledger.run(lambda store: history(store, "subject-3"))
        erased = await ledger.run(lambda store: erase(store, "subject-3", "2026-11-24"))
        assert erased == [one["index"] for one in positions]
        assert await ledger.run(lambda store: history(store, "subject-3")) == []
        assert await ledger.run(lambda store: erase(store, "subject-3", "2026-11-24")) == []
        for row in await ledger.run(lambda store: store.rows(0, 20)):
            assert (row.personal is None) == (row.position in erased)
            assert (row.secret is None) == (row.position in erased)
            assert row.evidence is not None
        assert await ledger.run(lambda store: head(store, 20)) == before
        assert await problems(ledger, witnesses=[note]) == []
        await ledger.run(_check_all_proofs)
        await ledger.close()

    asyncio.run(scenario())


def test_an_erasure_does_not_say_which_records_belonged_together(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 14)
        await ledger.run(lambda store: erase(store, "subject-3", "2026-11-24"))
        entries = [json.loads(row.evidence or b"") for row in await ledger.run(lambda store: store.rows(14, 99))]
        assert [entry["positions"] for entry in entries] == [[[3, 3]], [[10, 10]]]
        assert {entry["time"] for entry in entries} == {"2026-11-24"}
        await ledger.close()

    asyncio.run(scenario())


def test_a_purge_takes_what_is_over_by_regime_and_spares_what_is_held(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        await ledger.append(record("gone", time="2020-01-01T00:00:00Z"))
        await ledger.append(record("gone too", time="2020-01-02T00:00:00Z"))
        await ledger.append(record("held", time="2020-01-01T00:00:00Z"))
        await ledger.append(record("elsewhere", time="2020-01-01T00:00:00Z", regime="opt-out"))
        await ledger.append(record("young"))
        note = await ledger.run(lambda store: keep_head(store, signer(store), NOW))
        before = {"opt-in": "2023-01-01T00:00:00Z"}
        purging = partial(purge, before=before, today="2026-11-24", hold=["held"])
        assert await ledger.run(purging) == 2
        assert await ledger.run(purging) == 0
        left = await ledger.run(lambda store: [one["index"] for one in records(store)])
        assert left == [2, 3, 4]
        assert await problems(ledger, witnesses=[note]) == []
        assert await ledger.append(record()) == 6  # 5 is the entry that says what was purged
        await ledger.close()

    asyncio.run(scenario())


def test_a_receipt_proves_itself_with_nothing_but_the_public_key(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, stored = await filled(ledgers, 9)
        index = await ledger.append(stored[4])
        context = {"parties": [{"party_name": "Example Ltd"}]}
        receipt, key = await ledger.run(
            lambda store: (
                make_receipt(store, signer(store), index, NOW, lambda evidence: context),
                signer(store).public,
            )
        )
        await ledger.close()
        read = json.loads(json.dumps(receipt))
        proven = verify_receipt(read, [key])
        assert proven.position == index
        assert proven.evidence["categories"] == {"necessary": "granted", "geolocation": "denied"}
        assert read["pii_principal_id"] == "subject-4"
        assert read["parties"] == context["parties"]
        assert read["events"][0]["event_state"] == "ConsentGiven"

    asyncio.run(scenario())


def test_there_is_no_receipt_for_a_record_that_does_not_exist(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 2)
        with pytest.raises(LedgerError, match="no record 2"):
            await ledger.run(lambda store: make_receipt(store, signer(store), 2, NOW))
        await ledger.close()

    asyncio.run(scenario())


def test_heads_are_kept_and_verify(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 5)
        note = await ledger.run(lambda store: keep_head(store, signer(store), NOW))
        await ledger.append(record())
        key = await ledger.run(lambda store: signer(store).public)
        said = verify_head(note, [key])
        assert (said.head.size, said.time) == (5, NOW)
        assert await ledger.run(lambda store: list(store.heads())) == [(5, note)]
        assert await problems(ledger, keys=[key], witnesses=[note]) == []
        await ledger.close()

    asyncio.run(scenario())


def test_a_witness_of_more_entries_shows_a_roll_back(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 5)
        note = await ledger.run(lambda store: keep_head(store, signer(store), NOW))
        found = await problems(ledger, witnesses=[note.replace("\n5\n", "\n50\n")])
        assert any("rolled back" in problem for problem in found)
        await ledger.close()

    asyncio.run(scenario())


def test_exports_and_figures(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        await ledger.append(record("=1+1", event=Event.REFUSED, method=Method.FORM, time="2026-11-23T00:00:00Z"))
        await ledger.append(record("b"))
        lines, table = io.StringIO(), io.StringIO()
        await ledger.run(lambda store: write_jsonl(records(store, since="2026-11-24"), lines))
        await ledger.run(lambda store: write_csv(records(store), table))
        figures = await ledger.run(lambda store: stats(records(store)))
        await ledger.close()
        assert [json.loads(line)["personal"]["subject"] for line in lines.getvalue().splitlines()] == ["b"]
        assert "'=1+1" in table.getvalue()
        assert figures.records == 2
        assert figures.granted == {"necessary": 2}
        assert figures.by_day == {"2026-11-23": 1, "2026-11-24": 1}
        assert figures.by_method == {"form_nojs": 1, "button": 1}

    asyncio.run(scenario())


def test_words_shown_are_kept_once(ledgers: Ledgers) -> None:
    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 1)

        def keep(store: Store) -> list[tuple[str, bytes]]:
            with store.transaction():
                store.put_text("sha256-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", b"test")
                store.put_text("sha256-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", b"test")
            return list(store.texts())

        assert len(await ledger.run(keep)) == 1
        assert await problems(ledger) == []
        await ledger.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("odd", ["", "\x00", "'; DROP TABLE tree;--", "é\U0001f36a", "a" * 10_000])
def test_odd_text_is_stored_and_verifies(ledgers: Ledgers, odd: str) -> None:
    async def scenario() -> None:
        ledger = ledgers()
        await ledger.append(record("s", personal=Personal(subject="s", device="mobile", page=odd)))
        assert await problems(ledger) == []
        await ledger.close()

    asyncio.run(scenario())


def test_keys_grow_with_time_and_do_not_repeat() -> None:
    keys = [new_key(1_800_000_000_000 + number) for number in range(100)]
    assert keys == sorted(keys)
    assert len({key[12:] for key in keys}) == 100
    assert {len(key) for key in keys} == {32}


def test_several_at_once_make_one_sequence(ledgers: Ledgers) -> None:
    """Each worker first appends as if it were alone, and must not be believed when it is not."""

    async def scenario() -> None:
        workers = [ledgers() for _ in range(3)]
        for worker in workers:
            await worker.open()
        for turn in range(3):
            stored = [record() for _ in range(60)]
            calls = [workers[number % 3].append(one) for number, one in enumerate(stored)]
            twice = [workers[number % 2].append(one) for number, one in enumerate(stored)]
            positions = await asyncio.gather(*calls, *twice)
            assert positions[:60] == positions[60:]
            assert sorted(positions[:60]) == list(range(60 * turn, 60 * turn + 60))
        assert await problems(workers[0]) == []
        for worker in workers:
            await worker.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", ["too early", "too late", "known key"])
def test_what_does_not_fit_the_end_is_refused_whole(ledgers: Ledgers, fault: str) -> None:
    def extend(store: Store) -> tuple[bool, int]:
        known = store.rows(2, 3)[0]
        start = {"too early": 2, "too late": 4, "known key": 3}[fault]
        new = [record().entry() for _ in range(2)]
        if fault == "known key":
            new[1] = new[1]._replace(key=known.key or "")
        rows = [Row(start + number, leaf_hash(entry.evidence), *entry) for number, entry in enumerate(new)]
        return store.extend(rows), store.size()

    async def scenario() -> None:
        ledger, _ = await filled(ledgers, 3)
        assert await ledger.run(extend) == (False, 3)
        assert await problems(ledger) == []
        await ledger.close()

    asyncio.run(scenario())


def test_evidence_is_canonical_json() -> None:
    odd = record(site="bücher.example", signals=("gpc", "dnt"), services={"b": "denied", "a": 'x"\\\n\u2028\x00'})
    assert odd.evidence() == canonical_json(json.loads(odd.evidence()))
