"""The command line, ``consent-mw``. Each command is a few lines over the library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from consent_mw import cli_ledger
from consent_mw.build import build_policy
from consent_mw.catalog.lists import list_id, read_list
from consent_mw.catalog.load import load_catalog
from consent_mw.catalog.schema import ServiceEntry
from consent_mw.config import ConsentConfig
from consent_mw.core.matching import HostIndex
from consent_mw.core.urls import resolve
from consent_mw.errors import ConsentError
from consent_mw.lint import lint
from consent_mw.policy_diff import policy_diff
from consent_mw.report import as_text, read_report
from consent_mw.suggest import as_toml, read_log

OK, FAILED, MISUSED = 0, 1, 2


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something is wrong, 2 misused."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options, out if out is not None else sys.stdout))
    except (ConsentError, OSError) as error:
        print(f"consent-mw: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="consent-mw", description="Consent for ASGI apps, enforced on the server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="check a configuration file and show what it asks visitors")
    check.add_argument("config", help="path of the TOML file")
    check.add_argument("--strict", action="store_true", help="fail when there is a remark")
    check.set_defaults(run=_check)

    suggest = commands.add_parser("suggest", help="write the configuration for what a log says was observed")
    suggest.add_argument("log", nargs="?", help="a log file of the app; standard input when absent")
    suggest.set_defaults(run=_suggest)

    report = commands.add_parser("report", help="sum up per route what a site in report-only mode logged")
    report.add_argument("log", nargs="?", help="a log file of the app; standard input when absent")
    report.set_defaults(run=_report)

    catalog = commands.add_parser("catalog", help="list, search and explain the built-in services")
    catalog.add_argument(
        "words", nargs="*", help="show the services that contain every word in id, name, owner or host"
    )
    catalog.add_argument("--host", help="say whose this host, or host/path, is, and which rule says so")
    catalog.add_argument("--config", help="path of a TOML file: its services and block lists count too")
    catalog.set_defaults(run=_catalog)

    policy = commands.add_parser("policy", help="compare two versions of what a site asks")
    versions = policy.add_subparsers(required=True, metavar="COMMAND")
    diff = versions.add_parser("diff", help="explain who will be asked what when NEW takes the place of OLD")
    diff.add_argument("old", help="path of the TOML file in use")
    diff.add_argument("new", help="path of the TOML file to come")
    diff.set_defaults(run=_policy_diff)

    ledger = commands.add_parser("ledger", help="verify, export, count, purge and erase the records of decisions")
    cli_ledger.add_commands(ledger)
    return parser


def _check(options: argparse.Namespace, out: TextIO) -> int:
    config = ConsentConfig.load(options.config)
    policy = build_policy(config)
    print(f"{options.config}: ok, policy {policy.version}, {policy.fingerprint}", file=out)
    for category in policy.categories.values():
        kind = "always on" if category.required else "asked for alone" if category.separate else "asked for"
        services = [service.id for service in policy.declared if category.id in service.categories]
        print(f"  {category.id} ({kind}): {', '.join(services) or 'no declared service'}", file=out)
    for settings in config.enforcement.lists:
        lines, skipped = read_list(settings.file)
        print(f"  {settings.file}: {len(lines)} hosts and paths, {skipped} rules not understood", file=out)
    remarks = lint(config, policy)
    for remark in remarks:
        print(f"  remark {remark}", file=out)
    return FAILED if remarks and options.strict else OK


def _policy_diff(options: argparse.Namespace, out: TextIO) -> int:
    old, new = ConsentConfig.load(options.old), ConsentConfig.load(options.new)
    for line in policy_diff(old, new):
        print(line, file=out)
    return OK


def _suggest(options: argparse.Namespace, out: TextIO) -> int:
    print(as_toml(read_log(_lines(options.log), load_catalog())), file=out)
    return OK


def _report(options: argparse.Namespace, out: TextIO) -> int:
    print(as_text(read_report(_lines(options.log))), file=out)
    return OK


def _lines(path: str | None) -> Iterator[str]:
    """Of a log file, or of standard input."""
    if path is None:
        yield from sys.stdin
    else:
        with open(path, encoding="utf-8", errors="replace") as log:
            yield from log


def _catalog(options: argparse.Namespace, out: TextIO) -> int:
    if options.host is not None:
        return _whose(options.host, ConsentConfig.load(options.config), out)
    words = [word.lower() for word in options.words]
    found = [service for service in load_catalog().services if _mentions(service, words)]
    if len(found) == 1:
        _explain(found[0], out)
    else:
        for service in found:
            print(f"{service.id:28} {', '.join(service.purposes):32} {service.name} ({service.country})", file=out)
        print(f"{len(found)} services", file=out)
    return OK if found else FAILED


def _whose(reference: str, config: ConsentConfig, out: TextIO) -> int:
    target = resolve(reference if "//" in reference else f"//{reference}")
    service = build_policy(config).host_index.find(*target) if target is not None else None
    if target is None or service is None:
        print(f"{reference}: nobody's, it is not held back", file=out)
        return FAILED
    print(f"{target.host}: {service.name} ({service.id}), waits for {', '.join(service.categories)}", file=out)
    for settings in config.enforcement.lists:
        if list_id(settings.file) == service.id:
            lines = read_list(settings.file).lines
            rule = HostIndex(zip(lines, lines.items(), strict=True)).find(*target)
            if rule is not None:
                print(f"  {settings.file}, line {rule[1]}: {rule[0]}", file=out)
    return OK


def _mentions(service: ServiceEntry, words: Sequence[str]) -> bool:
    if words == [service.id]:
        return True
    text = " ".join((service.id, service.name, service.owner, *service.hosts, *service.paths)).lower()
    return all(word in text for word in words)


def _explain(service: ServiceEntry, out: TextIO) -> None:
    print(f"{service.id}: {service.name}, {service.owner} ({service.country}), number {service.number}", file=out)
    rows = {
        "purposes": service.purposes,
        "hosts": (*service.hosts, *service.paths),
        "cookies": [f"{cookie.name} ({_days(cookie.days)})" for cookie in service.cookies],
        "storage": service.storage,
        "inline": service.inline,
        "policy": [service.policy_url],
        "note": [service.note],
    }
    for name, values in rows.items():
        if any(values):
            print(f"  {name:9} {', '.join(values)}", file=out)
    print(f'  declare   use = ["{service.id}"]', file=out)


def _days(days: float | None) -> str:
    return "lifetime unknown" if days is None else "session" if days == 0 else f"{days:g} days"
