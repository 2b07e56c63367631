"""What a person did, and what their cookie carries of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Literal

from consent_mw.core.regime import DAY_SECONDS, Rules
from consent_mw.core.signals import Signals

_YES = itemgetter(0)

Action = Literal["accept_all", "reject_all", "save", "withdraw"]


class Decision(StrEnum):
    GRANTED = "granted"
    DENIED = "denied"


DECISIONS: Mapping[bool, Decision] = {True: Decision.GRANTED, False: Decision.DENIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person did. For ``save`` it is the whole choice: a category that is not named is denied.

    :ivar services: a service's own answer, which beats its category's, both ways
    """

    action: Action
    categories: Mapping[str, bool] = field(default_factory=dict)
    services: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the visitor's cookie carries about their last choice.

    :ivar site: the host it was made on
    :ivar sequence: counts one subject's choices from 1
    :ivar decided_at: epoch seconds; a refusal knows only the day
    :ivar subject: random id, only once something was granted; None in a refusal, so that all refusals look alike
    :ivar signals: the signals the visitor had been told of when they chose
    :ivar categories: per category whether it was granted, and what the visitor agreed to there (see ``core.meaning``)
    :ivar services: numbers of services with an answer of their own
    """

    site: str
    sequence: int
    decided_at: int
    subject: str | None
    signals: Signals
    categories: Mapping[str, tuple[bool, str]]
    services: Mapping[int, bool]

    @property
    def grants_something(self) -> bool:
        return any(map(_YES, self.categories.values())) or any(self.services.values())


def expires_at(stored: Stored, rules: Rules) -> int:
    """Epoch seconds. A refusal knows only its day, so it lasts to the end of the day on which it would expire."""
    return stored.decided_at + lifetime(stored, rules) + (DAY_SECONDS if stored.subject is None else 0)


def lifetime(stored: Stored, rules: Rules) -> int:
    """Seconds for which a choice holds."""
    return rules.consent_seconds if stored.grants_something else rules.refusal_seconds
