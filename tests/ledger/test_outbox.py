"""A message in the outbox is there until it was delivered, and no two workers have it at once."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from consent_mw.ledger.outbox import Message, Outbox

NOW = 1_796_083_200.0
PAUSES = (30.0, 300.0)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "spool" / "box", PAUSES)


def claim(outbox: Outbox, now: float) -> list[Message]:
    return outbox.claim(now, 100)


def test_what_is_put_is_due_at_once_and_gone_when_done(outbox: Outbox) -> None:
    assert outbox.next_due() is None
    outbox.put("a1", b"body", NOW)
    assert outbox.next_due() == NOW
    (message,) = claim(outbox, NOW)
    assert (message.id, message.body, message.attempts, message.last) == ("a1", b"body", 1, False)
    outbox.done(message)
    assert outbox.next_due() is None


def test_whoever_dies_with_a_message_in_hand_has_put_it_back(outbox: Outbox, tmp_path: Path) -> None:
    outbox.put("a1", b"body", NOW)
    claim(outbox, NOW)
    restarted = Outbox(tmp_path / "spool" / "box", PAUSES)
    assert claim(restarted, NOW + 29) == []
    due = restarted.next_due()
    assert due is not None
    assert NOW + 30 <= due <= NOW + 33, "after the pause, and a little chance"
    (again,) = claim(restarted, NOW + 33)
    assert (again.id, again.body, again.attempts) == ("a1", b"body", 2)


def test_the_pauses_grow_and_have_an_end(outbox: Outbox, tmp_path: Path) -> None:
    outbox.put("a1", b"body", NOW)
    attempts = [claim(outbox, NOW + turn * 1000)[0] for turn in range(3)]
    assert [(message.attempts, message.last) for message in attempts] == [(1, False), (2, False), (3, True)]
    outbox.give_up(attempts[-1])
    assert outbox.next_due() is None
    assert (tmp_path / "spool" / "box" / "a1.failed").read_bytes() == b"body"


def test_the_oldest_turn_comes_first_and_no_more_than_asked_for(outbox: Outbox) -> None:
    for number, id in enumerate(("c3", "a1", "b2")):
        outbox.put(id, b"", NOW + number)
    assert [message.id for message in outbox.claim(NOW + 9, 2)] == ["c3", "a1"]
    assert [message.id for message in claim(outbox, NOW + 9)] == ["b2"]


def test_no_two_workers_claim_the_same_message(outbox: Outbox, tmp_path: Path) -> None:
    for number in range(200):
        outbox.put(f"{number:04x}", b"", NOW)
    claimed: list[list[str]] = [[] for _ in range(4)]
    together = threading.Barrier(4)

    def work(mine: list[str]) -> None:
        worker = Outbox(tmp_path / "spool" / "box", PAUSES)
        together.wait()
        mine += [message.id for message in worker.claim(NOW, 200)]

    threads = [threading.Thread(target=work, args=[mine]) for mine in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [id for mine in claimed for id in mine]
    assert len(everything) == len(set(everything)) == 200


def test_files_of_others_are_left_alone_and_nobody_else_may_read_ours(outbox: Outbox, tmp_path: Path) -> None:
    outbox.put("a1", b"body", NOW)
    box = tmp_path / "spool" / "box"
    for name in ("notes.json", "1-x-a.json", "00000000000001-00-b2.json.new-1234"):
        (box / name).write_bytes(b"")
    assert [message.id for message in claim(outbox, NOW)] == ["a1"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (box, box.parent)] == [0o700, 0o700]
    assert {stat.S_IMODE(file.stat().st_mode) for file in box.glob("*a1.json")} == {0o600}
