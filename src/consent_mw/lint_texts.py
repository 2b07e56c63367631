"""Remarks on what a banner says: languages that are missing, and buttons that would not be equal."""

from __future__ import annotations

from collections.abc import Iterator

from consent_mw.config import ConsentConfig
from consent_mw.regimes.schema import RegimeEntry

LANGUAGE_RULES = {"pt": "BR-03", "fr": "QC-03", "en": "IN-03"}
MAX_RATIO = 2.5
"""How much longer than "accept" the word for "reject" may be before it is a smaller button in all but name."""


def remarks_on_texts(config: ConsentConfig, regimes: tuple[RegimeEntry, ...]) -> Iterator[tuple[str, str, str]]:
    """Rule, key and sentence of each remark."""
    yield from _languages(config, regimes)
    yield from _own_words(config)
    yield from _changes(config)


def _languages(config: ConsentConfig, regimes: tuple[RegimeEntry, ...]) -> Iterator[tuple[str, str, str]]:
    spoken = {tag.partition("-")[0] for tag in config.banner.locales}
    for language in dict.fromkeys(entry.languages for entry in regimes):
        if language in LANGUAGE_RULES and language not in spoken:
            yield LANGUAGE_RULES[language], "banner.locales", f"{language} is missing"


def _own_words(config: ConsentConfig) -> Iterator[tuple[str, str, str]]:
    texts = config.banner.texts
    for tag, own in texts.items():
        where, accept, reject = f"banner.texts.{tag}", own.get("accept_all"), own.get("reject_all")
        if (accept is None) != (reject is None):
            yield "CA-10", where, "only one of accept_all and reject_all has words of its own: are both still as plain?"
        elif accept is not None and reject is not None and accept.strip().lower() == reject.strip().lower():
            yield "EU-05", where, "accept_all and reject_all say the same"
        elif accept is not None and reject is not None and len(reject) > MAX_RATIO * len(accept):
            yield "EU-07", where, "reject_all is much longer than accept_all"
    if texts:
        without = [tag for tag in config.banner.locales if tag not in texts]
        if without and len(without) < len(config.banner.locales) and len(texts) > 1:
            yield "EU-18", "banner.texts", f"the site's own words are missing in {', '.join(without)}"


def _changes(config: ConsentConfig) -> Iterator[tuple[str, str, str]]:
    settings = config.policy
    if settings.material and not settings.changes:
        yield "CO-05", "policy.changes", "a material change that does not say what changes"
    if isinstance(settings.changes, dict):
        without = [tag for tag in config.banner.locales if tag not in settings.changes]
        if without:
            yield "EU-18", "policy.changes", f"missing in {', '.join(without)}"
    elif settings.changes and len(config.banner.locales) > 1:
        yield "EU-18", "policy.changes", "one text for all languages; give one list per language"
