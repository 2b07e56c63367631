"""Configuration: what people write, checked at start-up, and the :class:`Policy` that follows from it.

Every error names the key, the value and what is allowed. Nothing here is read again during a request.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError, field_validator, model_validator

from consent_mw.catalog.load import load_catalog
from consent_mw.catalog.schema import CatalogFile, CookieEntry, Host, Id, Purpose, ServiceEntry, Strict, WebURL
from consent_mw.core.policy import Category, CookieRule, Policy, Regime, Service
from consent_mw.errors import ConfigError
from consent_mw.settings import BannerSettings, Controller

MAX_AGE_DAYS = 400
"""Browsers cap every cookie's lifetime here (RFC 6265bis section 5.5)."""

MIN_SECRET_BYTES = 32

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(?::[0-9]{1,5})?$", to_lower=True)]


class PolicySettings(Strict):
    """``[policy]``: the version of what the site asks, and when it changes."""

    version: str = Field(default="1", min_length=1, max_length=64)
    published_at: date | None = None
    effective_at: date | None = None
    material: bool = False
    changes: tuple[str, ...] = ()
    privacy_url: WebURL | Literal[""] = ""
    minimum_notice_days: int = Field(default=7, ge=0, le=365)

    @model_validator(mode="after")
    def _notice(self) -> PolicySettings:
        if not self.material:
            return self
        if self.published_at is None or self.effective_at is None:
            raise ValueError("a material change needs published_at and effective_at")
        earliest = self.published_at + timedelta(days=self.minimum_notice_days)
        if self.effective_at < earliest:
            raise ValueError(
                f"effective_at = {self.effective_at} gives too little notice; allowed: {earliest} or later"
            )
        return self


class CookieSettings(Strict):
    """``[cookie]``: the signed cookie that remembers the choice."""

    name: str = Field(default="consent", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    max_age_days: int = Field(default=184, ge=1, le=MAX_AGE_DAYS)
    secure: Literal["auto"] | bool = "auto"
    domain: Host | None = None

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        # The prefix follows from scheme and domain; written into the name it would be wrong on one of them.
        return name.removeprefix("__Host-")


class EnforcementSettings(Strict):
    """``[enforcement]``: how strictly, and where not."""

    mode: Literal["enforce", "report-only"] = "enforce"
    html: Literal["per-visitor"] = "per-visitor"
    third_parties: Literal["catalog"] = "catalog"
    unclassified_cookies: Literal["block", "allow"] = "block"
    exempt_paths: tuple[Annotated[str, StringConstraints(pattern=r"^/")], ...] = ()


class LedgerSettings(Strict):
    """``[ledger]``: how long the evidence is kept."""

    signing_key: str | None = Field(default=None, repr=False)
    retention_days: int | None = Field(default=None, ge=1)


class RegimeSettings(Strict):
    """``[regime]``: what holds before a choice. ``opt-out`` only where the law of every visitor allows it."""

    default: Regime = Regime.OPT_IN


class CategorySettings(Strict):
    """One of ``[[categories]]``. A default category's id changes that category; a new id takes its purposes over."""

    id: Id
    label: str | None = Field(default=None, min_length=1, max_length=80)
    description: str | None = Field(default=None, max_length=600)
    required: bool | None = None
    separate: bool | None = None
    purposes: tuple[Purpose, ...] | None = None


class ConsentConfig(Strict):
    """The whole configuration. Every part has a default; with none of them set an app is already safe."""

    path: str = Field(default="/consent", pattern=r"^(?:/[A-Za-z0-9._~-]+)+$", max_length=100)
    use: tuple[Id, ...] = ()
    origins: tuple[Origin, ...] = ()
    policy: PolicySettings = PolicySettings()
    controller: Controller = Controller()
    cookie: CookieSettings = CookieSettings()
    enforcement: EnforcementSettings = EnforcementSettings()
    ledger: LedgerSettings = LedgerSettings()
    banner: BannerSettings = BannerSettings()
    regime: RegimeSettings = RegimeSettings()
    categories: tuple[CategorySettings, ...] = ()
    services: tuple[ServiceEntry, ...] = ()
    cookies: tuple[CookieEntry, ...] = ()

    def __init__(self, **values: Any) -> None:
        """:raises ConfigError: for any wrong or unknown key"""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_explain(error, values)) from None

    @classmethod
    def load(cls, source: str | PathLike[str] | Mapping[str, Any] | ConsentConfig | None = None) -> ConsentConfig:
        """From a TOML file, a mapping, a ready configuration, or nothing (the defaults).

        :raises ConfigError: when the file cannot be read, or anything in it is wrong
        """
        if source is None:
            return cls()
        if isinstance(source, ConsentConfig):
            return source
        if isinstance(source, Mapping):
            return cls(**source)
        if not isinstance(source, str | PathLike):
            raise ConfigError(f"config = {source!r}: allowed are a path, a mapping, a ConsentConfig or None")
        try:
            values = tomllib.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"config = {str(source)!r}: not a readable TOML file: {error}") from error
        return cls(**values)


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


def build_policy(config: ConsentConfig) -> Policy:
    """The policy that a configuration and the catalogue make together.

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
        regime=config.regime.default,
        block_unclassified=config.enforcement.unclassified_cookies == "block",
        aliases={alias: by_purpose[purpose] for alias, purpose in ALIASES.items() if purpose in by_purpose},
        accepted_meanings={},
    )


def check_secrets(secret_key: str | Sequence[str]) -> tuple[str, ...]:
    """The signing secrets, oldest first.

    :raises ConfigError: when there is none, or one is shorter than 32 bytes; the message never shows a secret
    """
    keys: tuple[str, ...] = (secret_key,) if isinstance(secret_key, str) else tuple(secret_key)
    if not keys:
        raise ConfigError("secret_key = []: allowed is one secret, or a list of them with the newest last")
    for position, key in enumerate(keys):
        if not isinstance(key, str):
            raise ConfigError(f"secret_key[{position}]: allowed is a str, not {type(key).__name__}")
        if len(key.encode()) < MIN_SECRET_BYTES:
            raise ConfigError(
                f"secret_key[{position}] has {len(key.encode())} bytes; allowed: {MIN_SECRET_BYTES} or more, "
                "for example the output of: python -c 'import secrets; print(secrets.token_hex(32))'"
            )
    return keys


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
    for entry in (own | {id: entry for id, entry in catalogued.items() if id not in own}).values():
        declared = entry.id in own or entry.id in config.use
        number = entry.number or _number(entry, catalogued)
        if number in numbers:
            raise ConfigError(
                f"services.{entry.id}.number = {number} belongs to {numbers[number]!r}; allowed: a number of its own"
            )
        if entry.id in categories:
            raise ConfigError(f"services.{entry.id}: a category has this id; allowed: an id of its own")
        numbers[number] = entry.id
        services[entry.id] = _service(entry, number, declared, categories, by_purpose)
    return services


def _number(entry: ServiceEntry, catalogued: Mapping[str, ServiceEntry]) -> int:
    """A site's own service needs no number: its id gives one, far above the catalogue's."""
    if entry.id in catalogued and catalogued[entry.id].number is not None:
        return catalogued[entry.id].number or 0
    return 1_000_000 + int.from_bytes(hashlib.sha256(entry.id.encode()).digest()[:4]) % 1_000_000_000


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
        policy_url=entry.policy_url,
        retention=entry.retention,
        recipients=entry.recipients,
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
        name=entry.name, categories=(category,), without_consent=entry.without_consent, max_age_days=entry.days
    )


def _known(id: str, where: str, categories: Mapping[str, Category]) -> str:
    if id not in categories:
        raise ConfigError(f"{where} = {id!r}: unknown category; allowed: {', '.join(categories)}")
    return id


def _once(where: str, ids: Sequence[str]) -> None:
    for id in ids:
        if ids.count(id) > 1:
            raise ConfigError(f"{where}: {id!r} stands there {ids.count(id)} times; allowed: once")


def _explain(error: ValidationError, values: Mapping[str, Any]) -> str:
    """Every mistake as one line: key, value, what is allowed."""
    lines = []
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        key = ".".join(str(part) for part in location) or "configuration"
        if detail["type"] == "extra_forbidden":
            allowed = ", ".join(_keys_at(ConsentConfig, location[:-1]))
            close = difflib.get_close_matches(str(location[-1]), allowed.split(", "), n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            lines.append(f"{key}: unknown key{hint}; allowed: {allowed}")
        elif any(word in key for word in ("key", "secret")):
            lines.append(f"{key}: {detail['msg']}")
        else:
            shown = "" if isinstance(detail["input"], Mapping | BaseModel) else f" = {detail['input']!r}"
            lines.append(f"{key}{shown}: {detail['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at a location knows."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            inner = next((a for a in getattr(annotation, "__args__", ()) if isinstance(a, type)), annotation)
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return list(model.model_fields)
