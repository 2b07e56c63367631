"""Everything a middleware sets up once: policy, keys, cookie names, ledger, banner. Immutable afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import Scope

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig, check_secrets
from consent_mw.core.choice import Choice, Stored, lifetime
from consent_mw.core.decision import decide, resolve
from consent_mw.core.grants import Grants
from consent_mw.core.policy import Policy
from consent_mw.core.regime import Rules
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.core.token import TokenCodec, new_subject
from consent_mw.enforce.csp import Containment
from consent_mw.enforce.page import TagMemo
from consent_mw.i18n import Locales
from consent_mw.jurisdiction import Jurisdictions
from consent_mw.ledger.base import Ledger, Statement
from consent_mw.ledger.reports import Meaning
from consent_mw.lint import lint
from consent_mw.settings import MAX_AGE_DAYS
from consent_mw.succession import is_ahead
from consent_mw.web.asides import Asides
from consent_mw.web.assets import load_assets
from consent_mw.web.banner import Banner
from consent_mw.web.changes import OnChange
from consent_mw.web.consent_mode import ConsentMode
from consent_mw.web.guard import Guard
from consent_mw.web.location import LocationGate, location_category
from consent_mw.web.notices import Notices
from consent_mw.web.observed import Observed
from consent_mw.web.records import Records, make_records
from consent_mw.web.tickets import Tickets

logger = logging.getLogger("consent_mw")

DAY_SECONDS = 86_400
MAX_TAG_MEMOS = 16
MAX_REMARKS = 12
"""Said at start-up, of those that ``consent-mw check`` lists."""


@dataclass(frozen=True, slots=True)
class CookieName:
    """Our cookie on one scheme. ``__Host-`` binds it to this host over TLS (RFC 6265bis section 4.1.3.2)."""

    name: bytes
    attributes: str


class Site:
    """What one :class:`~consent_mw.web.middleware.ConsentMiddleware` knows.

    :param successor: what takes this one's place when the change that it announces takes effect; they share the records
    :raises ConfigError: for anything that cannot be right
    """

    def __init__(
        self,
        config: ConsentConfig,
        secret_key: str | Sequence[str],
        ledger: str | Ledger | None,
        *,
        on_change: OnChange | None = None,
        successor: Site | None = None,
    ) -> None:
        self.on_change = on_change
        keys = check_secrets(secret_key)
        self.config = config
        self.policy = build_policy(config, outgoing=successor is not None)
        self.jurisdictions = Jurisdictions(config)
        # Each regime ends a choice in its own time; a token is read for longer, so that one that ran out is known.
        longest = max(max(rules.consent_seconds, rules.refusal_seconds) for rules in self.jurisdictions.all)
        self.codec = TokenCodec(keys, self.policy.categories, max(longest, MAX_AGE_DAYS * DAY_SECONDS))
        self.records: Records = make_records(config, keys, ledger) if successor is None else successor.records
        self.recorder, self.webhooks = self.records
        self.enforces = config.enforcement.mode == "enforce"
        self.observed = Observed(self.policy, enforced=self.enforces)
        self.locales = Locales()
        self.own_hosts = frozenset(host for host in map(_host_of, config.origins) if host)
        self._make_pages(config)
        self.tickets = Tickets(keys)
        self.statements: dict[Hashable, Statement] = {}
        self.location = LocationGate(config.location, self.observed, cookie=config.cookie.name, enforces=self.enforces)
        self.location_category = location_category(self.policy)
        meaning = Meaning(self.policy.version, self.policy.fingerprint, self.own_hosts)
        if self.recorder is not None:
            self.recorder.prepare(self.banner.texts, meaning)
        # The oldest, which goes when the cookies that it signed are over: a new one would have all recorded twice.
        self.asides = Asides(self.recorder, keys[0])
        self.notices = Notices(self.asides, (successor or self).policy)
        self.is_universal = config.enforcement.html == "universal"
        self.nobody = resolve(self.policy, None, NO_SIGNALS, in_doubt=True)  # nobody in particular
        self._first_host = _host_of(config.origins[0]) if config.origins else ""
        self._secure_cookie = self._cookie(secure=True)
        self._plain_cookie = self._cookie(secure=False)
        if successor is None:
            _say_what_to_know(config, self.policy)
        else:  # a page that this version made may still be open when the next one answers
            successor.assets.update(self.assets)
        _warn_if_token_may_not_fit(self.policy, self.codec)

    def _make_pages(self, config: ConsentConfig) -> None:
        """What a page is judged by, and what is put into it."""
        banner_assets = load_assets(config.banner)
        self.banner = Banner(
            self.policy,
            path=config.path,
            settings=config.banner,
            controller=config.controller,
            locales=self.locales,
            assets=banner_assets,
            notice=config.policy,
        )
        own_names = {entry.name for entry in config.cookies}
        self.guard = Guard(self.policy, config.path, own_hosts=self.own_hosts, own_names=own_names)
        self.consent_mode = ConsentMode(self.policy, config.path, config.consent_mode)
        self.assets = {**banner_assets, **self.guard.assets, **self.consent_mode.assets}
        is_strict = config.enforcement.third_parties == "strict"
        self.containment = Containment(config.origins, f"{config.path}/report") if is_strict else None
        self._tag_memos: dict[tuple[Grants, str], TagMemo] = {}

    def is_secure(self, scope: Scope) -> bool:
        """Whether the visitor came over TLS, by the configuration where a proxy ends it."""
        secure = self.config.cookie.secure
        return secure if secure != "auto" else scope.get("scheme") in ("https", "wss")

    def cookie(self, scope: Scope) -> CookieName:
        return self._secure_cookie if self.is_secure(scope) else self._plain_cookie

    def host(self, host_header: bytes) -> str:
        """The site a choice belongs to: the configured domain or origin, else the host asked for, without its port."""
        if self.config.cookie.domain is not None:
            return self.config.cookie.domain
        host = host_name(host_header)
        return host if not self.own_hosts or host in self.own_hosts else self._first_host

    def set_cookie(self, scope: Scope, token: str, stored: Stored, rules: Rules) -> tuple[bytes, bytes]:
        """The response header that gives the visitor their state."""
        cookie = self.cookie(scope)
        max_age = f"; Max-Age={lifetime(stored, rules)}"
        return b"set-cookie", cookie.name + f"={token}{max_age}{cookie.attributes}".encode("latin-1")

    def locale(self, connection: HTTPConnection, wanted: str = "") -> str:
        """The language to answer in: the one that was asked for, else the best of ``Accept-Language``."""
        return self.best_locale(connection.headers.get("accept-language", ""), wanted)

    def best_locale(self, accept_language: str, wanted: str = "") -> str:
        """:meth:`locale` of a request of which only this header is known."""
        asked = f"{wanted},{accept_language}" if wanted else accept_language
        return self.locales.negotiate(asked, self.config.banner.locales)

    def tag_memo(self, grants: Grants, host: str) -> TagMemo:
        """Bounded: a site has few answers and fewer hosts; whoever sends many only makes it forget."""
        memo = self._tag_memos.get((grants, host))
        if memo is None:
            if len(self._tag_memos) >= MAX_TAG_MEMOS:
                self._tag_memos.clear()
            memo = self._tag_memos[grants, host] = TagMemo()
        return memo

    def origins(self, scope: Scope, host_header: bytes) -> tuple[str, ...]:
        """The origins that may change this visitor's state."""
        if self.config.origins:
            return self.config.origins
        scheme = "https" if self.is_secure(scope) else "http"
        return (f"{scheme}://{host_header.decode('latin-1').lower()}",)

    def _cookie(self, *, secure: bool) -> CookieName:
        settings = self.config.cookie
        prefix = "__Host-" if secure and settings.domain is None else ""
        attributes = "; Path=/; HttpOnly; SameSite=Lax"
        if secure:
            attributes += "; Secure"
        if settings.domain is not None:
            attributes += f"; Domain={settings.domain}"
        return CookieName(f"{prefix}{settings.name}".encode("ascii"), attributes)


def host_name(host_header: bytes) -> str:
    """The Host header's name in lower case, without port and trailing dot. Never raises."""
    text = host_header.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0].rstrip(".")


def _host_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def _say_what_to_know(config: ConsentConfig, policy: Policy) -> None:
    """What an operator should hear once, at start-up."""
    remarks = lint(config, policy)
    for remark in remarks[:MAX_REMARKS]:
        logger.warning("%s", remark)
    if len(remarks) > MAX_REMARKS:
        logger.warning("%d more remarks: consent-mw check", len(remarks) - MAX_REMARKS)
    if config.policy.previous is None and is_ahead(config, time.time()):
        logger.warning(
            "policy.effective_at = %s lies ahead: until then earlier choices hold, and whoever has not chosen yet is "
            "asked for version %r already; policy.previous = the earlier configuration asks them for that one",
            config.policy.effective_at,
            config.policy.version,
        )
    if config.cookie.domain is not None:
        logger.warning(
            "cookie.domain = %r gives up the __Host- prefix: every subdomain can overwrite the consent cookie",
            config.cookie.domain,
        )


def _warn_if_token_may_not_fit(policy: Policy, codec: TokenCodec) -> None:
    """Say at start-up when choosing every second service one by one would outgrow the cookie."""
    undecided = resolve(policy, None, NO_SIGNALS)
    every_second = {service.id: position % 2 == 0 for position, service in enumerate(policy.declared)}
    choice = Choice(action="save", categories=dict.fromkeys(policy.categories, True), services=every_second)
    stored: Stored = decide(undecided, choice, site="x", now=2**40, new_subject=new_subject)
    try:
        codec.dumps(stored)
    except ValueError as error:
        logger.warning(
            "services: %d are declared; visitors can accept and reject them by category, but a choice of every second "
            "one is refused with 422: %s",
            len(policy.declared),
            error,
        )
