"""Response headers that make a browser fetch, connect, report, navigate or tell, without what is denied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from consent_mw.enforce.elements import INERT_RELATIONS, refresh_address
from consent_mw.enforce.references import THIRD_PARTY, Judge

RawHeaders = list[tuple[bytes, bytes]]

# A comma between the members of a list: not one within <...>, "..." or {...}.
_MEMBER = re.compile(r"""(?:<[^>]*>?|"(?:[^"\\]|\\.)*"?|\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|\{[^{}]*\})*\}?|[^,<"{])+""")
_TARGET = re.compile(r"\s*<([^>]*)>?(.*)", re.DOTALL)
_RELATION = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]*))""", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_AUTHORITY = re.compile(r"[A-Za-z0-9.-]+:[0-9]+")
_TELLING_HINT = re.compile(r"\s*sec-ch-ua-(?!(?:mobile|platform)\s*$)", re.IGNORECASE)


def judged_headers(headers: RawHeaders, judge: Judge) -> RawHeaders:
    """The headers without the members that would contact a denied service; what is harmless keeps its bytes."""
    kept: RawHeaders = []
    for name, value in headers:
        rule = RULES.get(name.lower())
        result = rule(value.decode("latin-1"), judge) if rule is not None else None
        if result is None:
            kept.append((name, value))
        elif result:
            kept.append((name, result.encode("latin-1")))
    return kept


def denied_location(headers: RawHeaders, judge: Judge) -> tuple[str, str] | None:
    """The denied service that a redirect leads to, and its address there. Third parties unknown may be gone to."""
    for name, value in headers:
        if name.lower() == b"location":
            address = value.decode("utf-8", "replace").strip()
            service = judge.reference(address)
            return (service.id, address) if service is not None and service is not THIRD_PARTY else None
    return None


Rule = Callable[[str, Judge], str | None]
"""What is left of a header's value; None when it may stay as it is."""


def _link(value: str, judge: Judge) -> str | None:
    return _without(value, lambda member: _is_denied_link(member, judge))


def _is_denied_link(member: str, judge: Judge) -> bool:
    match = _TARGET.match(member)
    if match is None:
        return False
    relation = _RELATION.search(match[2])
    tokens = (relation[1] or relation[2] or "").lower().split() if relation is not None else []
    return not all(token in INERT_RELATIONS for token in tokens) and bool(judge.addresses([match[1]]))


def _refresh(value: str, judge: Judge) -> str | None:
    address = refresh_address(value)
    return "" if address is not None and judge.addresses([address]) else None


def _quoted(value: str, judge: Judge) -> str | None:
    """For lists whose members hold addresses, or authorities, in quotes."""
    return _without(value, lambda member: bool(judge.addresses(_addresses(member))))


def _addresses(member: str) -> Iterable[str]:
    for text in _QUOTED.findall(member):
        plain = text.replace("\\", "")
        yield "//" + plain if _AUTHORITY.fullmatch(plain) else plain


def _bare(value: str, judge: Judge) -> str | None:
    return "" if judge.addresses([value]) else None


def _for_advertising(value: str, judge: Judge) -> str | None:
    """What has the browser keep notes for advertisers: interests (Topics), views and clicks (Attribution Reporting)."""
    return "" if judge.denied_for("advertising") else None


def _hints(value: str, judge: Judge) -> str | None:
    """Details of the device beyond those that every request tells (User-Agent Client Hints): they tell people apart."""
    if not judge.denied_for("identification"):
        return None
    return _without(value, lambda member: _TELLING_HINT.match(member) is not None)


def _policy(value: str, judge: Judge) -> str | None:
    """A content security policy, whose reports may go to nobody who is denied; what it forbids stays forbidden."""
    directives = value.split(";")
    kept = [left for directive in directives if (left := _directive(directive, judge)) is not None]
    return None if kept == directives else ";".join(kept)


def _directive(directive: str, judge: Judge) -> str | None:
    name, *sources = directive.split() or [""]
    if name.lower() != "report-uri":
        return directive
    allowed = [source for source in sources if not judge.addresses([source])]
    if allowed == sources:
        return directive
    return " ".join([name, *allowed]) if allowed else None


def _without(value: str, denied: Callable[[str], bool]) -> str | None:
    members = [member for member in _MEMBER.findall(value) if member.strip()]
    kept = [member for member in members if not denied(member)]
    return None if len(kept) == len(members) else ",".join(kept).strip()


RULES: dict[bytes, Rule] = {
    b"accept-ch": _hints,
    b"alt-svc": _quoted,
    b"attribution-reporting-register-os-source": _for_advertising,
    b"attribution-reporting-register-os-trigger": _for_advertising,
    b"attribution-reporting-register-source": _for_advertising,
    b"attribution-reporting-register-trigger": _for_advertising,
    b"content-security-policy": _policy,
    b"content-security-policy-report-only": _policy,
    b"critical-ch": _hints,
    b"expect-ct": _quoted,
    b"link": _link,
    b"observe-browsing-topics": _for_advertising,
    b"refresh": _refresh,
    b"report-to": _quoted,
    b"reporting-endpoints": _quoted,
    b"sourcemap": _bare,
    b"speculation-rules": _quoted,
    b"x-sourcemap": _bare,
}
"""Per header, lower case, how its value is read. ``NEL`` needs ``Report-To``, and does nothing without."""

CONTACTING = frozenset({*RULES, b"location"})
"""Names of the headers that are looked at."""
