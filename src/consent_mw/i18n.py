"""The banner's languages: one JSON file per BCP 47 tag, complete or refused, and the choice among them.

A file holds ``tag``, its own ``name``, ``direction``, whether a native speaker has ``reviewed`` it, and ``texts``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, NamedTuple

from consent_mw.errors import ConfigError

MAX_HEADER_LENGTH = 1024
MAX_RANGES = 32
MAX_REMEMBERED = 256
SOURCE_TAG = "en"
"""The language whose keys all the others must have."""

Direction = Literal["ltr", "rtl"]

# Where a request leaves out the script, or uses an old or wider code (CLDR likely subtags and aliases, what we ship).
_LIKELY = {
    "zh": "zh-hans",
    "zh-cn": "zh-hans",
    "zh-sg": "zh-hans",
    "zh-my": "zh-hans",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
    "cmn": "zh-hans",
    "yue": "zh-hant",
    "no": "nb",
    "nn": "nb",
    "iw": "he",
    "in": "id",
    "mo": "ro",
}


class Locale(NamedTuple):
    tag: str
    name: str
    direction: Direction
    reviewed: bool
    texts: Mapping[str, str]


class Locales:
    """Every language we ship.

    :param folder: where the files are; by default those of this package
    :raises ConfigError: when a file is malformed, lacks a text or has one too many
    """

    def __init__(self, folder: Traversable | None = None) -> None:
        source = folder if folder is not None else banner_folder() / "locales"
        found = [_read(entry) for entry in source.iterdir() if entry.name.endswith(".json")]
        self._locales = {locale.tag: locale for locale in sorted(found)}
        if SOURCE_TAG not in self._locales:
            raise ConfigError(f"locales: {SOURCE_TAG}.json is missing")
        keys = self._locales[SOURCE_TAG].texts.keys()
        for locale in self._locales.values():
            if locale.texts.keys() != keys:
                wrong = ", ".join(sorted(locale.texts.keys() ^ keys))
                raise ConfigError(f"locales: {locale.tag}.json lacks, or has beyond {SOURCE_TAG}.json: {wrong}")
        self._negotiated = lru_cache(MAX_REMEMBERED)(self._best)

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self._locales)

    def __getitem__(self, tag: str) -> Locale:
        """:raises LookupError: for a language we do not ship"""
        return self._locales[tag]

    def texts(self, tag: str) -> Mapping[str, str]:
        return self._locales[tag].texts

    def direction(self, tag: str) -> Direction:
        return self._locales[tag].direction

    def negotiate(self, accept_language: str, allowed: Sequence[str]) -> str:
        """The allowed language that a visitor reads best (RFC 9110 12.5.4, RFC 4647 lookup), else the first one.

        Linear in a bounded part of the header, and remembered; never raises.
        """
        return self._negotiated(accept_language[:MAX_HEADER_LENGTH], tuple(allowed))

    def _best(self, accept_language: str, allowed: tuple[str, ...]) -> str:
        known = {tag.lower(): tag for tag in allowed if tag in self._locales}
        if not known:
            return SOURCE_TAG
        for wanted in _ranges(accept_language):
            for candidate in _lookup(wanted):
                if candidate in known:
                    return known[candidate]
            language = wanted.partition("-")[0]
            for lower, tag in known.items():  # another script or region of the language beats another language
                if lower.partition("-")[0] == language:
                    return tag
        return next(iter(known.values()))


def shipped_tags() -> tuple[str, ...]:
    """Every language we ship; English first, for visitors who read none of them."""
    names = sorted(entry.name for entry in (banner_folder() / "locales").iterdir())
    others = (name.removesuffix(".json") for name in names if name.endswith(".json") and name != f"{SOURCE_TAG}.json")
    return (SOURCE_TAG, *others)


def banner_folder() -> Traversable:
    """``static/banner``: inside the installed package, or at the root of a source tree."""
    installed = files("consent_mw") / "static" / "banner"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "static" / "banner"


def _read(entry: Traversable) -> Locale:
    try:
        values = json.loads(entry.read_text(encoding="utf-8"))
        tag, name, direction, reviewed = (values[key] for key in ("tag", "name", "direction", "reviewed"))
        texts = values["texts"]
        well_typed = isinstance(texts, dict) and all(isinstance(text, str) and text for text in texts.values())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"locales: {entry.name} cannot be read: {error!r}") from error
    if f"{tag}.json" != entry.name or direction not in ("ltr", "rtl") or not isinstance(reviewed, bool):
        raise ConfigError(f"locales: {entry.name}: tag, direction ('ltr' or 'rtl') or reviewed (a boolean) is wrong")
    if not well_typed:
        raise ConfigError(f"locales: {entry.name}: texts is a table of texts, none of them empty")
    return Locale(tag, str(name), direction, reviewed, texts)


def _ranges(header: str) -> list[str]:
    """Language ranges, most wanted first; equally wanted ones as they stand. ``q=0`` and what is malformed is out."""
    weighted: list[tuple[float, str]] = []
    for part in header.lower().split(",")[:MAX_RANGES]:
        tag, _, parameters = part.partition(";")
        tag = tag.strip().replace("_", "-")
        weight = _weight(parameters)
        if weight > 0 and tag.isascii() and tag.replace("-", "").isalnum():
            weighted.append((weight, tag))
    weighted.sort(key=lambda entry: -entry[0])
    return [tag for _, tag in weighted]


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition(";")[0].strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def _lookup(tag: str) -> Iterator[str]:
    """RFC 4647 section 3.4: the tag, then ever shorter; each also as CLDR would complete it."""
    parts = tag.split("-")
    for end in range(len(parts), 0, -1):
        shorter = "-".join(parts[:end])
        yield shorter
        if shorter in _LIKELY:
            yield _LIKELY[shorter]
