"""The sections of a configuration but for the banner's: values and their rules; nothing of the web."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from consent_mw.catalog.schema import Host, Id, Phrase, Purpose, Strict, WebURL
from consent_mw.core.regime import Regime
from consent_mw.regimes.load import load_regimes

MAX_AGE_DAYS = 400
"""Browsers cap every cookie's lifetime here (RFC 6265bis section 5.5)."""

Origin = Annotated[str, StringConstraints(pattern=r"(?i)^https?://[a-z0-9.-]+(?::[0-9]{1,5})?$", to_lower=True)]


Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


Change = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]


class PolicySettings(Strict):
    """``[policy]``: the version of what the site asks, and when it changes.

    From ``published_at`` every page tells of ``changes``, as one list or a list per language; until ``effective_at``
    (both at midnight, UTC) earlier choices hold as they were made.

    :ivar previous: path of the configuration before this one: until ``effective_at`` visitors are asked for that
    """

    version: str = Field(default="1", min_length=1, max_length=64)
    published_at: date | None = None
    effective_at: date | None = None
    material: bool = False
    changes: tuple[Change, ...] | dict[str, tuple[Change, ...]] = ()
    privacy_url: WebURL | Literal[""] = ""
    minimum_notice_days: int = Field(default=7, ge=0, le=365)
    previous: str | None = Field(default=None, min_length=1)

    def changes_in(self, locale: str) -> tuple[str, ...]:
        """What changes, in a language; where the site gave none for it, in its first one."""
        if isinstance(self.changes, tuple):
            return self.changes
        return self.changes.get(locale) or next(iter(self.changes.values()), ())

    @model_validator(mode="after")
    def _notice(self) -> PolicySettings:
        if self.published_at is not None and self.effective_at is not None and self.effective_at < self.published_at:
            raise ValueError(
                f"effective_at = {self.effective_at} lies before published_at; allowed: {self.published_at} or later"
            )
        if self.previous is not None and self.effective_at is None:
            raise ValueError("previous is what is asked for until effective_at; allowed: both, or neither")
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
        name = name.removeprefix("__Host-")
        if name.startswith("__") or not name:
            raise ValueError("allowed: a plain name; the prefix __Host- comes by itself over https")
        return name


class BlockListSettings(Strict):
    """One of ``lists``: a block list that the operator has a licence for, and the category its hosts wait for.

    :ivar file: path, from the working directory; the list's id is the file's name without its ending
    """

    file: str = Field(min_length=1)
    category: Id


class EnforcementSettings(Strict):
    """``[enforcement]``: how strictly, and where not."""

    mode: Literal["enforce", "report-only"] = "enforce"
    html: Literal["per-visitor", "universal"] = "per-visitor"
    third_parties: Literal["catalog", "strict"] = "catalog"
    unclassified_cookies: Literal["block", "allow"] = "block"
    exempt_paths: tuple[Annotated[str, StringConstraints(pattern=r"^/")], ...] = ()
    lists: tuple[BlockListSettings, ...] = ()

    @model_validator(mode="after")
    def _one_of_them(self) -> EnforcementSettings:
        if self.html == "universal" and self.third_parties == "strict":
            raise ValueError(
                'html = "universal" and third_parties = "strict" exclude each other, because a page that everybody '
                "shares cannot carry one visitor's policy; allowed: at most one of them"
            )
        return self


Prefix = Annotated[str, StringConstraints(pattern=r"^/", max_length=200)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x20\x7f]+$")]


class LocationSettings(Strict):
    """``[location]``: what is left of a place while geolocation is denied, and where nothing is judged.

    ``exempt_paths`` and ``photo_paths`` name whole folders: ``/delivery`` is that path and everything under it.
    """

    client_ip: Literal["truncate", "drop", "keep"] = "truncate"
    precise: Literal["remove", "coarsen"] = "remove"
    broken_media: Literal["reject", "pass"] = "reject"
    extra_headers: tuple[Glob, ...] = ()
    extra_fields: tuple[Glob, ...] = ()
    exempt_paths: tuple[Prefix, ...] = ()
    path_segments: bool = False
    websocket_messages: bool = False
    photo_paths: tuple[Prefix, ...] = ()
    photo_field: str = Field(default="keep_photo_location", pattern=r"^[A-Za-z0-9_-]{1,64}$")


class LedgerSettings(Strict):
    """``[ledger]``: who signs, how long the evidence is kept, and where its witnesses and its waiting room are.

    :ivar retention_days: what ``consent-mw ledger purge`` goes by; the middleware itself deletes nothing
    :ivar heads: file that gets every signed head appended
    :ivar spool: directory for decisions that wait while the ledger is down; beside the ledger file when absent
    """

    signing_key: str | None = Field(default=None, repr=False)
    retention_days: int | None = Field(default=None, ge=1)
    heads: str | None = Field(default=None, min_length=1)
    spool: str | None = Field(default=None, min_length=1)


Proxy = Annotated[str, StringConstraints(pattern=r"^(?:\*|[0-9a-fA-F.:]+(?:/[0-9]{1,3})?)$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,100}$", to_lower=True)]


class RegimeSettings(Strict):
    """``[regime]``: what holds before a choice, for whom.

    :ivar default: ``opt-in``, ``opt-out`` or the id of a regime: for every visitor, or, with a ``country_header``, for
        those whose region is not known
    :ivar country_header: set by a proxy of ours: ``US``, or ``US-CA``; ``region_header``: the ``CA`` of ``US-CA``
    :ivar trusted_proxies: addresses or networks whose header counts; ``*`` where no visitor can reach the app directly
    :ivar opt_out: regimes whose opt-out defaults the site wants for their visitors; else it asks them too
    """

    default: str = Regime.OPT_IN.value
    country_header: HeaderName = ""
    region_header: HeaderName = ""
    trusted_proxies: tuple[Proxy, ...] = ()
    opt_out: tuple[Id, ...] = ()

    @field_validator("default")
    @classmethod
    def _known(cls, default: str) -> str:
        known = (*Regime, *(entry.id for entry in load_regimes().regimes))
        if default not in known:
            raise ValueError(f"unknown regime; allowed: {', '.join(known)}")
        return default

    @field_validator("opt_out")
    @classmethod
    def _lax(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        lax = [entry.id for entry in load_regimes().regimes if entry.regime is Regime.OPT_OUT]
        if not set(ids) <= set(lax):
            raise ValueError(f"not all of these are opt-out regimes; allowed: {', '.join(lax)}")
        return ids

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            if proxy != "*":
                ip_network(proxy)
        return proxies

    @model_validator(mode="after")
    def _trusted(self) -> RegimeSettings:
        if self.country_header and not self.trusted_proxies:
            raise ValueError("country_header without trusted_proxies could be forged; allowed: both, or neither")
        if not self.country_header and (self.region_header or self.trusted_proxies or self.opt_out):
            raise ValueError("region_header, trusted_proxies and opt_out need a country_header")
        return self


class ConsentModeSettings(Strict):
    """``[consent_mode]``: vendors that are told of the decision in their own words, before any of their tags."""

    google: bool = False
    uet: bool = False
    clarity: bool = False


class CategorySettings(Strict):
    """One of ``[[categories]]``. A default category's id changes that category; a new id takes its purposes over."""

    id: Id
    label: str | None = Field(default=None, min_length=1, max_length=80)
    description: str | None = Field(default=None, max_length=600)
    required: bool | None = None
    separate: bool | None = None
    purposes: tuple[Purpose, ...] | None = None
    personal_data: tuple[Phrase, ...] = ()


class Controller(Strict):
    """``[controller]``: who asks (GDPR art. 13(1)(a)); shown in the banner, the preferences and every receipt."""

    name: Line = ""
    address: Line = ""
    contact: Line = ""
    email: Annotated[
        str, StringConstraints(pattern=r"^(?:[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+)?$", max_length=254)
    ] = ""
    url: WebURL | Literal[""] = ""
    stored_in: tuple[Phrase, ...] = ()
