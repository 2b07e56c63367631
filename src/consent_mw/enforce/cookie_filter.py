"""Which cookies may pass, in either direction. :func:`judge` is the only place that answers for a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from consent_mw.core.cookies import SetCookie, is_writable_name, lenient, segments
from consent_mw.core.grants import Grants
from consent_mw.core.policy import CookieRule, Policy, WithoutConsent, new_purpose

RawHeaders = list[tuple[bytes, bytes]]


class Pass(Enum):
    WHOLE = "whole"
    SESSION_ONLY = "session only"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a cookie, and why.

    :ivar rule: the rule that decided; None when no rule knows the name
    """

    outcome: Pass
    rule: CookieRule | None = None

    @property
    def blocked(self) -> bool:
        return self.outcome is Pass.BLOCKED


_NAME_IN_A_VALUE = re.compile(rb"\s([^\s=]+)\s*=")
_MEMO_LIMIT = 2048
_MEMO_NAME_LENGTH = 200
_UNCLASSIFIED = Verdict(Pass.BLOCKED)
_ALLOWED_UNKNOWN = Verdict(Pass.WHOLE)


def judge(grants: Grants, name: str) -> Verdict:
    """Whether the cookie ``name`` passes under these grants. Names nobody has classified are blocked by default."""
    verdict = grants.cookie_verdicts.get(name)
    if isinstance(verdict, Verdict):
        return verdict
    verdict = _judge(grants, name)
    if len(name) <= _MEMO_NAME_LENGTH:
        if len(grants.cookie_verdicts) >= _MEMO_LIMIT:
            grants.cookie_verdicts.clear()
        grants.cookie_verdicts[name] = verdict
    return verdict


def _judge(grants: Grants, name: str) -> Verdict:
    policy = grants.policy
    rule = policy.cookie_index.find(name)
    if rule is None:
        return _UNCLASSIFIED if policy.block_unclassified else _ALLOWED_UNKNOWN
    if _granted(grants, rule):
        return Verdict(Pass.WHOLE, rule)
    session_only = rule.without_consent is WithoutConsent.SESSION_ONLY
    return Verdict(Pass.SESSION_ONLY if session_only else Pass.BLOCKED, rule)


def _granted(grants: Grants, rule: CookieRule) -> bool:
    if rule.service is not None:
        return grants.service(grants.policy.services[rule.service])
    waits = rule.purpose is not None and new_purpose(rule.purpose) in grants.withheld
    return not waits and all(id in grants.categories for id in rule.categories)


Report = Callable[[str, Verdict], None]
"""Told of each cookie that was blocked or shortened: name and verdict."""


def filter_request(header: bytes, grants: Grants, own_name: bytes, report: Report) -> bytes:
    """A Cookie header without what the app may not see. Untouched when nothing is blocked.

    The consent cookie itself, look-alikes included, stays with us: an app reads consent through ``get_consent``.
    """
    kept: list[bytes] = []
    dropped = False
    own = own_name.decode("ascii")
    for raw_name, segment in segments(header):
        name = lenient(raw_name)
        if name == own:
            dropped = True
            continue
        verdict = judge(grants, name)
        if verdict.blocked and segment.strip():
            report(name, verdict)
            dropped = True
        elif _hides_a_blocked_name(segment, grants, own):
            dropped = True
        else:
            kept.append(segment)
    return b";".join(kept).strip(b" \t") if dropped else header


def _hides_a_blocked_name(segment: bytes, grants: Grants, own: str) -> bool:
    """Whether the value of an allowed cookie holds a name that we know and block.

    ``http.cookies`` begins a new cookie at white space too: to it, ``csrftoken=a _ga=b`` are two.
    """
    names = map(lenient, _NAME_IN_A_VALUE.findall(segment.partition(b"=")[2]))
    return any(name == own or ((verdict := judge(grants, name)).blocked and verdict.rule) for name in names)


def filter_response(headers: RawHeaders, grants: Grants, own_name: bytes, now: float, report: Report) -> RawHeaders:
    """Response headers without the Set-Cookie headers that were not consented to.

    A deletion always passes: it takes data away. So that nobody plants state in our name, an app cannot set or
    delete the consent cookie.
    """
    kept: RawHeaders = []
    for name, value in headers:
        if name.lower() == b"set-cookie":
            passed = _filter_set_cookie(value, grants, own_name, now, report)
            if passed is None:
                continue
            kept.append((name, passed))
        else:
            kept.append((name, value))
    return kept


def _filter_set_cookie(value: bytes, grants: Grants, own_name: bytes, now: float, report: Report) -> bytes | None:
    cookie = SetCookie.parse(value)
    if cookie.name == own_name:
        return None
    name = lenient(cookie.name)
    verdict = judge(grants, name)
    if verdict.outcome is Pass.WHOLE or cookie.is_deletion(now):
        return value
    report(name, verdict)
    return cookie.session_only() if verdict.outcome is Pass.SESSION_ONLY else None


def expired_names(names: Iterable[bytes], grants: Grants, before: Grants) -> list[bytes]:
    """Which of the visitor's cookies a choice takes away: known to a rule, and no longer allowed.

    A session-only cookie is taken when its category *was* granted: it may carry a lifetime from then. One that was
    never granted is a plain sign-in session and stays, or refusing would sign people out.

    :param names: as the browser sent them; a deletion must repeat every byte
    """
    taken = []
    for raw_name in dict.fromkeys(names):
        name = lenient(raw_name)
        verdict = judge(grants, name)
        if verdict.rule is None or not is_writable_name(raw_name):
            continue
        was_whole = judge(before, name).outcome is Pass.WHOLE
        if verdict.blocked or (verdict.outcome is Pass.SESSION_ONLY and was_whole):
            taken.append(raw_name)
    return taken


def config_line(name: str, policy: Policy) -> str:
    """The configuration that would classify an unknown cookie, ready to paste."""
    optional = next((category.id for category in policy.optional), "necessary")
    return f'[[cookies]]\nname = "{name}"\ncategory = "{optional}"'
