"""What was worked out for a key, remembered within bounds: keys come from outside, so they must not fill memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

MAX_ENTRIES = 4096
MAX_LENGTH = 128
"""Of a key, unless a memo says otherwise."""

K = TypeVar("K", bound=str | bytes)
V = TypeVar("V")


class Memo(dict[K, V], Generic[K, V]):
    """A dictionary that asks ``read`` for what it lacks, and forgets everything when it is full."""

    def __init__(self, read: Callable[[K], V], longest: int = MAX_LENGTH) -> None:
        super().__init__()
        self._read = read
        self._longest = longest

    def __missing__(self, key: K) -> V:
        value = self._read(key)
        if len(key) <= self._longest:
            if len(self) >= MAX_ENTRIES:
                self.clear()
            self[key] = value
        return value
