"""What an element would make the browser contact, and whether that is consented to.

:meth:`Judge.reference` is the only place that answers for a host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from consent_mw.core.decision import Grants
from consent_mw.core.policy import Service
from consent_mw.core.urls import OWN, Target, resolve
from consent_mw.enforce.tags import Tag, decode

_LINK = frozenset({b"href", b"imagesrcset"})
_SVG = frozenset({b"href", b"xlink:href"})
_SRC = frozenset({b"src"})

FETCHING: dict[bytes, frozenset[bytes]] = {
    b"a": frozenset({b"ping"}),
    b"area": frozenset({b"ping"}),
    b"audio": _SRC,
    b"body": frozenset({b"background"}),
    b"embed": _SRC,
    b"feimage": _SVG,
    b"frame": _SRC,
    b"iframe": _SRC,
    b"image": _SVG | {b"src", b"srcset"},  # in HTML the parser turns <image> into <img>
    b"img": frozenset({b"src", b"srcset"}),
    b"input": _SRC,
    b"link": _LINK,
    b"object": frozenset({b"data", b"codebase"}),
    b"script": frozenset({b"src"}) | _SVG,
    b"source": frozenset({b"src", b"srcset"}),
    b"table": frozenset({b"background"}),
    b"td": frozenset({b"background"}),
    b"th": frozenset({b"background"}),
    b"track": _SRC,
    b"use": _SVG,
    b"video": frozenset({b"src", b"poster"}),
}
"""Per element, the attributes that make a browser fetch by itself (WHATWG HTML, SVG 2)."""

MARKABLE = frozenset().union(*FETCHING.values(), {b"action", b"formaction"})
"""What is held back on an element of any name that its author marked."""

_URL_LISTS = frozenset({b"srcset", b"imagesrcset", b"ping"})
_SEPARATORS = re.compile(r"[\s,]+")
_INERT_RELATIONS = frozenset(
    "alternate amphtml author bookmark canonical edituri external help license me next nofollow noopener noreferrer "
    "opener payment pingback prev privacy-policy profile search shortlink tag terms-of-service webmention".split()
)
# Without any of these a value leads nowhere but to the page's own host.
_LEADS_AWAY = re.compile(rb"//|[:\\&%\t\n\r]")


class Judge:
    """Answers for one page: the visitor's grants, the site's own hosts, the page's ``<base>``."""

    def __init__(self, grants: Grants, own_hosts: frozenset[str], report: Callable[[Service, str], None]) -> None:
        self._grants = grants
        self._own_hosts = own_hosts
        self._report = report
        self._index = grants.policy.host_index
        self.base = OWN

    def set_base(self, href: str) -> None:
        """The first ``<base href>`` counts, wherever it stands."""
        if self.base is OWN:
            self.base = resolve(href) or OWN

    def reference(self, reference: str) -> Service | None:
        """The denied service that ``reference`` would contact, or None when it may be loaded."""
        target = resolve(reference, self.base)
        if target is None:
            return None
        service = self.owner(target)
        if service is None or self._grants.service(service):
            return None
        self._report(service, reference)
        return service

    def owner(self, target: Target) -> Service | None:
        """The catalogued service behind a host and path; on the site's own host only self-hosted files count."""
        if target.host == "" or target.host in self._own_hosts:
            return self._index.find_file(target.path)
        return self._index.find(target.host, target.path)

    def tag(self, tag: Tag) -> tuple[list[str], frozenset[bytes]]:
        """Ids of the denied services that the element would contact, and the attributes to hold back for it."""
        names = FETCHING.get(tag.name, frozenset())
        if tag.name == b"link" and _is_inert_link(tag):
            return [], names
        found: dict[str, None] = {}
        for attribute in tag.attributes:
            if attribute.name in names and attribute.raw:
                for reference in _references(attribute.name, attribute.raw):
                    service = self.reference(reference)
                    if service is not None:
                        found[service.id] = None
        return list(found), names

    def knows(self, name: str) -> bool:
        return self._grants.policy.resolve_alias(name) is not None

    def named(self, name: str) -> str:
        """The id that an author's mark means; a name nobody knows stays, and is never granted."""
        return self._grants.policy.resolve_alias(name) or name

    def denied(self, ids: Iterable[str]) -> bool:
        """Whether any of the ids that an author marked an element with is denied, or known to nobody."""
        return any(not self._grants.policy.knows(id) or not self._grants.granted(id) for id in ids)

    def all_optional(self) -> list[str]:
        return [category.id for category in self._grants.policy.optional]

    def inline(self, script: bytes) -> list[str]:
        """Ids of the denied services that an inline script loads or calls."""
        services = self._grants.policy.inline_services(script)
        held = [service for service in services if not self._grants.service(service)]
        for service in held:
            self._report(service, "inline script")
        return [service.id for service in held]


def _references(name: bytes, raw: bytes) -> Iterator[str]:
    """The addresses in an attribute value. Where decoding is in doubt, both readings are judged."""
    if not _LEADS_AWAY.search(raw):
        yield raw.decode("latin-1")
        return
    values = {decode(raw), raw.decode("latin-1")} if b"&" in raw else {decode(raw)}
    for value in values:
        if name in _URL_LISTS:
            yield from filter(None, _SEPARATORS.split(value))
        else:
            yield value


def _is_inert_link(tag: Tag) -> bool:
    """Whether no token of ``rel`` makes the browser fetch or connect. An unknown token might."""
    relations = (tag.value(b"rel") or "").lower().split()
    return all(relation in _INERT_RELATIONS for relation in relations)
