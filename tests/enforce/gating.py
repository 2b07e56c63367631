"""A gate over a small policy of known hosts, for the tests of the HTML gate and its parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Grants, resolve
from consent_mw.core.policy import Policy
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.enforce.html_gate import HtmlGate
from consent_mw.enforce.page import Page
from consent_mw.enforce.references import Judge

OWN_HOST = "site.test"
TRACKER = "tracker.example"
EMBEDDED = "forms.example"
MARKER = "trackerCall("
_CONFIG = {
    "services": [
        {
            "id": "tracker",
            "name": "Tracker",
            "purposes": ["analytics"],
            "hosts": [TRACKER],
            "paths": ["/tracker.js", "shared.example/collect"],
            "inline": [MARKER, TRACKER],
            "embeds": ["blockquote.tracker-post"],
        },
        {"id": "embedded", "name": "Form", "purposes": ["media"], "hosts": [EMBEDDED], "embeds": ["script"]},
    ]
}


@cache
def policy() -> Policy:
    return build_policy(ConsentConfig.load(_CONFIG))


def denied() -> Grants:
    return resolve(policy(), None, NO_SIGNALS).grants


def page(reported: list[str] | None = None) -> Page:
    report = [] if reported is None else reported
    return Page(
        judge=Judge(denied(), frozenset({OWN_HOST}), lambda service, reference: report.append(service.id)),
        block=lambda has_base, lang: b"[banner]",
        placeholder=lambda ids, tag: b"[placeholder]",
    )


def boxed() -> Page:
    """A page whose banner and placeholders are markup, as they are on a site."""
    box = b"<!--consent--><span><svg></svg><span><b>box</b><button>load</button></span></span><!--/consent-->"
    return replace(page(), block=lambda has_base, lang: box, placeholder=lambda ids, tag: box)


def blank() -> Page:
    """A page into which nothing is inserted."""
    return replace(page(), block=lambda has_base, lang: b"", placeholder=lambda ids, tag: b"")


def gated(chunks: bytes | Iterable[bytes], reported: list[str] | None = None) -> bytes:
    gate = HtmlGate(page(reported))
    pieces = [chunks] if isinstance(chunks, bytes) else chunks
    return b"".join([*map(gate.feed, pieces), gate.close()])


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
