"""Where a refusal or withdrawal waits while the ledger is down: a directory with one synced file per record.

A file's name is the record's key, which begins with the time: the order of names is the order of replay. Several
workers may fill and empty the directory at once, because a record that is replayed twice is stored once.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consent_mw.ledger.base import Event, Method, Personal, Record, Statement
from consent_mw.ledger.files import write_synced

logger = logging.getLogger("consent_mw")

SUFFIX = ".json"
DAMAGED = ".damaged"
LOOK_SECONDS = 0.1


class Spool:
    """Records that were honoured before they could be stored.

    :param directory: made with mode 0700 when it is first needed; None keeps everything in memory only
    """

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._memory: dict[str, Record] = {}
        self._found = False
        self._look_again = 0.0

    def waiting(self) -> int:
        """How many records wait."""
        return len(self._memory) + len(self._names())

    def may_wait(self) -> bool:
        """Whether any do, asked before every decision: what other workers spooled is seen a moment later."""
        now = time.monotonic()
        if now > self._look_again:
            self._found = self.waiting() > 0
            self._look_again = now + LOOK_SECONDS
        return self._found

    def put(self, record: Record) -> bool:
        """Keep the record; True once it is durable. Where no file can be written it waits in memory."""
        self._look_again = 0.0
        try:
            if self.directory is not None:
                write_synced(self.directory, f"{record.key}{SUFFIX}", json.dumps(_fields(record)).encode())
                return True
        except OSError:
            logger.exception("spool %s: a decision cannot be written; it is kept in memory", self.directory)
        self._memory[record.key] = record
        return False

    def records(self) -> Iterator[Record]:
        """What waits, oldest first. A file that cannot be read is set aside under another name, never deleted."""
        for key in sorted({*self._memory, *self._names()}):
            record = self._memory.get(key) or self._read(key)
            if record is not None:
                yield record

    def remove(self, key: str) -> None:
        """Once the record is in the ledger."""
        self._look_again = 0.0
        if self._memory.pop(key, None) is None and self.directory is not None:
            (self.directory / f"{key}{SUFFIX}").unlink(missing_ok=True)

    def _names(self) -> list[str]:
        if self.directory is None:
            return []
        with contextlib.suppress(OSError):
            return [name.removesuffix(SUFFIX) for name in os.listdir(self.directory) if name.endswith(SUFFIX)]
        return []

    def _read(self, key: str) -> Record | None:
        path = self.directory / f"{key}{SUFFIX}" if self.directory is not None else Path()
        try:
            return _record(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None  # another worker has just replayed it
        except (OSError, ValueError, KeyError, TypeError):
            logger.exception("spool: %s is no record; it is set aside as %s", path, DAMAGED)
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(DAMAGED))
            return None


def _fields(record: Record) -> dict[str, Any]:
    return {
        "evidence": json.loads(record.evidence()),
        "personal": record.personal.as_json(),
        "secret": base64.b64encode(record.secret).decode(),
    }


def _record(fields: dict[str, Any]) -> Record:
    evidence, personal = fields["evidence"], fields["personal"]
    said = {name: value for name, value in evidence.items() if name not in ("key", "time", "personal", "version")}
    statement = Statement(
        **{
            **said,
            "event": Event(evidence["event"]),
            "method": Method(evidence["method"]),
            "signals": tuple(evidence["signals"]),
        }
    )
    return Record(
        key=evidence["key"],
        time=evidence["time"],
        statement=statement,
        personal=Personal(**{**personal, "subject": personal["subject"] or None}),
        secret=base64.b64decode(fields["secret"], validate=True),
    )
