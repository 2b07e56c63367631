"""``consent-mw ledger``: what an auditor, and whoever runs the site, does with the records."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from consent_mw.config import ConsentConfig, check_secrets
from consent_mw.core.regime import Regime
from consent_mw.errors import ConfigError, LedgerError
from consent_mw.ledger.erasure import erase, expired, purge
from consent_mw.ledger.heads import PublicKey, Signer, keep_head, seed_from_secret_key, seed_from_signing_key
from consent_mw.ledger.open import open_store
from consent_mw.ledger.receipts import verify_receipt
from consent_mw.ledger.recorder import append_note, utc_now
from consent_mw.ledger.reports import history, records, stats, write_csv, write_jsonl
from consent_mw.ledger.verify import verify
from consent_mw.regimes.load import load_regimes

OK, FAILED = 0, 1
DEFAULT_LEDGER = "sqlite:///consent.sqlite3"
LEDGER_VARIABLE = "CONSENT_MW_LEDGER"
SECRET_VARIABLE = "CONSENT_MW_SECRET_KEY"  # noqa: S105 - a name

_TIME = re.compile(r"^\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\dZ?)?)?)?)?)?$")
Progress = Callable[[int, int], None]
Command = Callable[[argparse.Namespace, TextIO], int]


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Hang the commands below ``ledger``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help)
        dsn = os.environ.get(LEDGER_VARIABLE, DEFAULT_LEDGER)
        added.add_argument("--ledger", metavar="DSN", default=dsn, help=f"default: ${LEDGER_VARIABLE}, or {dsn}")
        added.set_defaults(run=run)
        return added

    _verify_options(command("verify", _verify, "check every record, proof and head; name what was altered"))
    _export_options(command("export", _export, "write records as JSONL or CSV"))
    _stats_options(command("stats", _stats, "rates per category, and counts by day, event, method and regime"))
    _purge_options(command("purge", _purge, "delete whole records whose time is over; roots and proofs stay"))
    gone = command("erase", _erase, "delete the personal half of one visitor's records")
    gone.add_argument("subject", help="the id in their cookie, receipt or history")
    shown = command("text", _text, "print the words that a visitor was shown")
    shown.add_argument("hash", help="sha256-…, as their record, receipt or export has it")
    _head_options(command("head", _head, "sign the ledger's head and print it, to publish where nobody can change it"))
    _add_receipt(commands.add_parser("receipt", help="check a visitor's receipt"))


def _verify_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", action="append", default=[], help="public key, or a file of it, that must have signed")
    parser.add_argument("--witness", action="append", default=[], metavar="FILE", help="published heads, or a receipt")


def _export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    parser.add_argument("--subject", help="only this visitor's, of any time, by the id in their cookie or receipt")
    parser.add_argument("--output", type=Path, help="a file; standard output when absent")
    _time_options(parser)


def _stats_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    _time_options(parser)


def _time_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", type=_time, help="first time to include: 2026, 2026-11, 2026-11-24, …")
    parser.add_argument("--until", type=_time, help="time to stop before")


def _purge_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", action="append", type=_keep, default=[], metavar="REGIME=DAYS", help="repeatable")
    parser.add_argument("--config", help="TOML file: its ledger.retention_days counts for regimes not named")
    parser.add_argument("--as-regimes-ask", action="store_true", help="keep for as long as each regime's law asks")
    parser.add_argument("--hold", type=Path, help="file of subject ids, one a line, whose records stay (a legal hold)")
    parser.add_argument("--dry-run", action="store_true", help="only count")


def _head_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", help=f"TOML file with ledger.signing_key; else ${SECRET_VARIABLE} is the secret")
    parser.add_argument("--to", type=Path, metavar="FILE", help="append it to this file, too")
    parser.add_argument("--public-key", action="store_true", help="print only the key that checks heads and receipts")


def _add_receipt(parser: argparse.ArgumentParser) -> None:
    check = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "verify", help="needs no ledger and no network, only the site's public key"
    )
    check.add_argument("file", type=Path)
    check.add_argument("--key", action="append", required=True, help="the site's public key, or a file that holds it")
    check.set_defaults(run=_verify_receipt)


def _verify(options: argparse.Namespace, out: TextIO) -> int:
    keys, witnesses = _keys(options.key), [note for file in options.witness for note in _notes(Path(file))]
    with open_store(options.ledger) as store, _progress("verifying") as progress:
        report = verify(store, keys=keys, witnesses=witnesses, progress=progress)
    for problem in report.problems:
        print(problem, file=out)
    found = f"{len(report.problems)} problems" if report.problems else "ok"
    print(f"{report.size} entries, root {report.root.hex()}: {found}", file=out)
    if not (keys and witnesses):
        print("a rewrite of everything shows only against --witness heads checked with --key", file=sys.stderr)
    return FAILED if report.problems else OK


def _export(options: argparse.Namespace, out: TextIO) -> int:
    write = write_csv if options.format == "csv" else write_jsonl
    with open_store(options.ledger) as store, _output(options.output, out) as file:
        if options.subject is None:
            write(records(store, **_between(options)), file)
        else:
            write(history(store, options.subject), file)
    return OK


def _text(options: argparse.Namespace, out: TextIO) -> int:
    with open_store(options.ledger) as store:
        words = dict(store.texts()).get(options.hash)
    if words is None:
        raise LedgerError(f"the ledger keeps no text {options.hash}")
    print(json.dumps(json.loads(words), ensure_ascii=False, indent=2), file=out)
    return OK


def _stats(options: argparse.Namespace, out: TextIO) -> int:
    with open_store(options.ledger) as store:
        figures = stats(records(store, **_between(options)))
    if options.json:
        print(json.dumps(figures._asdict()), file=out)
        return OK
    print(f"{figures.records} decisions", file=out)
    for name, counted in figures._asdict().items():
        if isinstance(counted, Counter):
            print(name.replace("_", " "), file=out)
            for value, count in sorted(counted.items()):
                print(f"  {value:32} {count:9} {count / figures.records:7.1%}", file=out)
    return OK


def _purge(options: argparse.Namespace, out: TextIO) -> int:
    before = _before(options)
    hold = options.hold.read_text(encoding="utf-8").split() if options.hold is not None else ()
    with open_store(options.ledger) as store:
        if options.dry_run:
            count = sum(len(page) for page in expired(store, before, hold))
            print(f"{count} records would be purged", file=out)
        else:
            count = purge(store, before, _today().isoformat(), hold=hold)
            print(f"{count} records purged", file=out)
    return OK


def _before(options: argparse.Namespace) -> Mapping[str, str]:
    """Per regime, the time before which its records go."""
    days = _evidence_days() if options.as_regimes_ask else {}
    if options.config is not None:
        configured = ConsentConfig.load(options.config).ledger.retention_days
        if configured is not None:
            days = dict.fromkeys(_evidence_days(), configured)
    days |= dict(options.keep)
    if not days:
        allowed = "--keep REGIME=DAYS, --config FILE and --as-regimes-ask"
        raise ConfigError(f"nothing says how long records are kept: allowed are {allowed}")
    return {regime: f"{_today() - timedelta(days=kept)}T00:00:00Z" for regime, kept in days.items()}


def _evidence_days() -> dict[str, int]:
    """Every regime a record can name, with how long its records are to be kept."""
    by_id = {entry.id: entry.evidence_days for entry in load_regimes().regimes}
    return dict.fromkeys((regime.value for regime in Regime), by_id["strict"]) | by_id


def _erase(options: argparse.Namespace, out: TextIO) -> int:
    with open_store(options.ledger) as store:
        count = len(erase(store, options.subject, _today().isoformat()))
    print(f"{count} records erased", file=out)
    return OK if count else FAILED


def _head(options: argparse.Namespace, out: TextIO) -> int:
    with open_store(options.ledger) as store:
        signer = Signer(_seed(options.config), store.id())
        if options.public_key:
            print(signer.public, file=out)
            return OK
        note = keep_head(store, signer, utc_now())
    if options.to is not None:
        append_note(options.to, note)
    print(note, end="", file=out)
    return OK


def _verify_receipt(options: argparse.Namespace, out: TextIO) -> int:
    try:
        receipt = json.loads(options.file.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{str(options.file)!r} is no JSON: {error}") from error
    proven = verify_receipt(receipt, _keys(options.key))
    evidence, head = proven.evidence, proven.head
    print(f"genuine: entry {proven.position} of {head.origin}, under its head of {head.time}", file=out)
    for name in ("time", "event", "method", "site", "policy", "fingerprint", "text", "language"):
        print(f"  {name:12} {evidence[name]}", file=out)
    for id, decision in {**evidence["categories"], **evidence["services"]}.items():
        print(f"  {decision:12} {id}", file=out)
    return OK


def _seed(config: str | None) -> bytes:
    signing_key = ConsentConfig.load(config).ledger.signing_key if config is not None else None
    if signing_key is not None:
        return seed_from_signing_key(signing_key)
    secret = os.environ.get(SECRET_VARIABLE)
    if secret is None:
        raise ConfigError(f"no key to sign with: allowed are --config with ledger.signing_key, or ${SECRET_VARIABLE}")
    return seed_from_secret_key(check_secrets(secret)[-1])


def _keys(given: Sequence[str]) -> list[PublicKey]:
    lines = (line for text in given for line in (Path(text).read_text() if os.path.exists(text) else text).splitlines())
    return [PublicKey.parse(line) for line in lines if line.strip()]


def _notes(file: Path) -> list[str]:
    """The heads in a file, as :func:`append_note` or a copy by hand leaves them; a receipt holds one, too."""
    text = file.read_text(encoding="utf-8")
    if text.lstrip().startswith("{"):
        text = json.loads(text)["proof"]["head"]
    return [match[0] for match in re.finditer(r"^[^\n]+\n\d+\n(?:[^\n]+\n)+\n(?:— [^\n]+\n)+", text, re.MULTILINE)]


def _between(options: argparse.Namespace) -> dict[str, str]:
    return {name: value for name in ("since", "until") if (value := getattr(options, name)) is not None}


def _time(text: str) -> str:
    if not _TIME.match(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; allowed: 2026, 2026-11, 2026-11-24, 2026-11-24T02:00:00Z"
        )
    return text


def _keep(text: str) -> tuple[str, int]:
    regime, _, days = text.partition("=")
    known = _evidence_days()
    if regime not in known or not days.isascii() or not days.isdigit() or int(days) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: allowed is REGIME=DAYS, REGIME one of {', '.join(known)}")
    return regime, int(days)


def _today() -> date:
    return datetime.now(UTC).date()


@contextmanager
def _output(path: Path | None, out: TextIO) -> Iterator[TextIO]:
    if path is None:
        yield out
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A bar on a terminal, where the extra ``cli`` is installed."""
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ModuleNotFoundError:
        yield _silent
        return
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task: Any = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _silent(done: int, total: int) -> None:
    """No bar."""
