"""The sections of a configuration but for the banner's: values and their rules; nothing of the web."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from consent_mw.catalog.schema import Host, Id, Purpose, Strict, WebURL
from consent_mw.core.policy import Regime

MAX_AGE_DAYS = 400
"""Browsers cap every cookie's lifetime here (RFC 6265bis section 5.5)."""

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(?::[0-9]{1,5})?$", to_lower=True)]


Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


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
        name = name.removeprefix("__Host-")
        if name.startswith("__") or not name:
            raise ValueError("allowed: a plain name; the prefix __Host- comes by itself over https")
        return name


class EnforcementSettings(Strict):
    """``[enforcement]``: how strictly, and where not."""

    mode: Literal["enforce", "report-only"] = "enforce"
    html: Literal["per-visitor", "universal"] = "per-visitor"
    third_parties: Literal["catalog", "strict"] = "catalog"
    unclassified_cookies: Literal["block", "allow"] = "block"
    exempt_paths: tuple[Annotated[str, StringConstraints(pattern=r"^/")], ...] = ()

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


class Controller(Strict):
    """``[controller]``: who asks (GDPR art. 13(1)(a)); shown in the banner, the preferences and every receipt."""

    name: Line = ""
    address: Line = ""
    contact: Line = ""
    email: Annotated[
        str, StringConstraints(pattern=r"^(?:[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+)?$", max_length=254)
    ] = ""
    url: WebURL | Literal[""] = ""
