"""Google Consent Mode v2, Microsoft UET and Clarity: the visitor's decision, in their words, in front of every tag.

Basic mode only: a tag that was not granted is not loaded at all, so nothing is sent "without cookies" either. A script
of ours says ``denied`` for every key before anything can run, and one update per decision.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence

from consent_mw.core.decision import Consent
from consent_mw.core.policy import Policy
from consent_mw.settings import ConsentModeSettings
from consent_mw.web.assets import Asset, make_asset, script_source
from consent_mw.web.html import CLOSE, OPEN, Template, escape, slot

KEYS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "google": {
        "ad_storage": ("advertising",),
        "ad_user_data": ("advertising",),
        "ad_personalization": ("advertising", "personalization"),
        "analytics_storage": ("analytics",),
        "functionality_storage": ("identification",),
        "personalization_storage": ("personalization",),
        "security_storage": (),  # necessary, and so granted to everybody
    },
    "uet": {"ad_storage": ("advertising",)},
    "clarity": {"ad_Storage": ("advertising",), "analytics_Storage": ("analytics",)},
}
"""Per vendor its keys, and the purposes that must all be granted for each."""

SERVICES: Mapping[str, frozenset[str]] = {
    "google": frozenset({"google-analytics", "google-ads", "google-marketing-platform", "google-tag-manager"}),
    "uet": frozenset({"microsoft-advertising"}),
    "clarity": frozenset({"microsoft-clarity"}),
}
"""The vendor's services in the catalogue: an answer for one of them beats its category's."""

MAX_CACHED_TAGS = 512


class ConsentMode:
    """Makes the script's tag per set of grants. Nothing of it exists where no vendor is configured.

    :ivar assets: the script, by name
    """

    def __init__(self, policy: Policy, path: str, settings: ConsentModeSettings) -> None:
        self._policy = policy
        self._vendors = [vendor for vendor in KEYS if getattr(settings, vendor)]
        script = make_asset("mode.js", script_source("mode").encode()) if self._vendors else None
        self.assets: Mapping[str, Asset] = {} if script is None else {script.name: script}
        self._address = "" if script is None else f"{path}/assets/{script.name}"
        self._keys = json.dumps({vendor: self._lists(vendor) for vendor in self._vendors}, separators=(",", ":"))
        self._tags: dict[Hashable, Template] = {}

    def tag(self, consent: Consent, *, root: str = "", nonce: str = "") -> bytes:
        """What stands at the start of a visitor's page; nothing where no vendor is configured."""
        if not self._vendors:
            return b""
        key = consent.grants.key
        template = self._tags.get(key)
        if template is None:
            if len(self._tags) >= MAX_CACHED_TAGS:
                self._tags.clear()
            template = self._tags[key] = Template(self._markup(consent))
        return template.fill({"root": escape(root), "nonce": f' nonce="{escape(nonce)}"' if nonce else ""})

    def _markup(self, consent: Consent) -> str:
        granted = [id for id in self._policy.categories if consent.granted(id)]
        granted += [id for id, verdict in consent.services().items() if verdict == "granted"]
        return (
            f'{OPEN}<script src="{slot("root")}{self._address}"{slot("nonce")} '
            f'data-vendors="{" ".join(self._vendors)}" data-keys="{escape(self._keys)}" '
            f'data-granted="{escape(" ".join(granted))}"></script>{CLOSE}'
        )

    def _lists(self, vendor: str) -> dict[str, list[list[str]]]:
        return {key: [self._ids(vendor, purpose) for purpose in purposes] for key, purposes in KEYS[vendor].items()}

    def _ids(self, vendor: str, purpose: str) -> list[str]:
        """What stands for a purpose: the vendor's declared services for it, or else its category."""
        declared = [s.id for s in self._policy.declared if s.id in SERVICES[vendor] and purpose in s.purposes]
        return declared or [id for id, c in self._policy.categories.items() if purpose in c.purposes]
