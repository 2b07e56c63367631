"""Reads the catalogue's data files. Their shape is checked here, what they say in :mod:`consent_mw.catalog.check`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from consent_mw.catalog.schema import CatalogFile, NotGated, ServiceEntry

_PACKAGE = "consent_mw.catalog"


@cache
def load_catalog() -> CatalogFile:
    """All services, by number, and all framework cookies, by file; read once (about 40 ms)."""
    parts = read_files().values()
    services = [service for part in parts for service in part.services]
    return CatalogFile(
        services=tuple(sorted(services, key=_by_number)),
        cookies=tuple(cookie for part in parts for cookie in part.cookies),
    )


def read_files() -> dict[str, CatalogFile]:
    """Each data file by its kind, which is its name: ``analytics``, ``video`` and so on.

    :raises pydantic.ValidationError: when a file does not have the shape of :class:`CatalogFile`
    """
    entries = sorted((files(_PACKAGE) / "services").iterdir(), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".toml"): CatalogFile.model_validate(tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in entries
        if entry.name.endswith(".toml")
    }


def read_not_gated() -> dict[str, str]:
    """The hosts that the catalogue leaves alone on purpose, each with the reason."""
    text = (files(_PACKAGE) / "not_gated.toml").read_text(encoding="utf-8")
    return NotGated.model_validate(tomllib.loads(text)).reasons


def _by_number(service: ServiceEntry) -> int:
    return service.number or 0
