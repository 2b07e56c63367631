"""What the law of a visitor's region asks of us. Values only; the regimes themselves are data, see `regimes/`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

DAY_SECONDS = 86_400
HALF_A_YEAR_SECONDS = 184 * DAY_SECONDS
"""Six calendar months are up to 184 days; 180 would ask again too early (Garante, 10 June 2021, n. 231)."""


class Regime(StrEnum):
    """What holds before a choice: everything optional denied, or granted until refused."""

    OPT_IN = "opt-in"
    OPT_OUT = "opt-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One regime's rules. The defaults are the strict ones, for visitors of whom nothing is known.

    :ivar allowed: purposes that an opt-out regime allows before a choice; None for all that are not separate
    :ivar separate: purposes whose category is never granted by "accept all"
    :ivar itemised: each purpose is asked for by itself, so "accept all" grants no category of several
    :ivar recipients: services for one of these purposes need an answer of their own, whatever their category's is
    :ivar home: services of a provider outside this country do so too; empty where borders do not matter
    :ivar signals: opt-out signals that count
    :ivar consent_seconds: how long a consent holds; ``refusal_seconds``: how long nobody is asked again after a no
    :ivar banner: the question is put in front of the visitor; else a notice and a way to refuse are enough
    :ivar opt_out_link: every page has a link in the words that the law prescribes
    """

    id: str = Regime.OPT_IN.value
    regime: Regime = Regime.OPT_IN
    allowed: frozenset[str] | None = frozenset()
    separate: frozenset[str] = frozenset()
    itemised: bool = False
    recipients: frozenset[str] = frozenset()
    home: str = ""
    signals: frozenset[str] = frozenset({"gpc", "dnt"})
    consent_seconds: int = HALF_A_YEAR_SECONDS
    refusal_seconds: int = HALF_A_YEAR_SECONDS
    banner: bool = True
    opt_out_link: bool = False

    def allows_before_choice(self, purposes: Collection[str]) -> bool:
        """Whether a category of these purposes holds without a choice: only when each of them does."""
        if self.regime is not Regime.OPT_OUT:
            return False
        return self.allowed is None or (bool(purposes) and self.allowed.issuperset(purposes))

    def is_separate(self, purposes: Collection[str]) -> bool:
        """Whether a category of these purposes needs a control of its own, which "accept all" is not."""
        return not self.separate.isdisjoint(purposes) or (self.itemised and len(purposes) > 1)

    def asks_alone(self, purposes: Collection[str], country: str, provider: str) -> bool:
        """Whether a service needs an answer of its own (PIPL art. 23 and 39).

        :param provider: empty for a feature of the site itself, which passes nothing on
        """
        if not self.recipients.isdisjoint(purposes):
            return True
        return bool(self.home) and bool(provider or country) and country != self.home


STRICT = Rules()
"""What holds where nothing else is known."""
