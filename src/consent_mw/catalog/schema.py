"""The shape of a service and of a cookie rule as people write them: in the catalogue and in ``consent.toml``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, field_validator, model_validator

from consent_mw.core.policy import WithoutConsent

Purpose = Literal[
    "security",  # fraud, abuse, load balancing, consent itself
    "session",  # a sign-in that the visitor asked for
    "preferences",  # interface choices that the visitor made: language, theme
    "identification",  # recognition across visits
    "analytics",
    "personalization",
    "advertising",
    "social",
    "media",  # video, audio, maps, documents and forms embedded from elsewhere
    "support",  # chat, help desks
    "diagnostics",  # error tracking, performance monitoring
    "tags",  # tag managers: they load whatever their operator adds later
    "location",  # where the visitor is
]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$")]
CookieName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+\-.^_`|~0-9A-Za-z\[\]{}:/@]{1,200}$")]
Host = Annotated[str, StringConstraints(pattern=r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9][a-z0-9-]{0,62}$")]
Embed = Annotated[str, StringConstraints(pattern=r"^(?:script|blockquote\.[A-Za-z0-9_-]{1,80})$")]
"""What a service's script makes a post or a form of: block quotes of a class, or the place where it stands itself."""
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
WebURL = Annotated[
    str, StringConstraints(pattern=r"^(?:https?://[^\s\"'<>\\]+|/[^\s\"'<>\\/][^\s\"'<>\\]*|/)$", max_length=2000)
]
"""An http(s) address or a path of this site. Anything else (``javascript:``) could become a link that runs."""

_PATH_REF = re.compile(r"^(?:[a-z0-9_.-]+/|/)[^\s?#\"'<>]+$")


class Strict(BaseModel):
    """Unknown keys are errors; values are not changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class ServiceCookie(Strict):
    """A cookie of a service.

    :ivar name: exact name or glob (``*`` = any characters)
    :ivar days: lifetime in days, 0 for a session cookie, absent when not known
    """

    name: CookieName
    days: float | None = Field(default=None, ge=0, le=36500)


class ServiceEntry(Strict):
    """A third party, or a feature of the site, that can be consented to."""

    id: Id
    number: int | None = Field(default=None, ge=1, le=2**31 - 1)
    name: str = Field(min_length=1, max_length=120)
    owner: str = Field(default="", max_length=120)
    country: Country | Literal[""] = ""
    category: Id | None = None
    purposes: tuple[Purpose, ...] = ()
    hosts: tuple[Host, ...] = ()
    paths: tuple[str, ...] = ()
    cookies: tuple[ServiceCookie, ...] = ()
    storage: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    embeds: tuple[Embed, ...] = ()
    policy_url: WebURL | Literal[""] = ""
    retention: str = Field(default="", max_length=120)
    recipients: tuple[str, ...] = ()
    personal_data: tuple[Phrase, ...] = ()
    stored_in: tuple[Phrase, ...] = ()
    note: str = ""

    @field_validator("paths")
    @classmethod
    def _paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not _PATH_REF.match(path):
                raise ValueError(f"{path!r} is neither 'host/prefix' nor '/file-name' (no scheme, query or fragment)")
        return paths

    @field_validator("inline")
    @classmethod
    def _inline(cls, markers: tuple[str, ...]) -> tuple[str, ...]:
        for marker in markers:
            if len(marker) < 4 or not marker.isascii():
                raise ValueError(
                    f"{marker!r}: an inline marker is at least 4 ASCII characters, or it would match prose"
                )
        return markers

    @model_validator(mode="after")
    def _has_a_reason(self) -> ServiceEntry:
        if self.category is None and not self.purposes:
            raise ValueError(f"service {self.id!r} needs a category or at least one purpose")
        return self


class CookieEntry(Strict):
    """A cookie that belongs to no service: the site's own, or a framework's."""

    name: CookieName
    category: Id | None = None
    purpose: Purpose | None = None
    without_consent: WithoutConsent = WithoutConsent.BLOCK
    days: float | None = Field(default=None, ge=0, le=36500)
    note: str = ""

    @model_validator(mode="after")
    def _has_a_reason(self) -> CookieEntry:
        if (self.category is None) == (self.purpose is None):
            raise ValueError(f"cookie {self.name!r} needs either a category or a purpose")
        return self


class CatalogFile(Strict):
    """One data file of the catalogue."""

    services: tuple[ServiceEntry, ...] = ()
    cookies: tuple[CookieEntry, ...] = ()


class NotGated(RootModel[dict[str, dict[str, str]]]):
    """What the catalogue leaves alone: per kind, ``host`` or ``host/path`` and the reason."""

    @property
    def reasons(self) -> dict[str, str]:
        return {reference: why for kind in self.root.values() for reference, why in kind.items()}
