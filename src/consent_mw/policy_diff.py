"""Who will be asked what when one version of a site's configuration takes another's place.

It asks the same functions that decide for real visitors: what becomes of everyone who accepted, and of everyone who
refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.choice import Choice
from consent_mw.core.decision import Consent, decide, resolve
from consent_mw.core.policy import Policy, new_purpose
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.errors import ConfigError
from consent_mw.settings import PolicySettings

NOBODY = "s" * 22


def policy_diff(old: ConsentConfig, new: ConsentConfig) -> list[str]:
    """Lines to read.

    :raises ConfigError: when the two versions overlap, or one version number means two things
    """
    before, after = build_policy(old), build_policy(new)
    check_order(old.policy, new.policy, changed=before.fingerprint != after.fingerprint)
    return [
        f"policy {before.version} -> {after.version}",
        *_when(new.policy),
        *_who(before, after),
        *_gone(before, after),
    ]


def check_order(old: PolicySettings, new: PolicySettings, *, changed: bool) -> None:
    """:raises ConfigError: when the two versions overlap, or one version number means two things"""
    if changed and old.version == new.version:
        raise ConfigError(f"policy.version = {new.version!r} would mean two things; allowed: a version of its own")
    if old.effective_at is None:
        return
    for key, day in (("published_at", new.published_at), ("effective_at", new.effective_at)):
        if day is not None and day < old.effective_at:
            raise ConfigError(
                f"policy.{key} = {day} overlaps the version before it, which takes effect on {old.effective_at}; "
                f"allowed: {old.effective_at} or later"
            )


def _when(settings: PolicySettings) -> Iterator[str]:
    if settings.effective_at is None:
        yield "  takes effect when it is deployed, without notice"
        return
    if settings.published_at is not None:
        yield f"  from {settings.published_at}: every page tells of the change"
    yield f"  until {settings.effective_at}: earlier choices hold as they were made, and what is new waits"


def _who(before: Policy, after: Policy) -> Iterator[str]:
    consent = _everything_granted(before, after)
    if not consent.stale:
        yield "  whoever chose before: is asked nothing"
        return
    for id in consent.stale:
        if id not in before.categories:
            yield f"  whoever chose before: is asked about {id}, which is new"
            continue
        purposes = [purpose for purpose in after.categories[id].purposes if new_purpose(purpose) in consent.news]
        services = [s.id for s in after.declared if s.id in consent.news and id in s.categories]
        reasons = [f"purpose {purpose}" for purpose in purposes] + [_service(id, before, after) for id in services]
        yield f"  whoever granted {id}: is asked again, for {'; '.join(reasons) or 'it is asked for alone now'}"
    yield "  whoever refused: is asked nothing but what is a new category"


def _everything_granted(before: Policy, after: Policy) -> Consent:
    choice = Choice(action="save", categories=dict.fromkeys(before.categories, True))
    undecided = resolve(before, None, NO_SIGNALS)
    stored = decide(undecided, choice, site="", now=0, new_subject=lambda: NOBODY)
    return resolve(after, stored, NO_SIGNALS)


def _service(id: str, before: Policy, after: Policy) -> str:
    new, old = after.services[id], before.services.get(id)
    if old is None or not old.declared:
        return f"service {id}"
    purposes = [f"for {purpose}" for purpose in new.purposes if purpose not in old.purposes]
    recipients = [f"to {recipient}" for recipient in new.recipients if recipient not in old.recipients]
    return f"service {id} {', '.join(purposes + recipients)}".rstrip()


def _gone(before: Policy, after: Policy) -> Iterator[str]:
    kept = {service.id for service in after.declared}
    gone = [service.id for service in before.declared if service.id not in kept]
    gone += [id for id in before.categories if id not in after.categories]
    if gone:
        yield f"  removed: {', '.join(gone)}; nobody is asked again for that"
