"""From a configuration and the catalogue to the :class:`Policy` that a request is judged by. Runs once, at start-up."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from consent_mw.catalog.lists import list_entry, list_id
from consent_mw.catalog.load import load_catalog
from consent_mw.catalog.schema import CatalogFile, CookieEntry, Purpose, ServiceEntry
from consent_mw.config import ConsentConfig
from consent_mw.core.policy import FIRST_OWN_NUMBER, Category, CookieRule, Policy, Service
from consent_mw.errors import ConfigError
from consent_mw.jurisdiction import default_rules
from consent_mw.settings import CategorySettings

DEFAULT_CATEGORIES: tuple[Category, ...] = (
    Category(id="necessary", purposes=("security", "session", "preferences"), required=True),
    Category(id="identification", purposes=("identification",)),
    Category(
        id="personalization_analytics",
        purposes=("analytics", "personalization", "advertising", "social", "media", "support", "diagnostics", "tags"),
    ),
    Category(id="geolocation", purposes=("location",), separate=True),
)

ALIASES: Mapping[str, Purpose] = {
    "necessary": "security",
    "essential": "security",
    "strictly-necessary": "security",
    "security": "security",
    "functional": "personalization",
    "functionality": "personalization",
    "preferences": "personalization",
    "experience": "personalization",
    "personalization": "personalization",
    "analytics": "analytics",
    "statistics": "analytics",
    "performance": "analytics",
    "measurement": "analytics",
    "marketing": "advertising",
    "advertising": "advertising",
    "advertisement": "advertising",
    "ads": "advertising",
    "targeting": "advertising",
    "social": "social",
    "media": "media",
    "location": "location",
}
"""Category names of other tools, by the purpose they stand for. Markup in those words is honoured as it is."""


def build_policy(config: ConsentConfig, *, outgoing: bool = False) -> Policy:
    """The policy that a configuration and the catalogue make together.

    :param outgoing: the dates are those of the next version, which takes this one's place
    :raises ConfigError: for an unknown id, or one claimed twice
    """
    categories = _categories(config.categories)
    by_purpose = {purpose: category.id for category in categories.values() for purpose in category.purposes}
    catalog = load_catalog()
    services = _services(config, catalog, categories, by_purpose)
    own = [_cookie_rule(entry, "cookies", categories, by_purpose) for entry in config.cookies]
    shipped = [_cookie_rule(entry, "catalog", categories, by_purpose) for entry in catalog.cookies]
    return Policy(
        version=config.policy.version,
        categories=categories,
        services=services,
        cookies=(*own, *shipped),
        rules=default_rules(config),
        block_unclassified=config.enforcement.unclassified_cookies == "block",
        only_declared=config.enforcement.third_parties == "strict",
        aliases={alias: by_purpose[purpose] for alias, purpose in ALIASES.items() if purpose in by_purpose},
        published_at=midnight(config.policy.published_at),
        effective_at=midnight(config.policy.effective_at),
        outgoing=outgoing,
    )


def midnight(day: date | None) -> int | None:
    """The first second of a day, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) if day is not None else None


def _categories(configured: Sequence[CategorySettings]) -> dict[str, Category]:
    _once("categories", [entry.id for entry in configured])
    defaults = {category.id: category for category in DEFAULT_CATEGORIES}
    claimed: dict[str, str] = {}
    for entry in configured:
        for purpose in entry.purposes or ():
            if purpose in claimed:
                raise ConfigError(
                    f"categories.{entry.id}.purposes: {purpose!r} belongs to {claimed[purpose]!r} already; "
                    "a purpose belongs to exactly one category"
                )
            claimed[purpose] = entry.id
    named = {entry.id: entry for entry in configured}
    new = [_category(entry, None, claimed) for entry in configured if entry.id not in defaults]
    kept = [_category(named.get(id), default, claimed) for id, default in defaults.items()]
    # A default category that lost all its purposes has nothing left to ask.
    kept = [category for category in kept if category.purposes or category.id in named]
    ordered = sorted([*new, *kept], key=lambda category: not category.required)
    return {category.id: category for category in ordered}


def _category(entry: CategorySettings | None, default: Category | None, claimed: Mapping[str, str]) -> Category:
    id = entry.id if entry is not None else default.id if default is not None else ""
    if entry is not None and entry.purposes is not None:
        purposes: tuple[str, ...] = entry.purposes
    else:
        purposes = tuple(p for p in (default.purposes if default is not None else ()) if p not in claimed)
    base = default if default is not None else Category(id=id, purposes=())
    required = entry.required if entry is not None and entry.required is not None else base.required
    separate = entry.separate if entry is not None and entry.separate is not None else base.separate
    if required and separate:
        raise ConfigError(f"categories.{id}: required and separate exclude each other; allowed: at most one of them")
    return Category(
        id=id,
        purposes=purposes,
        required=required,
        separate=separate,
        label=entry.label if entry is not None else None,
        description=entry.description if entry is not None else None,
    )


def _services(
    config: ConsentConfig, catalog: CatalogFile, categories: Mapping[str, Category], by_purpose: Mapping[str, str]
) -> dict[str, Service]:
    _once("services", [entry.id for entry in config.services])
    catalogued = {entry.id: entry for entry in catalog.services}
    for id in config.use:
        if id not in catalogued:
            close = difflib.get_close_matches(id, catalogued, n=3)
            hint = f"did you mean {', '.join(close)}?" if close else "`consent-mw catalog` lists all"
            raise ConfigError(f"use: unknown service {id!r}; allowed are the catalogue's {len(catalogued)} ids: {hint}")
    services: dict[str, Service] = {}
    numbers: dict[int, str] = {}
    own = {entry.id: entry for entry in config.services}
    known = own | {id: entry for id, entry in catalogued.items() if id not in own}
    for entry in (known | _listed(config, known)).values():
        declared = entry.id in own or entry.id in config.use
        number = entry.number or _number(entry, catalogued)
        if number in numbers:
            other = numbers[number]
            mine, theirs = (entry.id, other) if entry.id in own else (other, entry.id)
            raise ConfigError(f"services.{mine}.number = {number} belongs to {theirs!r}; allowed: a number of its own")
        if entry.id in categories:
            raise ConfigError(f"services.{entry.id}: a category has this id; allowed: an id of its own")
        numbers[number] = entry.id
        services[entry.id] = _service(entry, number, declared, categories, by_purpose)
    return services


def _listed(config: ConsentConfig, known: Mapping[str, ServiceEntry]) -> dict[str, ServiceEntry]:
    """The operator's block lists. They are no services that anybody was told about, so they are never declared."""
    ids = [list_id(settings.file) for settings in config.enforcement.lists]
    _once("enforcement.lists.file", ids)
    for id in known.keys() & set(ids):
        raise ConfigError(f"enforcement.lists.file: {id!r} is the id of a service; allowed: a file with another name")
    return {
        id: list_entry(settings.file, settings.category, known.values())
        for id, settings in zip(ids, config.enforcement.lists, strict=True)
    }


def _number(entry: ServiceEntry, catalogued: Mapping[str, ServiceEntry]) -> int:
    """A site's own service needs no number: its id gives one, far above the catalogue's."""
    if entry.id in catalogued and catalogued[entry.id].number is not None:
        return catalogued[entry.id].number or 0
    return FIRST_OWN_NUMBER + int.from_bytes(hashlib.sha256(entry.id.encode()).digest()[:4]) % 1_000_000_000


def _service(
    entry: ServiceEntry, number: int, declared: bool, categories: Mapping[str, Category], by_purpose: Mapping[str, str]
) -> Service:
    if entry.category is not None:
        ids: tuple[str, ...] = (_known(entry.category, f"services.{entry.id}.category", categories),)
    else:
        ids = tuple(dict.fromkeys(by_purpose[purpose] for purpose in entry.purposes))
    return Service(
        id=entry.id,
        number=number,
        name=entry.name,
        categories=ids,
        purposes=entry.purposes,
        owner=entry.owner,
        country=entry.country,
        hosts=entry.hosts,
        paths=entry.paths,
        cookies=tuple(
            CookieRule(name=cookie.name, categories=ids, service=entry.id, max_age_days=cookie.days)
            for cookie in entry.cookies
        ),
        storage=entry.storage,
        inline=entry.inline,
        embeds=entry.embeds,
        policy_url=entry.policy_url,
        retention=entry.retention,
        recipients=entry.recipients,
        personal_data=entry.personal_data,
        stored_in=entry.stored_in,
        declared=declared,
    )


def _cookie_rule(
    entry: CookieEntry, where: str, categories: Mapping[str, Category], by_purpose: Mapping[str, str]
) -> CookieRule:
    if entry.category is not None:
        category = _known(entry.category, f"{where}.{entry.name}.category", categories)
    else:
        category = by_purpose[entry.purpose or "identification"]
    return CookieRule(
        name=entry.name,
        categories=(category,),
        purpose=entry.purpose,
        without_consent=entry.without_consent,
        max_age_days=entry.days,
    )


def _known(id: str, where: str, categories: Mapping[str, Category]) -> str:
    if id not in categories:
        raise ConfigError(f"{where} = {id!r}: unknown category; allowed: {', '.join(categories)}")
    return id


def _once(where: str, ids: Sequence[str]) -> None:
    for id in ids:
        if ids.count(id) > 1:
            raise ConfigError(f"{where}: {id!r} stands there {ids.count(id)} times; allowed: once")
