"""Reading records back: history, exports and figures. Nothing here changes the ledger."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO

from consent_mw.ledger.base import Event
from consent_mw.ledger.store import Row, Store

PAGE = 1024
COLUMNS = (
    "index", "time", "event", "method", "site", "regime", "policy", "fingerprint", "text", "language", "layer",
    "categories", "services", "signals", "subject", "device", "page", "key",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def records(store: Store, *, since: str = "", until: str = "~") -> Iterator[dict[str, Any]]:
    """Decisions in the order they were stored, with what is left of their personal halves.

    :param since: first time to include, RFC 3339 or a beginning of it (``2026-11``)
    :param until: time to stop before
    """
    size = store.size()
    for start in range(0, size, PAGE):
        for row in store.rows(start, min(start + PAGE, size)):
            record = as_record(row)
            if record is not None and since <= record["time"] < until:
                yield record


def history(store: Store, subject: str) -> list[dict[str, Any]]:
    """What a subject decided, oldest first; empty for one that is unknown or was erased."""
    rows = (row for position in store.of_subject(subject) for row in store.rows(position, position + 1))
    return [record for record in map(as_record, rows) if record is not None]


class Meaning(NamedTuple):
    """What a version of a policy means.

    :ivar sites: the site's own hosts; empty where they are not known, for every host in the ledger
    """

    version: str
    fingerprint: str
    sites: frozenset[str] = frozenset()


class Contradiction(NamedTuple):
    """The last record that says a version meant something else."""

    fingerprint: str
    site: str
    time: str


def contradictions(store: Store, meaning: Meaning) -> list[Contradiction]:
    """What else the same version means, as the newest records have it."""
    size, found = store.size(), dict[str, Contradiction]()
    for record in filter(None, map(as_record, store.rows(max(0, size - PAGE), size))):
        told = Contradiction(record["fingerprint"], record["site"], record["time"])
        is_ours = not meaning.sites or told.site in meaning.sites
        if is_ours and record["policy"] == meaning.version and told.fingerprint != meaning.fingerprint:
            found[told.fingerprint] = told
    return list(found.values())


def latest_decision(store: Store, subject: str) -> int | None:
    """Position of the last thing that a subject decided; None for one that is unknown or was erased."""
    decided = (record["index"] for record in reversed(history(store, subject)) if _is_decision(record))
    return next(decided, None)


def _is_decision(record: Mapping[str, Any]) -> bool:
    return record["event"] not in (Event.NOTICE_SHOWN, Event.EXPIRED)


def as_record(row: Row) -> dict[str, Any] | None:
    """A decision as a JSON object; None for what was purged and for the ledger's entries about itself."""
    evidence = json.loads(row.evidence) if row.evidence is not None else {}
    if "categories" not in evidence:
        return None
    personal = row.personal.as_json() if row.personal is not None else {}
    return {"index": row.position, **evidence, "personal": personal or None}


def write_jsonl(records: Iterable[Mapping[str, Any]], out: TextIO) -> None:
    for record in records:
        out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_csv(records: Iterable[Mapping[str, Any]], out: TextIO) -> None:
    """One line per record. A cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for record in records:
        flat = {**record, **(record["personal"] or {})}
        writer.writerow([_cell(flat.get(column, "")) for column in COLUMNS])


class Stats(NamedTuple):
    """How often what was decided. Rates are counts over ``records``; notices that were shown are none of them."""

    records: int
    granted: Counter[str]
    """By category."""
    by_day: Counter[str]
    by_event: Counter[str]
    by_method: Counter[str]
    by_regime: Counter[str]


def stats(records: Iterable[Mapping[str, Any]]) -> Stats:
    figures = Stats(0, Counter(), Counter(), Counter(), Counter(), Counter())
    total = 0
    for record in records:
        if not _is_decision(record):
            figures.by_event[record["event"]] += 1
            continue
        total += 1
        figures.granted.update(id for id, decision in record["categories"].items() if decision == "granted")
        figures.by_day[record["time"][:10]] += 1
        figures.by_event[record["event"]] += 1
        figures.by_method[record["method"]] += 1
        figures.by_regime[record["regime"]] += 1
    return figures._replace(records=total)


def _cell(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return "'" + text if text.startswith(_FORMULA) else text
