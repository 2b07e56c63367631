"""The strict mode's Content-Security-Policy: nothing but the site itself and what was granted.

It is sent beside the app's own policy. A browser allows what every policy allows, so ours never loosens anything; and
it leaves inline code, ``eval`` and nonces to the app's policy, so it breaks nothing of the page's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from consent_mw.core.decision import Grants
from consent_mw.core.policy import Service

HEADER = b"content-security-policy"
_OWN = "'self' 'unsafe-inline' 'unsafe-eval' data: blob: filesystem: mediastream:"


class Containment:
    """One header per set of grants and host."""

    MAX_HEADERS = 1024

    def __init__(self, own_origins: Iterable[str], report_path: str) -> None:
        self._own = " ".join([_OWN, *own_origins])
        self._report_path = report_path
        self._known: dict[tuple[Grants, str], tuple[bytes, bytes]] = {}

    def header(self, grants: Grants, root: str) -> tuple[bytes, bytes]:
        """:param root: where the app is mounted, put before the address that browsers report to"""
        known = self._known.get((grants, root))
        if known is None:
            if len(self._known) >= self.MAX_HEADERS:
                self._known.clear()
            known = self._known[grants, root] = (HEADER, self._policy(grants, root))
        return known

    def _policy(self, grants: Grants, root: str) -> bytes:
        granted = [service for service in grants.policy.declared if grants.service(service)]
        hosts = dict.fromkeys(host for service in granted for host in _hosts(service))
        sources = " ".join([self._own, *(f"{host} *.{host}" for host in hosts)])
        return f"default-src {sources}; report-uri {quote(root)}{self._report_path}".encode("ascii", "ignore")


def _hosts(service: Service) -> Iterable[str]:
    """Whole hosts: a source's path is not looked at after a redirect, and would only seem to be exact."""
    yield from service.hosts
    for path in service.paths:
        if not path.startswith("/"):
            yield path.partition("/")[0]
