"""From what was chosen to what follows: the one place that decides whether something is granted.

Pure functions over values: :func:`decide` turns a choice into the state a visitor carries, :func:`resolve` turns that
state, the policy and the browser's signals into the :class:`Consent` an app reads. Doubt means denied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from consent_mw.core.answers import Answer, own_answers
from consent_mw.core.choice import DECISIONS, Action, Choice, Decision, Stored, expires_at
from consent_mw.core.grants import Grants, policy_grants
from consent_mw.core.meaning import encode
from consent_mw.core.policy import Policy, Service
from consent_mw.core.regime import DAY_SECONDS, Rules
from consent_mw.core.signals import NO_SIGNALS, Signals
from consent_mw.errors import ConsentRequired

__all__ = [
    "DAY_SECONDS",
    "Action",
    "Choice",
    "Consent",
    "Decision",
    "Grants",
    "Stored",
    "decide",
    "expires_at",
    "resolve",
    "widens",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The view of one visitor's consent that an app reads.

    :ivar decided: the visitor has made a choice, and it still covers what the policy asks
    :ivar stale: ids of categories that are new, or mean something new, since the choice: denied, to be asked again
    :ivar news: the purposes and services that made them so
    :ivar signals: opt-out signals of this request
    :ivar signal_took: a signal takes something away that the visitor would have without it
    :ivar change_ahead: a change is published and not yet in effect
    """

    policy: Policy
    grants: Grants
    decided: bool
    stale: tuple[str, ...] = ()
    news: frozenset[str] = frozenset()
    signals: Signals = NO_SIGNALS
    signal_took: bool = False
    change_ahead: bool = False
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
    def rules(self) -> Rules:
        return self.grants.rules

    @property
    def own_services(self) -> Mapping[str, bool]:
        return self.grants.own

    @property
    def subject(self) -> str | None:
        return self.stored.subject if self.stored is not None else None

    @property
    def expires_at(self) -> int | None:
        return expires_at(self.stored, self.rules) if self.stored is not None else None

    @property
    def known_signals(self) -> Signals:
        """Those of this request, and those the last choice was made under: gone is not taken back."""
        return self.signals.joined(self.stored.signals) if self.stored is not None else self.signals

    @property
    def has_new_signal(self) -> bool:
        """A signal that counts was not there when the visitor chose, or they never did."""
        told = self.stored.signals if self.stored is not None else NO_SIGNALS
        return self.signals.among(self.rules.signals).beyond(told)

    @property
    def honours_signal(self) -> bool:
        """A signal stands, and no later choice of the visitor overrides it."""
        if self.stored is None or not self.stored.grants_something:
            return self.known_signals.among(self.rules.signals).any
        return self.has_new_signal

    @property
    def asks(self) -> bool:
        """Whether to ask this visitor: never against a signal, and where a notice is enough only about what is new."""
        return not self.decided and not self.honours_signal and (self.rules.banner or bool(self.stale))

    @property
    def key(self) -> Hashable:
        """Equal for visitors who see the same page."""
        told = (self.decided, self.stale, self.news, self.change_ahead)
        return told, self.known_signals, self.honours_signal, self.grants.key

    def categories(self) -> dict[str, Decision]:
        return {id: DECISIONS[id in self.grants.categories] for id in self.policy.categories}

    def services(self) -> dict[str, Decision]:
        """The declared services, and any other that the visitor answered for by name."""
        listed = {service.id: service for service in self.policy.declared}
        listed.update((id, self.policy.services[id]) for id in self.own_services)
        return {id: DECISIONS[self.grants.service(service)] for id, service in listed.items()}


def resolve(
    policy: Policy,
    stored: Stored | None,
    signals: Signals,
    rules: Rules | None = None,
    *,
    now: float | None = None,
    in_doubt: bool = False,
) -> Consent:
    """What follows from a stored choice (verified, of this site), the policy, the signals and the visitor's regime.

    :param rules: None for the policy's own
    :param now: epoch seconds; None leaves dates out of account: the choice is in date, the policy in effect
    :param in_doubt: there is a choice, but it cannot be believed or read: it may have been a "no" under any regime
    """
    rules = policy.rules if rules is None else rules
    if stored is not None and now is not None and now >= expires_at(stored, rules):
        stored, in_doubt = None, True
    ahead = policy.effective_at is not None and now is not None and now < policy.effective_at
    is_told = ahead and policy.published_at is not None and now is not None and now >= policy.published_at
    ahead = ahead and not policy.outgoing
    answers = _answers(policy, stored, rules, ahead=ahead, in_doubt=in_doubt)
    own = own_answers(policy, stored, ahead=ahead)
    overruled = signals.among(rules.signals).beyond(stored.signals if stored is not None else NO_SIGNALS)
    wanted = {answer.category for answer in answers if answer.yes}
    stale = tuple(answer.category for answer in answers if answer.stale)
    granted = {category.id for category in policy.categories.values() if category.required}
    grants = Grants(
        policy,
        frozenset(granted if overruled else granted | wanted),
        {id: yes for id, yes in own.items() if not (yes and overruled)},
        rules=rules,
        withheld=frozenset().union(*(answer.news for answer in answers if answer.yes)),
    )
    return Consent(
        policy=policy,
        grants=policy_grants(grants),
        decided=stored is not None and not stale,
        stale=stale,
        news=frozenset().union(*(answer.news for answer in answers if answer.stale)),
        signals=signals,
        signal_took=overruled and (bool(wanted) or any(own.values())),
        change_ahead=is_told,
        stored=stored,
    )


def _answers(policy: Policy, stored: Stored | None, rules: Rules, *, ahead: bool, in_doubt: bool) -> list[Answer]:
    if stored is None:
        return [Answer.without_choice(category, policy, rules, in_doubt) for category in policy.optional]
    return [Answer.of(category, policy, stored, rules, ahead) for category in policy.optional]


def decide(consent: Consent, choice: Choice, *, site: str, now: int, new_subject: Callable[[], str]) -> Stored:
    """The state that follows from a choice made now, on top of what held before."""
    policy = consent.policy
    answers = {category.id: _category_answer(consent, category.id, choice) for category in policy.optional}
    own = _service_answers(consent, choice)
    own = {id: yes for id, yes in own.items() if not _repeats(consent, policy.services[id], yes, answers)}
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
        # A grant overrides the signals that are there now, and no others; a refusal forgets none.
        signals=consent.signals if grants_something else consent.known_signals,
        categories={id: (yes, _meaning(consent, id, yes, own)) for id, yes in answers.items()},
        services={policy.services[id].number: yes for id, yes in sorted(own.items())},
    )


def _repeats(consent: Consent, service: Service, yes: bool, answers: Mapping[str, bool]) -> bool:
    """An answer that only repeats the category's is no exception; leaving it out keeps the cookie small."""
    policy, rules = consent.policy, consent.rules
    if yes and policy.asks_alone(service, rules):
        return False
    separate = [id for id in service.categories if policy.is_separate(policy.categories[id], rules)]
    if not yes and any(answers.get(id, False) for id in separate):
        return False  # "accept all" leaves what is separate as it is, and must not grant this by the other category
    return yes == all(answers.get(id, True) for id in service.categories)


def _meaning(consent: Consent, id: str, yes: bool, own: Mapping[str, bool]) -> str:
    """What the visitor agrees to in a category now: all that comes with it, or single services only."""
    policy = consent.policy
    whole = policy.elements(policy.categories[id], consent.rules) if yes else frozenset()
    services = [policy.services[service] for service, granted in own.items() if granted]
    single = frozenset[str]().union(*(policy.service_elements(s) for s in services if id in s.categories))
    return encode(single, whole) if policy.as_digest else encode(single | whole)


def _category_answer(consent: Consent, id: str, choice: Choice) -> bool:
    if choice.action == "save":
        return choice.categories.get(id, False)
    if choice.action == "accept_all":
        separate = consent.policy.is_separate(consent.policy.categories[id], consent.rules)
        return id in consent.grants.categories if separate else True
    return False


def _service_answers(consent: Consent, choice: Choice) -> dict[str, bool]:
    policy = consent.policy
    if choice.action == "accept_all":  # what is asked for alone stays as it is
        return {id: yes for id, yes in consent.own_services.items() if _is_alone(consent, policy.services[id])}
    if choice.action != "save":
        return {}
    own = dict(choice.services)
    named = {c for id, yes in own.items() if yes for c in policy.services[id].categories}
    for service in policy.declared:
        # Who ticks some services of a category has seen its list: the boxes left empty there are a "no".
        if service.id not in own and named.intersection(service.categories):
            own[service.id] = False
    return own


def _is_alone(consent: Consent, service: Service) -> bool:
    policy, rules = consent.policy, consent.rules
    if policy.asks_alone(service, rules):
        return True
    return any(policy.is_separate(policy.categories[id], rules) for id in service.categories)


def widens(before: Consent, after: Consent) -> bool:
    """Whether ``after`` grants anything that ``before`` did not. Only such a choice must wait for the ledger."""
    if after.grants.categories - before.grants.categories or before.grants.withheld - after.grants.withheld:
        return True
    # Where no category was added, a service can have come in only by an answer of its own, given now or dropped now.
    services = after.policy.services
    return any(
        after.grants.service(services[id]) and not before.grants.service(services[id])
        for id in {**before.own_services, **after.own_services}
    )
