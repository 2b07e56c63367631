"""What was held back, said once per name, with the line of configuration that would classify it.

Names only, never values. The log is what ``consent-mw suggest`` reads; the bounded list is what the preferences page
of an undeclared site shows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextvars import ContextVar

from consent_mw.core.policy import FIRST_OWN_NUMBER, Policy, Service
from consent_mw.core.urls import resolve
from consent_mw.enforce.cookie_filter import Pass, Verdict, config_line

logger = logging.getLogger("consent_mw.blocked")

Findings = dict[str, dict[str, None]]
"""Per kind the names, in order."""

findings: ContextVar[Findings | None] = ContextVar("findings", default=None)
"""What the request at hand has shown, in report-only mode (see :mod:`consent_mw.web.report_only`)."""

MAX_NAMES = 2000
_MAX_NAME_LENGTH = 200


class Observed:
    """One per middleware. Bounded: a visitor who sends a million names fills a fixed list and no more."""

    def __init__(self, policy: Policy, *, enforced: bool = True) -> None:
        self._policy = policy
        self._verb = "blocked" if enforced else "would block"
        self._said: set[tuple[str, str]] = set()
        self.services: dict[str, Service] = {}

    def request_cookie(self, name: str, verdict: Verdict) -> None:
        self._cookie("request", name, verdict)

    def response_cookie(self, name: str, verdict: Verdict) -> None:
        self._cookie("response", name, verdict)

    def reference(self, service: Service, reference: str) -> None:
        """A page refers to a denied service."""
        self._service(service)
        target = resolve(reference)
        host = target.host if target is not None and target.host else _plain(reference[:60])
        _note("services", f"{service.id}: {host}")
        if self._first("reference", f"{service.id} {host}"):
            logger.info("%s reference to %s (service %s%s)", self._verb, host, service.id, self._why(service))

    def places(self, names: Iterable[str]) -> None:
        """Parts of a request that said where the visitor is."""
        for name in names:
            name = name[:_MAX_NAME_LENGTH]
            _note("places", name)
            if self._first("place", name):
                logger.info("%s place in a request: %r (category geolocation is denied)", self._verb, name)

    def csp_report(self, host: str) -> None:
        if self._first("report", host):
            logger.info("a browser reported a blocked contact with %s", host)

    def unjudged(self, path: str, why: str) -> None:
        """A page, or the rest of one, was denied as a whole."""
        if self._first("page", f"{path[:_MAX_NAME_LENGTH]} {why}"):
            logger.warning("%s: %s", _plain(path[:_MAX_NAME_LENGTH]), why)

    def _cookie(self, direction: str, name: str, verdict: Verdict) -> None:
        name = name[:_MAX_NAME_LENGTH]
        rule = verdict.rule
        _note("unclassified" if rule is None else f"{direction}_cookies", name)
        if not self._first("cookie", name):
            return
        if rule is None:
            line = _plain(config_line(name, self._policy).replace("\n", " ; "))
            logger.warning("%s unclassified %s cookie %r; to classify it: %s", self._verb, direction, name, line)
            return
        service = self._policy.services.get(rule.service or "")
        if service is not None:
            self._service(service)
        owner = f"service {service.id}{self._why(service)}" if service is not None else f"category {rule.categories[0]}"
        verb = "shortened to the session" if verdict.outcome is Pass.SESSION_ONLY else self._verb
        logger.info("%s %s cookie %r (%s)", verb, direction, name, owner)

    def _why(self, service: Service) -> str:
        if not self._policy.declares_services or service.declared:
            return ""
        if service.number >= FIRST_OWN_NUMBER:
            return ", a block list: to ask for it, declare it as one of [[services]]"
        return f', undeclared: to ask for it, use = ["{service.id}"]'

    def _service(self, service: Service) -> None:
        if len(self.services) < MAX_NAMES:
            self.services[service.id] = service

    def _first(self, kind: str, name: str) -> bool:
        key = (kind, name)
        if key in self._said or len(self._said) >= MAX_NAMES:
            return False
        self._said.add(key)
        return True


def _note(kind: str, name: str) -> None:
    collected = findings.get()
    if collected is not None and len(names := collected.setdefault(kind, {})) < MAX_NAMES:
        names[name] = None


def _plain(text: str) -> str:
    """What others chose, as one line of a log that ends nowhere else and moves no cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
