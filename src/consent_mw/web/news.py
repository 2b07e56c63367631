"""What is new: a change that lies ahead, and what was added since a visitor's choice."""

from __future__ import annotations

from consent_mw.core.decision import Consent
from consent_mw.core.policy import new_purpose
from consent_mw.settings import PolicySettings
from consent_mw.web.html import escape
from consent_mw.web.words import LIST_SEPARATOR, Words

CHANGE = 'id="consent-change"'


def change_ahead(notice: PolicySettings, words: Words) -> str:
    """A prominent notice of a change, from its publication until it takes effect.

    It can be folded without JavaScript, so that it is in nobody's way.
    """
    day = notice.effective_at
    if day is None:
        return ""
    date = f'<b><time datetime="{day.isoformat()}">{escape(words.date(day))}</time></b>'
    changes = escape(" ".join(notice.changes_in(words.tag)))
    return (
        f"<details {CHANGE} open><summary>{words['new']}{LIST_SEPARATOR}{date}</summary>"
        f"<p>{words.html('change', date=date, changes=changes)}</p></details>"
    )


def announced(notice: PolicySettings, tag: str) -> dict[str, str]:
    """What a notice says beside the shipped words, in a language, for the ledger's copy of the text."""
    if notice.effective_at is None:
        return {}
    return {"changes": " ".join(notice.changes_in(tag)), "effective_at": notice.effective_at.isoformat()}


def news(id: str, consent: Consent, words: Words) -> str:
    """A category with what is new in it: its purposes by name, and its services."""
    policy = consent.policy
    purposes = [words.purposes((p,)) for p in policy.categories[id].purposes if new_purpose(p) in consent.news]
    services = [s.name for s in policy.declared if s.id in consent.news and id in s.categories]
    parts = f" ({escape(', '.join([*purposes, *services]))})" if purposes or services else ""
    return f"<b>{escape(words.label(id))}</b>{parts}"
