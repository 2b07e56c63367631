"""From what a running site logged to the configuration that would classify it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from consent_mw.catalog.schema import CatalogFile, CookieName

# The lines that web/observed.py writes, wherever they stand in a log line.
_UNCLASSIFIED = re.compile(r"unclassified (?:request|response) cookie '([^']{1,200})'")
_COOKIE_NAME: TypeAdapter[str] = TypeAdapter(CookieName)
_SERVICE = re.compile(r"\(service ([a-z0-9_-]{1,64})[,)]")


@dataclass(slots=True)
class Suggestion:
    """What was seen, in the order it was seen."""

    cookies: dict[str, None] = field(default_factory=dict)
    services: dict[str, None] = field(default_factory=dict)


def read_log(lines: Iterable[str], catalog: CatalogFile) -> Suggestion:
    """Collect the names that the middleware reported; every other line is passed over."""
    known = {service.id for service in catalog.services}
    seen = Suggestion()
    for line in lines:
        if (cookie := _UNCLASSIFIED.search(line)) is not None:
            seen.cookies[cookie[1]] = None
        if (service := _SERVICE.search(line)) is not None and service[1] in known:
            seen.services[service[1]] = None
    return seen


def as_toml(seen: Suggestion) -> str:
    """The configuration, ready to paste. Whether a service is wanted, and what a cookie is for, only a person knows."""
    lines = []
    if seen.services:
        lines += ["# Seen on your pages. Keep those you really use: visitors are asked for them by name."]
        lines += ["use = [" + ", ".join(f'"{id}"' for id in seen.services) + "]", ""]
    for name in seen.cookies:
        if not _can_be_configured(name):
            lines += [f"# Left out, because nobody but a visitor names a cookie like this: {name!a}", ""]
            continue
        lines += ["[[cookies]]", f'name = "{name}"']
        lines += ['category = "identification"  # or "necessary", if the site cannot work without it', ""]
    return "\n".join(lines) if lines else "# Nothing was observed that needs classifying.\n"


def _can_be_configured(name: str) -> bool:
    """Visitors choose what they send: a name with a star would classify more than itself."""
    try:
        _COOKIE_NAME.validate_python(name)
    except ValidationError:
        return False
    return "*" not in name
