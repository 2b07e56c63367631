"""A set of answers and the questions asked of it: the one place that says whether a category or service is granted."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from consent_mw.core.policy import Policy, Service, new_purpose
from consent_mw.core.regime import Rules

_MAX_SHARED_GRANTS = 4096


class Grants:
    """Shared by all visitors who gave the same answers under the same rules.

    :ivar categories: ids of those granted
    :ivar own: services with an answer of their own
    :ivar withheld: purposes and services that are announced, and not yet agreed to
    """

    __slots__ = ("_services", "categories", "cookie_verdicts", "key", "own", "policy", "rules", "withheld")

    def __init__(
        self,
        policy: Policy,
        categories: frozenset[str],
        own: Mapping[str, bool],
        *,
        rules: Rules | None = None,
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        self.policy = policy
        self.rules = rules if rules is not None else policy.rules
        self.categories = categories
        self.own = own
        self.withheld = withheld
        self.key: Hashable = (self.rules.id, categories, frozenset(own.items()), withheld)
        self.cookie_verdicts: dict[str, object] = {}
        self._services: dict[str, bool] = {}

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
        if service.id in self.withheld or not (service.declared or self._agreed_to(service.purposes)):
            return False
        own = self.own.get(service.id)
        if own is not None:
            return own
        return all(id in self.categories for id in service.categories) and not self.policy.asks_alone(
            service, self.rules
        )

    def _agreed_to(self, purposes: Iterable[str]) -> bool:
        return self.withheld.isdisjoint(map(new_purpose, purposes))

    @property
    def everything(self) -> bool:
        """True when nothing that the policy knows is held back."""
        policy = self.policy
        whole = len(self.categories) == len(policy.categories) and not self.withheld
        return whole and all(map(self.service, policy.services.values()))


def policy_grants(grants: Grants) -> Grants:
    """One :class:`Grants` per set of answers and policy, so that what it has looked up is looked up once."""
    shared = grants.policy.shared_grants
    known = shared.get(grants.key)
    if known is None:
        if len(shared) >= _MAX_SHARED_GRANTS:
            shared.clear()
        known = shared[grants.key] = grants
    return known
