"""The state of a visitor's consent as JSON: what ``GET /consent/state`` answers and what a page carries with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from consent_mw.core.choice import DECISIONS
from consent_mw.core.decision import Consent


def state_view(consent: Consent, services: Iterable[str] = ()) -> dict[str, Any]:
    """The state, in the shape that the documentation of the HTTP interface fixes.

    :param services: ids of further services to answer for, where they are not declared; unknown ones are left out
    """
    stored, policy = consent.stored, consent.policy
    answers = consent.services()
    for id in services:
        if id in policy.services:
            answers[id] = DECISIONS[consent.granted(id)]
    return {
        "decided": consent.decided,
        "policy": {"version": policy.version, "fingerprint": policy.fingerprint},
        "regime": consent.rules.regime.value,
        "signals": consent.known_signals._asdict(),
        "categories": consent.categories(),
        "services": answers,
        "stale": list(consent.stale),
        "decided_at": timestamp(stored.decided_at) if stored is not None else None,
        "expires_at": timestamp(consent.expires_at) if consent.expires_at is not None else None,
    }


@lru_cache(maxsize=64)
def timestamp(epoch_seconds: int) -> str:
    """RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().removesuffix("+00:00") + "Z"
