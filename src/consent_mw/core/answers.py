"""What a stored choice still says, category by category and service by service, before any signal."""

from __future__ import annotations

from dataclasses import dataclass

from consent_mw.core.choice import Stored
from consent_mw.core.meaning import NOTHING, covers, told
from consent_mw.core.policy import CATALOGUED, SEPARATE, Category, Policy, Service
from consent_mw.core.regime import Rules


@dataclass(frozen=True, slots=True)
class Answer:
    """What holds for a category.

    :ivar news: what the visitor was not told of: withheld while a change is ahead, the reason to ask again afterwards;
        as :meth:`~consent_mw.core.policy.Policy.news` has it
    """

    category: str
    yes: bool
    stale: bool = False
    news: frozenset[str] = frozenset()

    @classmethod
    def without_choice(cls, category: Category, policy: Policy, rules: Rules, in_doubt: bool) -> Answer:
        allowed = rules.allows_before_choice(category.purposes) and not policy.is_separate(category, rules)
        return cls(category.id, allowed and not in_doubt)

    @classmethod
    def of(cls, category: Category, policy: Policy, stored: Stored, rules: Rules, ahead: bool) -> Answer:
        if category.id not in stored.categories:
            return cls(category.id, False, not ahead, policy.news(category, frozenset()))
        yes, meaning = stored.categories[category.id]
        elements = policy.elements(category, rules)
        if not yes:
            changed = _changed_services(category.id, policy, stored)
            return cls(category.id, False, bool(changed) and not ahead, changed)
        if covers(meaning, elements):
            return cls(category.id, True)
        known = told(meaning)
        news = policy.news(category, known) if known is not None else frozenset()
        # Until a published change takes effect the earlier consent holds as it was made: what is wholly new waits, and
        # a service that will do more goes on as before.
        if ahead and news and known is not None and known.issuperset(elements & {SEPARATE, CATALOGUED}):
            known_in_part = {s.id for s in policy.declared if not known.isdisjoint(policy.service_elements(s))}
            return cls(category.id, True, False, news - known_in_part)
        return cls(category.id, False, True, news)


def _changed_services(category: str, policy: Policy, stored: Stored) -> frozenset[str]:
    """Services of a category that were granted one by one, and mean more now."""
    granted = (policy.services_by_number.get(number) for number, yes in stored.services.items() if yes)
    return frozenset(
        service.id
        for service in granted
        if service is not None and category in service.categories and not _covered(policy, service, stored, ahead=False)
    )


def own_answers(policy: Policy, stored: Stored | None, *, ahead: bool) -> dict[str, bool]:
    """Answers for single services; a "yes" only where it covers all that the service means today.

    :param ahead: what it means today takes effect later; so far it is enough that the visitor knew the service
    """
    own: dict[str, bool] = {}
    for number, yes in (stored.services if stored is not None else {}).items():
        service = policy.services_by_number.get(number)
        if service is not None and stored is not None and (not yes or _covered(policy, service, stored, ahead=ahead)):
            own[service.id] = yes
    return own


def _covered(policy: Policy, service: Service, stored: Stored, *, ahead: bool) -> bool:
    elements = policy.service_elements(service)
    for id in service.categories:
        if not policy.categories[id].required:
            _, meaning = stored.categories.get(id, (False, NOTHING))
            known = told(meaning)
            in_part = ahead and known is not None and not known.isdisjoint(elements)
            if not (in_part or covers(meaning, elements)):
                return False
    return True
