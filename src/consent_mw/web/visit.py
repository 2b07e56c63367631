"""Who is asking, read from the raw request head once, and remembered by the bytes that decide it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from consent_mw.core.choice import Choice, Stored
from consent_mw.core.cookies import MAX_COOKIE_HEADER_BYTES, read_own, segments
from consent_mw.core.decision import Consent, decide, resolve
from consent_mw.core.regime import Rules
from consent_mw.core.signals import NO_SIGNALS, read_signals
from consent_mw.core.token import new_subject
from consent_mw.enforce.cookie_filter import filter_request
from consent_mw.web.head import read_head
from consent_mw.web.site import Site

logger = logging.getLogger("consent_mw")

_MEMO_ENTRIES = 4096
_MEMO_COOKIE_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Visit:
    """One visitor's consent as this request presents it.

    :ivar site: the middleware's set-up
    :ivar host: host the choice belongs to
    :ivar cookies: what the app may see of each Cookie header
    :ivar expires_at: epoch seconds until which this may be remembered
    :ivar everything: nothing is held back from this visitor
    :ivar located: the site may know where this visitor is
    :ivar opt_out: the refusal that a signal makes of it, for the cookie of the next page
    :ivar lapsed: the consent of a visitor with an id whose time is over
    """

    site: Site
    consent: Consent
    host: str
    cookies: Mapping[bytes, bytes]
    expires_at: float
    everything: bool
    located: bool
    opt_out: Stored | None = None
    lapsed: Stored | None = None


class Visits:
    """Reads visits. A bounded memo keyed by the bytes that decide makes a repeated visitor cost one look-up."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._memo: dict[tuple[object, ...], Visit] = {}
        self._nobody = resolve(site.policy, None, NO_SIGNALS, in_doubt=True)
        self._regional = bool(site.jurisdictions.country_header)
        dates = (site.policy.published_at, site.policy.effective_at)
        self._turning_points = sorted(date for date in dates if date is not None)

    def read(self, scope: Scope, head: Mapping[bytes, bytes], cookies: list[bytes]) -> Visit:
        """The visit behind a request. Never raises: what cannot be read is denied.

        :param head: the request's headers, of repeated ones any (see :func:`consent_mw.web.head.read_head`)
        :param cookies: every Cookie header
        """
        key: tuple[object, ...] = (
            tuple(cookies), head.get(b"host"), head.get(b"sec-gpc"), head.get(b"dnt"), scope.get("scheme"),
        )  # fmt: skip
        rules = None
        host = head.get(b"host", b"")
        try:
            if self._regional:
                rules = self._rules(scope, head)
                key = (*key, rules.id)
            visit = self._memo.get(key)
            if visit is not None and visit.expires_at > time.time():
                return visit
            visit = self._read(scope, cookies, host, rules)
        except Exception:
            logger.exception("could not read consent; this request is served as denied")
            return self.denied(scope)
        if sum(map(len, cookies)) <= _MEMO_COOKIE_BYTES and self._site.enforces:  # else every request is to be told of
            if len(self._memo) >= _MEMO_ENTRIES:
                self._memo.clear()
            self._memo[key] = visit
        return visit

    def _rules(self, scope: Scope, head: Mapping[bytes, bytes]) -> Rules:
        jurisdictions, headers = self._site.jurisdictions, scope["headers"]
        repeated = len(head) != len(headers) and jurisdictions.repeats(headers)
        return jurisdictions.rules(scope.get("client"), head, repeated=repeated)

    def _read(self, scope: Scope, cookies: list[bytes], host: bytes, rules: Rules | None) -> Visit:
        site, now = self._site, time.time()
        own = site.cookie(scope).name
        host_name = site.host(host)
        token = read_own(cookies, own)
        stored = site.codec.loads(token, site=host_name, now=now) if token is not None else None
        in_doubt = token is not None and stored is None
        consent = resolve(site.policy, stored, read_signals(scope["headers"]), rules, now=now, in_doubt=in_doubt)
        kept = {raw: filter_request(raw, consent.grants, own, site.observed.request_cookie) for raw in cookies}
        return Visit(
            site=site,
            consent=consent,
            host=host_name,
            cookies=kept if site.enforces else {raw: raw for raw in cookies},
            expires_at=min([consent.expires_at or now + 3600, *(d for d in self._turning_points if d > now)]),
            everything=consent.grants.everything,
            located=site.location_category in consent.grants.categories,
            opt_out=_opt_out(consent, host_name, int(now)),
            lapsed=stored if consent.stored is None and _is_consent(stored) else None,
        )

    def denied(self, scope: Scope) -> Visit:
        """The visit of somebody of whom nothing can be believed."""
        head, cookies = read_head(scope["headers"])
        host = self._site.host(head.get(b"host", b""))
        return Visit(self._site, self._nobody, host, dict.fromkeys(cookies, b""), 0.0, False, False)


def _is_consent(stored: Stored | None) -> bool:
    return stored is not None and stored.subject is not None and stored.grants_something


def _opt_out(consent: Consent, host: str, now: int) -> Stored | None:
    """What a visitor's signal refuses, to be remembered: its absence later must not bring anything back."""
    if not consent.signal_took:
        return None
    return decide(consent, Choice(action="reject_all"), site=host, now=now, new_subject=new_subject)


def cookie_names(scope: Scope) -> list[bytes]:
    """Names of all cookies the browser sent, before anything was taken out; none from an oversized header."""
    headers = [value for name, value in scope["headers"] if name == b"cookie"]
    if sum(map(len, headers)) > MAX_COOKIE_HEADER_BYTES:
        return []
    return [name for header in headers for name, _ in segments(header) if name]
