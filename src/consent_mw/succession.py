"""One version of a policy after the other: until a change takes effect, the version before it governs.

What is asked, in which words and by whom, is the earlier file's; how (paths, cookie, ledger, regimes, enforcement) is
the newer one's, which is what was deployed.
"""

from __future__ import annotations

from consent_mw.build import build_policy, midnight
from consent_mw.catalog.schema import CookieEntry
from consent_mw.config import ConsentConfig
from consent_mw.policy_diff import check_order


def is_ahead(config: ConsentConfig, now: float) -> bool:
    """Whether a change has been deployed that is not in effect yet."""
    effective_at = midnight(config.policy.effective_at)
    return effective_at is not None and now < effective_at


def version_before(config: ConsentConfig) -> ConsentConfig | None:
    """What governs until the configuration takes effect; None where it does not say.

    :raises ConfigError: the earlier file cannot be read, or the two versions overlap
    """
    if config.policy.previous is None:
        return None
    old = ConsentConfig.load(config.policy.previous)
    changed = build_policy(old).fingerprint != build_policy(config).fingerprint
    check_order(old.policy, config.policy, changed=changed)
    announced = {"version": old.policy.version, "privacy_url": old.policy.privacy_url}
    return config.model_copy(
        update={
            "use": old.use,
            "categories": old.categories,
            "services": old.services,
            "cookies": (*old.cookies, *_cookies_of_the_new_app(old, config)),
            "controller": old.controller,
            "banner": config.banner.model_copy(update={"texts": old.banner.texts}),
            "policy": config.policy.model_copy(update=announced),
        }
    )


def _cookies_of_the_new_app(old: ConsentConfig, new: ConsentConfig) -> list[CookieEntry]:
    """The app that runs is the new one; what it needs is still sorted by the earlier version's categories."""
    named, known = {entry.name for entry in old.cookies}, build_policy(old).categories
    return [
        entry
        for entry in new.cookies
        if entry.name not in named and (entry.category is None or entry.category in known)
    ]
