"""The shape of the regimes' data file."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from consent_mw.catalog.schema import Country, Id, Purpose, Strict
from consent_mw.core.regime import Regime

Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$")]
RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[0-9]{2}$")]
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=200)]


class RuleEntry(Strict):
    """One rule of law: what it says, where that stands, and who keeps it."""

    says: Sentence
    source: Sentence
    date: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(?:-[0-9]{2}){0,2}$")]
    seen: Literal["text", "secondary", "recalled"]
    kept: Literal["software", "site"]
    how: Sentence


class RegimeEntry(Strict):
    """One regime. What it leaves out is its base's, or else the strict default's.

    :ivar regime: opt-in, or what ``allowed`` holds before a choice where the site's configuration names the regime
    :ivar languages: the banner must speak the page's language, or a certain one
    :ivar itemised: each purpose is to be asked for by itself
    :ivar evidence_days: how long records are kept at least
    """

    id: Id
    name: str
    base: Id | None = None
    regions: tuple[Region, ...] = ()
    regime: Regime = Regime.OPT_IN
    allowed: tuple[Purpose, ...] = ()
    separate: tuple[Purpose, ...] = ("location",)
    recipients: tuple[Purpose, ...] = ()
    home: Country | Literal[""] = ""
    signals: tuple[Literal["gpc", "dnt"], ...] = ("gpc", "dnt")
    binding_signals: tuple[Literal["gpc", "dnt"], ...] = ()
    banner: bool = True
    opt_out_link: bool = False
    languages: Literal["", "page", "en", "fr", "pt"] = ""
    itemised: bool = False
    consent_days: int = Field(default=184, ge=1)
    refusal_days: int = Field(default=184, ge=1)
    evidence_days: int = Field(default=1280, ge=1)
    rules: tuple[RuleId, ...]

    @model_validator(mode="after")
    def _consistent(self) -> RegimeEntry:
        if (self.regime is Regime.OPT_OUT) != bool(self.allowed):
            raise ValueError(f"{self.id}: an opt-out regime allows something, an opt-in regime nothing")
        if not set(self.binding_signals) <= set(self.signals):
            raise ValueError(f"{self.id}: a binding signal counts")
        if set(self.allowed) & set(self.separate):
            raise ValueError(f"{self.id}: what is asked for alone is not allowed before a choice")
        return self


class RegimesFile(Strict):
    """The whole data file."""

    checked: date
    regimes: tuple[RegimeEntry, ...]
    rules: dict[RuleId, RuleEntry]

    @model_validator(mode="after")
    def _whole(self) -> RegimesFile:
        regions = [region for entry in self.regimes for region in entry.regions]
        if len(set(regions)) != len(regions):
            raise ValueError("a region stands in two regimes")
        named = {rule for entry in self.regimes for rule in entry.rules}
        if named != self.rules.keys():
            raise ValueError(f"rules without a regime, or regimes with an unknown rule: {named ^ self.rules.keys()}")
        return self
