"""What happened, for the watch page and for tests: a bounded list that anyone may append to."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

KEPT = 1000

Event = dict[str, Any]


class EventLog:
    """Events in order, the last :data:`KEPT` of them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._next = 0
        self._lock = threading.Lock()

    def add(self, kind: str, **fields: Any) -> None:
        now = datetime.now().astimezone()
        with self._lock:
            self._events.append({"n": self._next, "kind": kind, "at": now.strftime("%H:%M:%S"), **fields})
            self._next += 1

    def since(self, number: int = 0, kind: str | None = None) -> list[Event]:
        """The events from ``number`` on, oldest first."""
        with self._lock:
            return [event for event in self._events if event["n"] >= number and kind in (None, event["kind"])]

    @contextmanager
    def listening_to(self, name: str) -> Iterator[None]:
        """Turn what the logger ``name`` says into events of the kind "blocked"."""
        logger, handler = logging.getLogger(name), _Handler(self)
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.setLevel(before)
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.add("blocked", text=record.getMessage())
