"""The page guard: two scripts in front of all others. One holds back what a page's own scripts would contact, the
other what they would keep on the device, and questions for a position.

The files are the same for every visitor, so that they are cached for ever; what a visitor has granted stands on their
tags. Who has no cookie of ours has no file of ours either: then the scripts stand in the page itself, and nothing has
to be fetched before the page, and the question on it, show.

The hosts of the whole catalogue are there as fingerprints; a third file has all of it exactly, and is fetched when a
page's script first does something that one of them is about.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from consent_mw.core.decision import Consent
from consent_mw.core.fingerprints import encode
from consent_mw.core.policy import CookieRule, Policy, Service, WithoutConsent
from consent_mw.web.assets import Asset, make_asset, script_source
from consent_mw.web.html import CLOSE, OPEN, Template, escape, slot

UNDECLARED = "undeclared-services"
"""What the services of the catalogue need that a site does not declare: nobody can grant it."""

HOST_SPREAD, FILE_SPREAD, SMALLEST_SET = 60, 250_000, 40_000
"""A host is looked up for third parties alone, a file name also for every address of the site itself."""
MAX_CACHED_TAGS = 512
MAX_INLINE_BYTES = 32 * 1024
"""Scripts larger than this, as a block list makes them, are worth a request of their own for newcomers too."""

_ENDS_A_SCRIPT = re.compile(r"</script|<!--|\x01", re.IGNORECASE)


class Guard:
    """Makes the files at start-up, and the tags per set of grants.

    :ivar assets: the two scripts and the exact list, by name
    """

    def __init__(self, policy: Policy, path: str, *, own_hosts: Iterable[str], own_names: Collection[str]) -> None:
        """:param own_names: names and globs of cookies that the site itself classifies"""
        self._policy = policy
        self._required = next((category.id for category in policy.categories.values() if category.required), "")
        exactly = make_asset("exactly.json", _json(_everything(policy)))
        contact = {**_contacts(policy, own_hosts), "exactly": exactly.name}
        keep = {**_device(policy, own_names), "exactly": exactly.name}
        scripts = [_filled("guard", "CATALOG", contact), _filled("device", "DEVICE", keep)]
        self.assets: Mapping[str, Asset] = {asset.name: asset for asset in (exactly, *scripts)}
        self._assets_path = f"{path}/assets/"
        self._scripts = scripts
        self._fits_a_page = sum(len(script.body) for script in scripts) <= MAX_INLINE_BYTES
        self._tags: dict[Hashable, Template] = {}

    def tags(self, consent: Consent, *, root: str = "", nonce: str = "", inline: bool = False) -> bytes:
        """What stands at the start of a visitor's pages.

        :param root: put before our own addresses, where the app is mounted at a path
        :param nonce: of the page's Content-Security-Policy
        :param inline: the scripts themselves, instead of their addresses, where they are small enough
        """
        inline = inline and self._fits_a_page
        key = consent.grants.key, inline
        template = self._tags.get(key)
        if template is None:
            if len(self._tags) >= MAX_CACHED_TAGS:
                self._tags.clear()
            template = self._tags[key] = Template(self._markup(consent, inline))
        return template.fill({"root": escape(root), "nonce": f' nonce="{escape(nonce)}"' if nonce else ""})

    def _markup(self, consent: Consent, inline: bool) -> str:
        granted = [id for id in self._policy.categories if consent.granted(id)]
        granted += [service.id for service in self._policy.declared if consent.granted(service.id)]
        own = self._own_answers(consent)
        attributes = f' data-granted="{escape(" ".join(granted))}"'
        exceptions = f' data-references="{escape(_json(own).decode())}"' if own else ""
        at, rest = slot("root") + self._assets_path, f"{attributes}{exceptions}{slot('nonce')}"
        if inline:
            both = "".join(script.body.decode() for script in self._scripts)  # each is whole statements
            tags = f'<script data-at="{at}"{rest}>{both}</script>'
        else:
            tags = "".join(f'<script src="{at}{script.name}"{rest}></script>' for script in self._scripts)
        return f"{OPEN}{tags}{CLOSE}"

    def _own_answers(self, consent: Consent) -> dict[str, str]:
        """Services that nobody declared and that this visitor answered for alone: their hosts, and the answer."""
        found: dict[str, list[str]] = defaultdict(list)
        for id in consent.own_services:
            service = self._policy.services[id]
            if not service.declared:
                found[self._required if consent.granted(id) else UNDECLARED] += _references(service)
        return {needs: " ".join(references) for needs, references in found.items()}


def _filled(stem: str, name: str, value: Mapping[str, object]) -> Asset:
    source = script_source(stem)
    if source.count(name) != 1:
        raise RuntimeError(f"{stem}.min.js does not take {name} at exactly one place; run: make assets")
    # in JSON a "<" stands only in strings; a site's names must not end the script element that this may stand in
    script = source.replace(name, _json(value).decode().replace("<", "\\u003c"))
    if _ENDS_A_SCRIPT.search(script):
        raise RuntimeError(f"{stem}.js holds what cannot stand in a script element: {_ENDS_A_SCRIPT.pattern}")
    return make_asset(f"{stem}.js", script.encode())


def _contacts(policy: Policy, own_hosts: Iterable[str]) -> dict[str, object]:
    """What guard.js knows at once: the declared services exactly, the rest of the catalogue as fingerprints."""
    hosts: dict[str, set[str]] = defaultdict(set)
    files: dict[str, set[str]] = defaultdict(set)
    for needs, service in _gated(policy):
        if not service.declared:
            for reference in _references(service):
                (files if reference.startswith("/") else hosts)[needs].add(_up_to_folder(reference))
    return {
        "own": sorted(own_hosts),
        "references": _grouped((needs, _references(service)) for needs, service in _gated(policy) if service.declared),
        "hosts": [
            [needs, *encode(found, max(HOST_SPREAD, SMALLEST_SET // len(found)))] for needs, found in hosts.items()
        ],
        "files": [[needs, *encode(found, FILE_SPREAD)] for needs, found in files.items()],
    }


def _device(policy: Policy, own_names: Collection[str]) -> dict[str, object]:
    """What device.js knows at once: the names that the site itself classifies, or declares with a service."""
    own = (rule for rule in policy.cookies if rule.name in own_names)
    return {
        "stored": _grouped(_stored(policy, policy.declared, own), "\n"),
        "open": not policy.block_unclassified,
        "place": " ".join(category.id for category in policy.categories.values() if "location" in category.purposes),
    }


def _everything(policy: Policy) -> dict[str, object]:
    return {
        "references": _grouped((needs, _references(service)) for needs, service in _gated(policy)),
        "stored": _grouped(_stored(policy, policy.services.values(), policy.cookies), "\n"),
    }


def _gated(policy: Policy) -> list[tuple[str, Service]]:
    """The services that can be held back, each with what it needs."""
    return [(_needs(policy, service), service) for service in policy.services.values()]


def _needs(policy: Policy, service: Service) -> str:
    if service.declared:
        return service.id
    if policy.declares_services and not all(policy.categories[id].required for id in service.categories):
        return UNDECLARED
    return " ".join(service.categories)


def _references(service: Service) -> list[str]:
    files = ("/" + path.rpartition("/")[2] if path.startswith("/") else path for path in service.paths)
    return [*service.hosts, *files]


def _up_to_folder(reference: str) -> str:
    """A script can look for the first folder of a path; more of it is in the exact list."""
    return "/".join(reference.split("/")[:2])


def _stored(
    policy: Policy, services: Iterable[Service], cookies: Iterable[CookieRule]
) -> Iterable[tuple[str, Sequence[str]]]:
    """Names of cookies and storage keys, each with what it needs."""
    for rule in cookies:
        session_only = "~" if rule.without_consent is WithoutConsent.SESSION_ONLY else ""
        yield session_only + " ".join(rule.categories), [rule.name]
    for service in services:
        yield _needs(policy, service), [*(rule.name for rule in service.cookies), *service.storage]


def _grouped(pairs: Iterable[tuple[str, Sequence[str]]], separator: str = " ") -> dict[str, str]:
    groups: dict[str, dict[str, None]] = defaultdict(dict)
    for needs, names in pairs:
        groups[needs].update(dict.fromkeys(names))
    return {needs: separator.join(names) for needs, names in groups.items() if names}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
