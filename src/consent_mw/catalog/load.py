"""Reads the catalogue's data files."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from consent_mw.catalog.schema import CatalogFile


@cache
def load_catalog() -> CatalogFile:
    """All services and framework cookies of the built-in catalogue."""
    folder = files("consent_mw.catalog") / "services"
    parts = [
        CatalogFile.model_validate(tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]
    return CatalogFile(
        services=tuple(service for part in parts for service in part.services),
        cookies=tuple(cookie for part in parts for cookie in part.cookies),
    )
