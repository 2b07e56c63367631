"""What a configuration says that the law of its visitors would not like: remarks, each with the rule it comes from.

A remark is no error: the configuration works, and everything that is not granted stays denied. ``consent-mw check``
lists them, and every start says them once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from consent_mw.catalog.load import load_catalog
from consent_mw.config import ConsentConfig
from consent_mw.core.matching import HostIndex
from consent_mw.core.policy import CookieRule, Policy, Service
from consent_mw.core.regime import Regime
from consent_mw.jurisdiction import STRICTEST
from consent_mw.lint_texts import remarks_on_texts
from consent_mw.regimes.load import load_regimes
from consent_mw.regimes.schema import RegimeEntry

EXEMPT = frozenset({"security", "session", "preferences"})
"""The purposes that may be necessary without consent."""
MAX_NAMED = 8
EUROPE = (STRICTEST, "eu", "eu-fr", "eu-it")
"""Whose rules a site is measured by that says nothing of its visitors' regions."""


class Remark(NamedTuple):
    """:ivar rule: id of the rule, as in the regimes' data; ``where``: the key that it is about"""

    rule: str
    where: str
    says: str

    def __str__(self) -> str:
        return f"{self.rule} {self.where}: {self.says}"


@dataclass(frozen=True, slots=True)
class _Subject:
    config: ConsentConfig
    policy: Policy
    regimes: tuple[RegimeEntry, ...]


def lint(config: ConsentConfig, policy: Policy) -> list[Remark]:
    """Every remark on a configuration, in the order of its keys."""
    subject = _Subject(config, policy, _regimes(config))
    return [remark for check in _CHECKS for remark in check(subject)]


def _regimes(config: ConsentConfig) -> tuple[RegimeEntry, ...]:
    """The regimes that this site's visitors may fall under."""
    entries = load_regimes().regimes
    if config.regime.country_header:
        return entries
    if config.regime.default not in (Regime.OPT_IN, Regime.OPT_OUT):
        return tuple(entry for entry in entries if entry.id == config.regime.default)
    return tuple(entry for entry in entries if entry.id in EUROPE)


def _notice(subject: _Subject) -> Iterator[Remark]:
    controller, config = subject.config.controller, subject.config
    if not controller.name:
        yield Remark("EU-16", "controller.name", "visitors are not told who asks")
    if not (controller.email or controller.contact or controller.address or controller.url):
        yield Remark("CN-04", "controller", "no way to reach whoever is responsible: give an email, address or url")
    if not config.policy.privacy_url:
        yield Remark("EU-16", "policy.privacy_url", "no privacy notice is linked")
    if not subject.policy.declares_services:
        yield Remark(
            "FR-05",
            "use",
            "no service is declared: everything is held back, but a consent is valid only for services that visitors "
            "are told about; name them with `use` or [[services]]",
        )


def _services(subject: _Subject) -> Iterator[Remark]:
    own = {entry.id for entry in subject.config.services}
    declared = subject.policy.declared
    for key in ("policy_url", "retention"):
        silent = [service.id for service in declared if service.id in own and not getattr(service, key)]
        if silent:
            yield Remark("EU-16", "services", f"nothing is said of {key}: {_some(silent)}")
    unknown = [rule.name for rule in _declared_cookies(subject.policy) if rule.max_age_days is None]
    if unknown:
        yield Remark("EU-16", "services", f"no duration is given for {_some(unknown)}")
    nowhere = [service.id for service in declared if service.owner and not service.country]
    if nowhere and any(entry.home for entry in subject.regimes):
        yield Remark("CN-11", "services", f"without a country, and so taken to be abroad: {_some(nowhere)}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def _lifetimes(subject: _Subject) -> Iterator[Remark]:
    limit = min(entry.consent_days for entry in subject.regimes)
    rules = (*subject.policy.cookies[: len(subject.config.cookies)], *_declared_cookies(subject.policy))
    outliving = [
        f"{rule.name} ({rule.max_age_days:g})"
        for rule in rules
        if (rule.max_age_days or 0) > limit and not _is_necessary(rule, subject.policy)
    ]
    if outliving:
        yield Remark("EU-13", "cookies", f"these live longer than a consent, {limit} days: {_some(outliving)}")


def _is_necessary(rule: CookieRule, policy: Policy) -> bool:
    return all(policy.categories[id].required for id in rule.categories)


def _declared_cookies(policy: Policy) -> list[CookieRule]:
    return [rule for service in policy.declared for rule in service.cookies]


def _necessary(subject: _Subject) -> Iterator[Remark]:
    policy = subject.policy
    for category in policy.categories.values():
        extra = sorted(set(category.purposes) - EXEMPT)
        if category.required and extra:
            yield Remark("EU-01", f"categories.{category.id}", f"always on, for {', '.join(extra)} too")
    for cookie in subject.config.cookies:
        rule = next(rule for rule in policy.cookies if rule.name == cookie.name)
        if _is_necessary(rule, policy) and not cookie.note:
            yield Remark("EU-14", f"cookies.{cookie.name}", "is declared necessary; say why in its `note`")


def _intervals(subject: _Subject) -> Iterator[Remark]:
    days, kept = subject.config.cookie.max_age_days, subject.config.ledger.retention_days
    refusal = max(entry.refusal_days for entry in subject.regimes)
    plain = (
        subject.config.regime.default in (Regime.OPT_IN, Regime.OPT_OUT) and not subject.config.regime.country_header
    )
    if plain and days < refusal:
        yield Remark("IT-01", "cookie.max_age_days", f"{days}: whoever refused is asked again before {refusal} days")
    if plain and days > 184:
        yield Remark("FR-02", "cookie.max_age_days", f"{days}: six months, 184 days, is good practice")
    evidence = max(subject.regimes, key=lambda entry: entry.evidence_days)
    if kept is not None and kept < evidence.evidence_days:
        rule = next((id for id in ("CA-11", "CN-13", "IN-04") if id in evidence.rules), "EU-11")
        yield Remark(
            rule, "ledger.retention_days", f"{kept}: evidence for {evidence.name} is kept {evidence.evidence_days}"
        )


def _regime(subject: _Subject) -> Iterator[Remark]:
    settings, policy = subject.config.regime, subject.policy
    if settings.default == Regime.OPT_OUT:
        yield Remark("EU-04", "regime.default", "everything optional is on before a choice, for every visitor")
    if "uk" in settings.opt_out and not any(set(c.purposes) == {"analytics"} for c in policy.optional):
        yield Remark("UK-02", "regime.opt_out", "uk has no effect: no category is about analytics alone")
    for category in policy.optional:
        if "location" in category.purposes and not category.separate:
            yield Remark("CN-08", f"categories.{category.id}", "location is granted by accept-all")
        for entry in subject.regimes:
            if entry.itemised and len(category.purposes) > 1:
                rule = next(id for id in entry.rules if id in ("QC-02", "IN-02"))
                yield Remark(
                    rule,
                    f"categories.{category.id}",
                    f"asks for {len(category.purposes)} purposes at once: not in accept-all",
                )


def _enforcement(subject: _Subject) -> Iterator[Remark]:
    settings = subject.config.enforcement
    if settings.mode != "enforce":
        yield Remark("EU-01", "enforcement.mode", f"{settings.mode!r}: nothing is held back")
    if settings.unclassified_cookies == "allow":
        yield Remark("EU-01", "enforcement.unclassified_cookies", "cookies that nobody was told about pass")
    if "/" in settings.exempt_paths:
        yield Remark("EU-01", "enforcement.exempt_paths", "'/' exempts the whole site")
    if not subject.config.banner.enabled:
        yield Remark("EU-08", "banner.enabled", "no page leads to the choice, or back from it")
    if subject.config.banner.modal:
        yield Remark("EU-10", "banner.modal", "nobody reads on before an answer: every page must open to a refusal too")


def _contradictions(subject: _Subject) -> Iterator[Remark]:
    policy = subject.policy
    own = {entry.name: rule for entry, rule in zip(subject.config.cookies, policy.cookies, strict=False)}
    for entry, rule in zip(subject.config.cookies, policy.cookies, strict=False):
        if own[entry.name].categories != rule.categories:
            yield Remark("EU-14", f"cookies.{entry.name}", "stands there twice, with different categories")
    for theirs in _declared_cookies(policy):
        mine = own.get(theirs.name)
        if mine is not None and mine.categories != theirs.categories:
            yield Remark("EU-14", f"cookies.{theirs.name}", f"belongs to the service {theirs.service!r} elsewhere")


def _overlaps(subject: _Subject) -> Iterator[Remark]:
    catalogued = {entry.id for entry in load_catalog().services}
    known: list[Service] = [s for s in subject.policy.services.values() if s.id in catalogued]
    index = HostIndex((reference, service) for service in known for reference in (*service.hosts, *service.paths))
    for entry in subject.config.services:
        for host in entry.hosts:
            other = index.find(host, "/")
            if other is not None and other.id != entry.id:
                yield Remark(
                    "EU-16", f"services.{entry.id}", f"{host} is {other.id!r} in the catalogue: use it instead?"
                )


def _texts(subject: _Subject) -> Iterator[Remark]:
    for rule, where, says in remarks_on_texts(subject.config, subject.regimes):
        yield Remark(rule, where, says)


_CHECKS: tuple[Callable[[_Subject], Iterator[Remark]], ...] = (
    _notice, _services, _lifetimes, _necessary, _intervals, _regime, _enforcement, _contradictions, _overlaps, _texts,
)  # fmt: skip
