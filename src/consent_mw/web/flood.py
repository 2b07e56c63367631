"""One visitor who says the same thing twice, or far too much. Told by the id inside the verified cookie, never by the
cookie's bytes (a signature has several spellings) and never by an address.

A repeat is answered as before and recorded once. Only what switches something on is ever limited, so a withdrawal
always goes through; together with the repeats that bounds what one visitor can write. Who comes without a cookie each
time is a new visitor each time: that is for a proxy's rate limit.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import TypeVar

from consent_mw.core.decision import Stored
from consent_mw.web.problem import Problem

REPEAT_SECONDS = 60.0
WINDOW_SECONDS = 60.0
MAX_GRANTS = 20
"""What a person may switch on within the window, in one worker process."""
MAX_REMEMBERED = 10_000

K = TypeVar("K")
V = TypeVar("V")

Answer = tuple[Stored, str | None]


class Flood:
    """Bounded memory of the last minute."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[float, Answer]] = {}
        self._grants: dict[str, tuple[float, int]] = {}

    def repeated(self, before: Stored | None, now: Stored) -> Answer | None:
        """The earlier answer, and its record, where the visitor says again what they have just said."""
        if before is not None and now == before:
            return before, None  # a refusal again, on the same day
        said, answer = self._answers.get(_key(before, now), (0.0, None))
        return answer if said > time.monotonic() - REPEAT_SECONDS else None

    def remember(self, before: Stored | None, now: Stored, record: str | None) -> None:
        if before is not None and before.subject is not None:
            _make_room(self._answers)
            self._answers[_key(before, now)] = time.monotonic(), (now, record)

    def admit(self, subject: str | None) -> None:
        """Count something that a visitor switches on.

        :raises Problem: 429 when it is one too many
        """
        if subject is None:
            return
        since, count = self._grants.get(subject, (0.0, 0))
        if since < time.monotonic() - WINDOW_SECONDS:
            since, count = time.monotonic(), 0
        if count >= MAX_GRANTS:
            detail = f"allowed: {MAX_GRANTS} a minute; withdrawing always works"
            raise Problem(429, "Too many changes", detail, {"retry-after": str(int(WINDOW_SECONDS))})
        _make_room(self._grants)
        self._grants[subject] = since, count + 1


def _key(before: Stored | None, now: Stored) -> Hashable:
    if before is None or before.subject is None:
        return None
    answers = frozenset(now.categories.items()), frozenset(now.services.items())
    return before.subject, before.sequence, now.signals, answers


def _make_room(memory: dict[K, V]) -> None:
    if len(memory) >= MAX_REMEMBERED:
        memory.clear()
