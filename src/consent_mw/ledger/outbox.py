"""Messages that have to arrive: a directory with one synced file each, until somebody took it or its time is up.

A file's name says when it is due, how often it was tried, and its id. To claim a message is to rename it to its next
turn: of several workers only one can, and whoever dies with a message in hand has put it back already.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from consent_mw.ledger.files import write_synced

SUFFIX = ".json"
FAILED = ".failed"
JITTER = 0.1
"""So that what failed together does not come back together."""


class Message(NamedTuple):
    """:ivar attempts: this one included; ``last``: there is no other after it"""

    id: str
    body: bytes
    name: str
    attempts: int
    last: bool


class Outbox:
    """At-least-once delivery across restarts and workers; the caller delivers.

    :param directory: made with mode 0700 when it is first needed
    :param pauses: seconds from one attempt to the next, the first longer than an attempt may take
    """

    def __init__(self, directory: Path, pauses: Sequence[float]) -> None:
        self._directory = directory
        self._pauses = pauses

    def put(self, id: str, body: bytes, now: float) -> None:
        """Durable when it returns.

        :param id: letters and digits, its own; it stays the same at every attempt
        :raises OSError: it could not be written
        """
        write_synced(self._directory, _name(now, 0, id), body)

    def next_due(self) -> float | None:
        """Epoch seconds of the next turn; None when nothing waits."""
        names = self._names()
        return _due(names[0]) if names else None

    def claim(self, now: float, limit: int) -> list[Message]:
        """At most so many of the messages that are due, oldest turn first, each taken by this caller alone."""
        due = [name for name in self._names() if _due(name) <= now]
        claimed = (self._claimed(name, now) for name in due[:limit])
        return [message for message in claimed if message is not None]

    def done(self, message: Message) -> None:
        (self._directory / message.name).unlink(missing_ok=True)

    def give_up(self, message: Message) -> None:
        """Set aside under another name, never deleted: somebody may have to be told by hand."""
        with contextlib.suppress(FileNotFoundError):
            (self._directory / message.name).rename(self._directory / f"{message.id}{FAILED}")

    def _claimed(self, name: str, now: float) -> Message | None:
        attempts, id = int(name.split("-")[1]), name.removesuffix(SUFFIX).split("-")[2]
        pause = self._pauses[min(attempts, len(self._pauses) - 1)]
        next_turn = _name(now + pause * (1 + random.uniform(0, JITTER)), attempts + 1, id)  # noqa: S311, no secret
        try:
            (self._directory / name).rename(self._directory / next_turn)
            body = (self._directory / next_turn).read_bytes()
        except FileNotFoundError:
            return None  # another worker was faster
        return Message(id, body, next_turn, attempts + 1, attempts >= len(self._pauses))

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._directory) if _is_message(name))
        return []


def _name(due: float, attempts: int, id: str) -> str:
    return f"{int(due * 1000):014d}-{attempts:02d}-{id}{SUFFIX}"


def _due(name: str) -> float:
    return int(name.partition("-")[0]) / 1000


def _is_message(name: str) -> bool:
    due, _, rest = name.partition("-")
    attempts = rest.partition("-")[0]
    return name.endswith(SUFFIX) and due.isdigit() and attempts.isdigit() and name.count("-") == 2
