"""What an element would make the browser contact, and whether that is consented to.

:meth:`Judge.reference` is the only place that answers for a host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from consent_mw.core.grants import Grants
from consent_mw.core.policy import Service
from consent_mw.core.urls import OWN, Target, resolve
from consent_mw.enforce.css import css_references
from consent_mw.enforce.elements import NAVIGATING, STYLED, fetching, is_client_hints, references, refresh_target
from consent_mw.enforce.embedded import embedded
from consent_mw.enforce.script import addresses, code
from consent_mw.enforce.tags import Tag, values

THIRD_PARTY = Service(id="third-party", number=0, name="", categories=(), purposes=(), declared=True)
"""In strict mode, whoever no service is known for. Nobody can grant it."""


class Judge:
    """Answers for one page: the visitor's grants, the site's own hosts, the page's ``<base>``."""

    def __init__(
        self,
        grants: Grants,
        own_hosts: frozenset[str],
        report: Callable[[Service, str], None],
        *,
        strict: bool = False,
    ) -> None:
        """:param strict: a third party that no service is known for is denied too"""
        self._strict = strict
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
        service = self.denied_at(target) if target is not None else None
        if service is not None:
            self._report(service, reference)
        return service

    def denied_at(self, target: Target) -> Service | None:
        """The denied service at a host and path."""
        service = self.owner(target)
        if service is not None:
            return None if self._grants.service(service) else service
        return None if not self._strict or target.host == "" or target.host in self._own_hosts else THIRD_PARTY

    def owner(self, target: Target) -> Service | None:
        """The catalogued service behind a host and path; on the site's own host only self-hosted files count."""
        if target.host == "" or target.host in self._own_hosts:
            return self._index.find_file(target.path)
        return self._index.find(target.host, target.path)

    def addresses(self, addresses: Iterable[str]) -> list[str]:
        """Ids of the denied services that any of the addresses would contact or carries a call of."""
        found: dict[str, None] = {}
        for address in addresses:
            service = self.reference(address)
            if service is not None:
                found[service.id] = None
            else:
                found |= dict.fromkeys(self._carried(address))
        return list(found)

    def tag(self, tag: Tag) -> tuple[list[str], frozenset[bytes]]:
        """Ids of the denied services that the element would contact, and the attributes to hold back for it."""
        found: dict[str, None] = {}
        hold: frozenset[bytes] = frozenset()
        names = fetching(tag)
        for name, _, raw in tag.attributes:
            if not raw:
                continue
            if name in names:
                ids, held = self.addresses(references(name, raw)), names
            else:
                ids, held = self.attribute(name, raw), frozenset({name})
            if ids:
                found |= dict.fromkeys(ids)
                hold |= held
        if tag.name == b"meta" and (ids := self._header(tag)):
            found |= dict.fromkeys(ids)
            hold |= {b"http-equiv"}
        return list(found), hold

    def _header(self, meta: Tag) -> list[str]:
        """The same for what stands for a header, as far as it contacts or tells."""
        if is_client_hints(meta):
            return self.denied_for("identification")
        refresh = refresh_target(meta)
        return self.addresses([refresh]) if refresh is not None else []

    def attribute(self, name: bytes, raw: bytes) -> list[str]:
        """The same for an attribute that any element may have."""
        if name in STYLED:
            return self.style(values(raw))
        if name[:2] == b"on":
            return self.inline(*(value.encode() for value in values(raw)))
        if (name in NAVIGATING and b":" in raw) or b"&" in raw:
            return [id for value in values(raw) for id in self._carried(value)]
        return []

    def style(self, texts: Iterable[str]) -> list[str]:
        """Ids of the denied services that a style sheet fetches from."""
        return self.addresses(address for text in texts for address in css_references(text))

    def inline(self, *scripts: bytes) -> list[str]:
        """Ids of the denied services that an inline script loads or calls."""
        found: dict[str, None] = {}
        for written in scripts:
            script = written.replace(b"\\/", b"/")
            if self._grants.policy.inline_services(script):
                services = self._grants.policy.inline_services(code(script))
                held = [service for service in services if not self._grants.service(service)]
                for service in held:
                    self._report(service, "inline script")
                    found[service.id] = None
            called = filter(None, map(self.reference, addresses(script)))
            found |= {service.id: None for service in called}
        return list(found)

    def posts(self, quote: Tag) -> list[str]:
        """Ids of the denied services whose script would turn a block quote into a post."""
        index = self._grants.policy.embed_index
        named = (index.get(f"blockquote.{name}") for name in (quote.value(b"class") or "").split())
        return [service.id for service in named if service is not None and not self._grants.service(service)]

    def shows(self, id: str) -> bool:
        """Whether a script of this service shows something where it stands."""
        return self._grants.policy.is_embed(id)

    def knows(self, name: str) -> bool:
        return self._grants.policy.resolve_alias(name) is not None

    def named(self, name: str) -> str:
        """The id that an author's mark means; a name nobody knows stays, and is never granted."""
        return self._grants.policy.resolve_alias(name) or name

    def denied(self, ids: Iterable[str]) -> bool:
        """Whether any of the ids that an author marked an element with is denied, or known to nobody."""
        return any(not self._grants.policy.knows(id) or not self._grants.granted(id) for id in ids)

    def denied_for(self, purpose: str) -> list[str]:
        """Ids of the categories that a purpose waits for."""
        waiting = (c for c in self._grants.policy.categories.values() if not self._grants.granted(c.id))
        return [category.id for category in waiting if purpose in category.purposes]

    def all_optional(self) -> list[str]:
        return [category.id for category in self._grants.policy.optional]

    def _carried(self, address: str) -> list[str]:
        """The same for a script or style sheet that is in the address itself."""
        inside = embedded(address)
        if inside is None:
            return []
        if inside.kind == "script":
            return self.inline(inside.content)
        if inside.kind == "style":
            return self.style([inside.content.decode("utf-8", "replace")])
        return []
