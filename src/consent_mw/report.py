"""From what a site in report-only mode logged to a summary per route: ``consent-mw report``."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

Routes = Mapping[str, Mapping[str, list[str]]]

# The lines that web/report_only.py writes, wherever they stand in a log line.
_LINE = re.compile(r"consent-report (\{.*\})")
_KINDS = {
    "services": "would hold back on the page",
    "request_cookies": "would keep from the app",
    "response_cookies": "would not set",
    "unclassified": "cookies nobody has classified",
    "places": "would take out of requests",
}


def read_report(lines: Iterable[str]) -> Routes:
    """Per route and kind the names; every line that is no report is passed over."""
    routes: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        found = _LINE.search(line)
        try:
            entry = json.loads(found[1]) if found is not None else {}
        except ValueError:
            continue
        for kind in _KINDS:
            names = entry.get(kind, [])
            if isinstance(names, list) and names:
                routes[_plain(entry.get("route"))][kind].update(dict.fromkeys(map(_plain, names)))
    return {route: {kind: list(names) for kind, names in kinds.items()} for route, kinds in routes.items()}


def as_text(routes: Routes) -> str:
    if not routes:
        return 'Nothing was reported. Is mode = "report-only", and is the logger consent_mw.report at INFO?'
    width = max(map(len, _KINDS.values()))
    lines = []
    for route, kinds in sorted(routes.items()):
        lines.append(route)
        lines += [f"  {said:{width}}  {', '.join(kinds[kind])}" for kind, said in _KINDS.items() if kind in kinds]
    totals = ((len({name for kinds in routes.values() for name in kinds.get(kind, ())}), kind) for kind in _KINDS)
    counted = ", ".join(f"{count} {kind.replace('_', ' ')}" for count, kind in totals if count)
    return "\n".join([*lines, "", f"{len(routes)} routes: {counted}"])


def _plain(name: object) -> str:
    """A name comes from a visitor: nothing in it may control a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(name))
