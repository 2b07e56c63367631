"""Reads the regimes' data file."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from consent_mw.regimes.schema import RegimesFile


@cache
def load_regimes() -> RegimesFile:
    """All regimes, each completed from its base, and all rules.

    :raises pydantic.ValidationError: when the file does not have the shape of :class:`RegimesFile`
    """
    values = tomllib.loads((files("consent_mw.regimes") / "regimes.toml").read_text(encoding="utf-8"))
    by_id = {entry["id"]: entry for entry in values["regimes"]}
    return RegimesFile.model_validate({**values, "regimes": [_completed(entry, by_id) for entry in by_id.values()]})


def _completed(entry: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> dict[str, Any]:
    base = by_id.get(entry.get("base", ""), {})
    return {**base, **entry, "rules": [*base.get("rules", ()), *entry["rules"]]}
