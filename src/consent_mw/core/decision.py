"""From what was chosen to what follows: the one place that decides whether something is granted.

Pure functions over values: :func:`decide` turns a choice into the state a visitor carries, :func:`resolve` turns that
state, the policy and the browser's signals into the :class:`Consent` an app reads. Doubt means denied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from consent_mw.core.policy import Policy, Regime, Service
from consent_mw.core.signals import NO_SIGNALS, Signals
from consent_mw.errors import ConsentRequired

DAY_SECONDS = 86_400

Action = Literal["accept_all", "reject_all", "save", "withdraw"]


class Decision(StrEnum):
    GRANTED = "granted"
    DENIED = "denied"

    @classmethod
    def of(cls, granted: bool) -> Decision:
        return cls.GRANTED if granted else cls.DENIED


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
    :ivar categories: per category whether it was granted, and what it meant then
    :ivar services: numbers of services with an answer of their own
    """

    site: str
    sequence: int
    decided_at: int
    subject: str | None
    signals: Signals
    categories: Mapping[str, tuple[bool, str]]
    services: Mapping[int, bool]


class Grants:
    """A set of answers, and the questions asked of it. Shared by all visitors who gave the same answers."""

    __slots__ = ("_services", "categories", "cookie_verdicts", "own", "policy")

    def __init__(self, policy: Policy, categories: frozenset[str], own: Mapping[str, bool]) -> None:
        self.policy = policy
        self.categories = categories
        self.own = own
        self.cookie_verdicts: dict[str, object] = {}
        self._services: dict[str, bool] = {}

    @property
    def key(self) -> Hashable:
        return self.categories, frozenset(self.own.items())

    def granted(self, id: str) -> bool:
        """:raises LookupError: for an id that is neither a category nor a service"""
        if id in self.policy.categories:
            return id in self.categories
        service = self.policy.services.get(id)
        if service is None:
            known = ", ".join((*self.policy.categories, *(s.id for s in self.policy.declared)))
            raise LookupError(f"unknown category or service {id!r}; known: {known}")
        return self.service(service)

    def service(self, service: Service) -> bool:
        answer = self._services.get(service.id)
        if answer is None:
            answer = self._services[service.id] = self._service(service)
        return answer

    def _service(self, service: Service) -> bool:
        if all(self.policy.categories[id].required for id in service.categories):
            return True
        if self.policy.declares_services and not service.declared:
            return False  # nobody was told about it, so nobody can have agreed to it
        own = self.own.get(service.id)
        return own if own is not None else all(id in self.categories for id in service.categories)

    @property
    def everything(self) -> bool:
        """True when nothing that the policy knows is held back."""
        policy = self.policy
        return len(self.categories) == len(policy.categories) and all(map(self.service, policy.services.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The view of one visitor's consent that an app reads.

    :ivar decided: the visitor has made a choice, and it still covers what the policy asks
    :ivar stale: ids of categories that are new, or mean something new, since the choice: denied, to be asked again
    :ivar signals: opt-out signals of this request
    """

    policy: Policy
    grants: Grants
    decided: bool
    stale: tuple[str, ...] = ()
    signals: Signals = NO_SIGNALS
    stored: Stored | None = None

    def granted(self, id: str) -> bool:
        """Whether a category or service is granted.

        :raises LookupError: for an unknown id, because a typo must never read as an answer
        """
        return self.grants.granted(id)

    def require(self, *ids: str) -> None:
        """:raises ConsentRequired: naming those of the categories and services that are not granted"""
        missing = [id for id in ids if not self.granted(id)]
        if missing:
            raise ConsentRequired(*missing)

    @property
    def own_services(self) -> Mapping[str, bool]:
        return self.grants.own

    @property
    def subject(self) -> str | None:
        return self.stored.subject if self.stored is not None else None

    @property
    def honours_signal(self) -> bool:
        """A signal stands, and no later choice of the visitor overrides it."""
        told = self.stored.signals if self.stored is not None else NO_SIGNALS
        return self.signals.beyond(told)

    @property
    def key(self) -> Hashable:
        """Equal for visitors who see the same page."""
        return self.decided, self.stale, self.signals, self.honours_signal, self.grants.key

    def categories(self) -> dict[str, Decision]:
        return {id: Decision.of(id in self.grants.categories) for id in self.policy.categories}

    def services(self) -> dict[str, Decision]:
        """The declared services, and any other that the visitor answered for by name."""
        listed = {service.id: service for service in self.policy.declared}
        listed.update((id, self.policy.services[id]) for id in self.own_services)
        return {id: Decision.of(self.grants.service(service)) for id, service in listed.items()}


def resolve(policy: Policy, stored: Stored | None, signals: Signals, *, in_doubt: bool = False) -> Consent:
    """What follows from a stored choice (already verified, of this site and in date), the policy and the signals.

    :param in_doubt: there is a choice, but it cannot be believed or read: it may have been a "no" under any regime
    """
    told = stored.signals if stored is not None else NO_SIGNALS
    overruled = signals.beyond(told)
    granted = {category.id for category in policy.categories.values() if category.required}
    stale: list[str] = []
    agreed_in_part = _agreed_in_part(policy, stored)
    for category in policy.optional:
        if stored is None:
            yes = policy.regime is Regime.OPT_OUT and not category.separate and not in_doubt
        elif category.id not in stored.categories:
            yes = False
            stale.append(category.id)
        else:
            yes, meaning = stored.categories[category.id]
            if (yes or category.id in agreed_in_part) and not policy.covers(category.id, meaning):
                yes = False
                stale.append(category.id)
        if yes and not overruled:
            granted.add(category.id)
    own = _own_answers(policy, stored, stale, overruled)
    return Consent(
        policy=policy,
        grants=policy_grants(policy, frozenset(granted), own),
        decided=stored is not None and not stale,
        stale=tuple(stale),
        signals=signals,
        stored=stored,
    )


def _agreed_in_part(policy: Policy, stored: Stored | None) -> set[str]:
    """The categories of services that were granted by an answer of their own: they meant something then, too."""
    granted = [number for number, yes in stored.services.items() if yes] if stored is not None else []
    services = filter(None, map(policy.services_by_number.get, granted))
    return {id for service in services for id in service.categories}


def _own_answers(policy: Policy, stored: Stored | None, stale: list[str], overruled: bool) -> dict[str, bool]:
    own: dict[str, bool] = {}
    for number, yes in (stored.services if stored is not None else {}).items():
        service = policy.services_by_number.get(number)
        if service is not None and not (yes and (overruled or any(id in stale for id in service.categories))):
            own[service.id] = yes
    return own


def decide(consent: Consent, choice: Choice, *, site: str, now: int, new_subject: Callable[[], str]) -> Stored:
    """The state that follows from a choice made now, on top of what held before."""
    policy = consent.policy
    answers = {category.id: _category_answer(consent, category.id, choice) for category in policy.optional}
    own = _service_answers(consent, choice)
    # An answer that only repeats the category's is no exception, and keeps the cookie small.
    own = {
        id: yes for id, yes in own.items() if yes != all(answers.get(c, True) for c in policy.services[id].categories)
    }
    grants_something = any(answers.values()) or any(own.values())
    before = consent.stored
    subject = before.subject if before is not None else None
    if subject is None and grants_something:
        subject = new_subject()
    return Stored(
        site=site,
        # Without a subject there is nobody whose choices could be counted; a count would tell refusals apart.
        sequence=(before.sequence if before is not None and subject is not None else 0) + 1,
        decided_at=now if subject is not None else now - now % DAY_SECONDS,
        subject=subject,
        signals=consent.signals,
        categories={id: (yes, policy.meanings[id]) for id, yes in answers.items()},
        services={policy.services[id].number: yes for id, yes in sorted(own.items())},
    )


def _category_answer(consent: Consent, id: str, choice: Choice) -> bool:
    if choice.action == "save":
        return choice.categories.get(id, False)
    if choice.action == "accept_all":
        return id in consent.grants.categories if consent.policy.categories[id].separate else True
    return False


def _service_answers(consent: Consent, choice: Choice) -> dict[str, bool]:
    policy = consent.policy
    if choice.action == "accept_all":  # separate categories stay as they are, and so do their services
        return {
            id: yes
            for id, yes in consent.own_services.items()
            if any(policy.categories[c].separate for c in policy.services[id].categories)
        }
    if choice.action != "save":
        return {}
    own = dict(choice.services)
    named = {c for id, yes in own.items() if yes for c in policy.services[id].categories}
    for service in policy.declared:
        # Who ticks some services of a category has seen its list: the boxes left empty there are a "no".
        if service.id not in own and named.intersection(service.categories):
            own[service.id] = False
    return own


def widens(before: Consent, after: Consent) -> bool:
    """Whether ``after`` grants anything that ``before`` did not. Only such a choice must wait for the ledger."""
    if after.grants.categories - before.grants.categories:
        return True
    # Where no category was added, a service can have come in only by an answer of its own, given now or dropped now.
    services = after.policy.services
    return any(
        after.grants.service(services[id]) and not before.grants.service(services[id])
        for id in {**before.own_services, **after.own_services}
    )


_MAX_SHARED_GRANTS = 4096


def policy_grants(policy: Policy, categories: frozenset[str], own: Mapping[str, bool]) -> Grants:
    """One :class:`Grants` per set of answers and policy, so that what it has looked up is looked up once."""
    shared = policy.shared_grants
    key = (categories, frozenset(own.items()))
    grants = shared.get(key)
    if grants is None:
        if len(shared) >= _MAX_SHARED_GRANTS:
            shared.clear()
        grants = shared[key] = Grants(policy, categories, own)
    return grants
