"""What a site asks consent for: categories, services, cookie rules, and the policy that binds them.

Values only. Nothing here knows HTTP, a clock or a file. A :class:`Policy` is built once, at start-up, and never
changes; everything that a request needs to look up is an index made in its constructor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from consent_mw.core.matching import HostIndex, NameIndex
from consent_mw.core.meaning import MAX_ELEMENTS, element
from consent_mw.core.regime import STRICT, Regime, Rules

__all__ = ["Category", "CookieRule", "Policy", "Regime", "Service", "WithoutConsent", "canonical_json", "text_hash"]

FINGERPRINT_PREFIX = "sha256-"
SEPARATE = element("separate")
"""Stands among the elements of a category that was asked for by a control of its own."""
FIRST_OWN_NUMBER = 1_000_000
"""From here on a service's number is not the catalogue's."""
CATALOGUED = element("catalogued services")
"""Stands there when the site declares no service, so that the category covers the catalogue's."""

_INLINE_MEMO_LIMIT = 512
_INLINE_MEMO_BYTES = 64 * 1024


class WithoutConsent(StrEnum):
    """What happens to a cookie while its category is denied."""

    BLOCK = "block"
    SESSION_ONLY = "session_only"
    """The cookie passes without ``Max-Age`` and ``Expires``: sign-in works, recognition across visits does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What a visitor toggles. ``separate`` categories are never granted by "accept all"."""

    id: str
    purposes: tuple[str, ...]
    required: bool = False
    separate: bool = False
    label: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieRule:
    """Whose cookie this is.

    :ivar name: exact name, or a glob in which ``*`` stands for any characters; case matters, as in browsers
    :ivar categories: ids of the categories that must all be granted
    :ivar service: id of the service that sets it, when it belongs to one
    :ivar purpose: what the site's own cookie is for, where that was said
    :ivar max_age_days: declared lifetime in days; 0 for a session cookie, None when not known
    """

    name: str
    categories: tuple[str, ...]
    service: str | None = None
    purpose: str | None = None
    without_consent: WithoutConsent = WithoutConsent.BLOCK
    max_age_days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A third party, or a feature of the site, that keeps cookies or is contacted by the page.

    :ivar number: permanent number, never used again for another service; it stands for the id in the token
    :ivar categories: ids of the categories that must all be granted
    :ivar hosts: host names; each covers its subdomains too
    :ivar paths: ``host/prefix`` for a part of a shared host, or ``/file.js`` for a self-hosted script on any host
    :ivar inline: literal strings by which an inline script that loads or calls the service is known
    :ivar embeds: ``blockquote.CLASS``, which its script turns into a post, or ``script``, which shows something itself
    :ivar declared: the site discloses it, so that consent may be asked for it
    """

    id: str
    number: int
    name: str
    categories: tuple[str, ...]
    purposes: tuple[str, ...]
    owner: str = ""
    country: str = ""
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    cookies: tuple[CookieRule, ...] = ()
    storage: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    embeds: tuple[str, ...] = ()
    policy_url: str = ""
    retention: str = ""
    recipients: tuple[str, ...] = ()
    personal_data: tuple[str, ...] = ()
    stored_in: tuple[str, ...] = ()
    declared: bool = False


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Everything a decision depends on, indexed for the request path.

    :ivar categories: by id, in the order shown
    :ivar services: by id; declared ones and, for gating only, the rest of the catalogue
    :ivar aliases: other tools' category names that markup may use, each with the id it stands for
    :ivar only_declared: a category's grant covers declared services alone, even where the site declares none
    :ivar rules: of visitors whose region is not known, or does not matter
    :ivar published_at: epoch seconds from which a notice tells of the change that this version makes
    :ivar effective_at: epoch seconds until which earlier choices hold as they were made
    :ivar outgoing: the change is the next version's: until it takes effect this version governs
    """

    version: str
    categories: Mapping[str, Category]
    services: Mapping[str, Service]
    cookies: tuple[CookieRule, ...]
    rules: Rules = STRICT
    published_at: int | None = None
    effective_at: int | None = None
    outgoing: bool = False
    block_unclassified: bool = True
    only_declared: bool = False
    aliases: Mapping[str, str]

    @cached_property
    def declares_services(self) -> bool:
        """False for the zero configuration, in which a category's grant covers the catalogue's services."""
        return self.only_declared or any(service.declared for service in self.services.values())

    @cached_property
    def declared(self) -> tuple[Service, ...]:
        return tuple(service for service in self.services.values() if service.declared)

    @cached_property
    def optional(self) -> tuple[Category, ...]:
        return tuple(category for category in self.categories.values() if not category.required)

    @cached_property
    def services_by_number(self) -> Mapping[int, Service]:
        return {service.number: service for service in self.services.values()}

    @cached_property
    def shared_grants(self) -> dict[Any, Any]:
        """Memo of :func:`consent_mw.core.decision.policy_grants`; it lives and dies with the policy."""
        return {}

    @cached_property
    def cookie_index(self) -> NameIndex[CookieRule]:
        own = ((rule.name, rule) for rule in self.cookies)
        catalogued = ((rule.name, rule) for service in self._by_precedence() for rule in service.cookies)
        return NameIndex([*own, *catalogued])

    @cached_property
    def host_index(self) -> HostIndex[Service]:
        return HostIndex(
            (ref, service) for service in self._by_precedence() for ref in (*service.hosts, *service.paths)
        )

    @cached_property
    def embed_index(self) -> Mapping[str, Service]:
        """By ``blockquote.CLASS``: the service whose script turns such a block quote into a post."""
        named = [(embed, service) for service in self._by_precedence() for embed in service.embeds]
        return dict(reversed(named))

    def is_embed(self, id: str) -> bool:
        """Whether a script of this service shows something where it stands."""
        service = self.services.get(id)
        return service is not None and "script" in service.embeds

    def is_separate(self, category: Category, rules: Rules) -> bool:
        return not category.required and (category.separate or rules.is_separate(category.purposes))

    def asks_alone(self, service: Service, rules: Rules) -> bool:
        return rules.asks_alone(service.purposes, service.country, service.owner)

    def elements(self, category: Category, rules: Rules) -> frozenset[str]:
        """What a grant of the category must have covered: its purposes, and the services that come with it.

        Wording, hosts and cookie names are left out: a corrected typo or a catalogue that grows asks nobody again.
        """
        key = (category.id, rules.id)
        found = self._elements.get(key)
        if found is None:
            services = [s for s in self.declared if category.id in s.categories and not self.asks_alone(s, rules)]
            found = frozenset(element("purpose", purpose) for purpose in category.purposes)
            found = found.union(*map(self.service_elements, services))
            if not (self.declares_services or rules.home or rules.recipients):
                found |= {CATALOGUED}
            if self.is_separate(category, rules):
                found |= {SEPARATE}
            self._elements[key] = found
        return found

    def service_elements(self, service: Service) -> frozenset[str]:
        purposes = [element(service.number, "for", purpose) for purpose in service.purposes or ("",)]
        return frozenset(purposes + [element(service.number, "to", recipient) for recipient in service.recipients])

    def news(self, category: Category, known: frozenset[str]) -> frozenset[str]:
        """What somebody who knows ``known`` was not told of: purposes, as :func:`new_purpose` has them, and ids of
        declared services. A known service for a further purpose, or with a further recipient, is new.
        """
        purposes = {new_purpose(p) for p in category.purposes if element("purpose", p) not in known}
        services = {
            service.id
            for service in self.declared
            if category.id in service.categories and not known.issuperset(self.service_elements(service))
        }
        return frozenset(purposes | services)

    @cached_property
    def as_digest(self) -> bool:
        """The site tells of more than a cookie can list."""
        told = (self.elements(category, self.rules) for category in self.optional)
        return sum(map(len, told)) > MAX_ELEMENTS

    @cached_property
    def _elements(self) -> dict[tuple[str, str], frozenset[str]]:
        return {}

    @cached_property
    def fingerprint(self) -> str:
        """``sha256-`` and the hex digest of what the whole policy means."""
        whole = {id: self._meaning(category) for id, category in self.categories.items()}
        return FINGERPRINT_PREFIX + hashlib.sha256(canonical_json(whole)).hexdigest()

    def inline_services(self, script: bytes) -> tuple[Service, ...]:
        """The services that an inline script loads or calls, by their markers.

        Remembered, because a site's inline scripts repeat on every page.
        """
        known = self._inline_memo.get(script)
        if known is None:
            if len(self._inline_memo) >= _INLINE_MEMO_LIMIT:
                self._inline_memo.clear()
            found = {service.id: service for marker, service in self._inline_markers if marker in script}
            known = tuple(found.values())
            if len(script) <= _INLINE_MEMO_BYTES:
                self._inline_memo[script] = known
        return known

    @cached_property
    def _inline_markers(self) -> tuple[tuple[bytes, Service], ...]:
        return tuple((m.encode(), service) for service in self.services.values() for m in service.inline)

    @cached_property
    def _inline_memo(self) -> dict[bytes, tuple[Service, ...]]:
        return {}

    def knows(self, id: str) -> bool:
        return id in self.categories or id in self.services

    def resolve_alias(self, name: str) -> str | None:
        """The category or service id that markup means by ``name``, or None."""
        if self.knows(name):
            return name
        return self.aliases.get(name.lower())

    def _meaning(self, category: Category) -> dict[str, Any]:
        services = {
            str(service.number): [sorted(service.purposes), sorted(service.recipients)]
            for service in self.declared
            if category.id in service.categories
        }
        return {"purposes": sorted(category.purposes), "separate": category.separate, "services": services}

    def _by_precedence(self) -> Iterable[Service]:
        """Declared services first: where two claim the same name, the site's own word counts."""
        return sorted(self.services.values(), key=lambda service: not service.declared)


# json.dumps() would make a new encoder for every record.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def new_purpose(purpose: str) -> str:
    """A purpose among what is new; never the id of a service."""
    return f"purpose:{purpose}"


def canonical_json(value: object) -> bytes:
    """The one byte form of a JSON value without floats (RFC 8785 for that subset): sorted keys, UTF-8, no spaces."""
    return _encode(value).encode()


def text_hash(texts: bytes) -> str:
    """Hash of the exact words shown, kept in the ledger beside the meaning (GDPR art. 7(1): proof).

    :param texts: by their keys, as canonical JSON
    """
    return FINGERPRINT_PREFIX + hashlib.sha256(texts).hexdigest()
