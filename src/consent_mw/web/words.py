"""What the banner says in one language: our texts, the site's own where it has some, and its categories' labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from consent_mw.banner_settings import BannerSettings
from consent_mw.cldr import country, duration, long_date
from consent_mw.core.policy import Category, Policy, Service
from consent_mw.core.signals import Signals
from consent_mw.errors import ConfigError
from consent_mw.i18n import Locales
from consent_mw.settings import Controller
from consent_mw.web.html import escape, fill_in

LIST_SEPARATOR = " · "
"""Reads as a list in every language, and asks nothing of the words' grammar."""


class Words:
    """One language.

    :ivar tag: its BCP 47 tag
    :ivar fingerprint: of the policy that these words ask for
    """

    def __init__(
        self, tag: str, locales: Locales, policy: Policy, settings: BannerSettings, controller: Controller
    ) -> None:
        self.tag = tag
        self.fingerprint = policy.fingerprint
        self.direction = locales.direction(tag)
        self._texts = {**locales.texts(tag), **settings.texts.get(tag, {})}
        self._policy = policy
        self._controller = controller

    def __getitem__(self, key: str) -> str:
        """A text, escaped."""
        return escape(self._texts[key])

    def html(self, key: str, **values: str) -> str:
        """A text, escaped, with ready HTML for its ``{names}``."""
        return fill_in(self._texts[key], values)

    def plain(self, key: str) -> str:
        return self._texts[key]

    def who(self) -> str:
        return self._controller.name or self._texts["this_site"]

    def label(self, id: str) -> str:
        """The name of a category or service, not escaped."""
        category = self._policy.categories.get(id)
        if category is None:
            service = self._policy.services.get(id)
            return service.name if service is not None else id
        shipped = self._texts.get(f"category_{id}_label")
        return category.label or shipped or id.replace("_", " ").replace("-", " ").capitalize()

    def in_order(self, ids: Iterable[str]) -> list[str]:
        """Categories, then services, as the policy lists them; what it knows no more comes last."""
        known = [*self._policy.categories, *self._policy.services]
        return sorted(ids, key=lambda id: known.index(id) if id in known else len(known))

    def description(self, category: Category) -> str:
        """What a category is for, not escaped: the site's words, ours, or else its purposes."""
        if category.description is not None:
            return category.description
        shipped = self._texts.get(f"category_{category.id}_description")
        return shipped or self.purposes(category.purposes)

    def purposes(self, purposes: tuple[str, ...]) -> str:
        return LIST_SEPARATOR.join(self._texts[f"purpose_{purpose}"] for purpose in purposes)

    def signals(self, signals: Signals) -> str:
        return LIST_SEPARATOR.join(self._texts[f"signal_{name}"] for name in signals.names())

    def date(self, day: date) -> str:
        """A day in full, not escaped."""
        return long_date(self.tag, day)

    def duration(self, days: float) -> str:
        """How long something is kept, not escaped."""
        return duration(self.tag, days)

    def country(self, code: str) -> str:
        """The name of a country, not escaped."""
        return country(self.tag, code)

    def shown(self) -> dict[str, str]:
        """The exact words of both layers, for the record of a decision (GDPR art. 7(1))."""
        shown = dict(self._texts)
        shown["who"] = self.who()
        for category in self._policy.categories.values():
            shown[f"category:{category.id}"] = f"{self.label(category.id)}\n{self.description(category)}"
        for service in self._policy.declared:
            shown[f"service:{service.id}"] = _disclosure(service)
        return shown


def load_words(
    locales: Locales, policy: Policy, settings: BannerSettings, controller: Controller
) -> Mapping[str, Words]:
    """Every language that the settings allow.

    :raises ConfigError: for a language we do not ship, and for a text that does not exist
    """
    for tag in (*settings.locales, *settings.texts):
        if tag not in locales.tags:
            raise ConfigError(f"banner.locales: unknown language {tag!r}; allowed: {', '.join(locales.tags)}")
    own = {f"category_{id}_{part}" for id in policy.categories for part in ("label", "description")}
    for tag, texts in settings.texts.items():
        allowed = locales.texts(tag).keys() | own
        unknown = sorted(texts.keys() - allowed)
        if unknown:
            raise ConfigError(
                f"banner.texts.{tag}: unknown text {', '.join(unknown)}; allowed: {', '.join(sorted(allowed))}"
            )
    return {tag: Words(tag, locales, policy, settings, controller) for tag in settings.locales}


def _disclosure(service: Service) -> str:
    cookies = ", ".join(f"{rule.name} {rule.max_age_days}" for rule in service.cookies)
    return "\n".join((service.name, service.owner, service.country, service.retention, *service.recipients, cookies))
