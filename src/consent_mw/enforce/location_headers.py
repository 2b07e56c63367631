"""Request headers without the place of who sent them."""

from __future__ import annotations

from consent_mw.enforce.location_address import Header, cut_header
from consent_mw.enforce.location_form import scrub_url
from consent_mw.enforce.location_rules import HeaderKind, LocationRules


def scrub_headers(headers: list[Header], rules: LocationRules) -> tuple[list[Header], tuple[str, ...]]:
    """Remove place headers and cut client addresses, in any case and with dashes or underscores.

    :return: the headers, the very same list when nothing changed, and the names of those that changed
    """
    kinds = rules.header_kinds
    for name, _ in headers:
        if kinds[name] is not None:
            return _scrub(headers, rules)
    return headers, ()


def _scrub(headers: list[Header], rules: LocationRules) -> tuple[list[Header], tuple[str, ...]]:
    kept: list[Header] = []
    changed: dict[str, None] = {}
    for header in headers:
        result = _scrub_header(header, rules.header_kinds[header[0]], rules)
        if result is not header:
            changed[header[0].decode("latin-1")] = None
        if result is not None:
            kept.append(result)
    return (kept, tuple(changed)) if changed else (headers, ())


def _scrub_header(header: Header, kind: HeaderKind | None, rules: LocationRules) -> Header | None:
    name, value = header
    if kind is None:
        return header
    if kind is HeaderKind.PLACE:
        return None
    if kind is HeaderKind.ADDRESS:
        return cut_header(header, rules.client_ip)
    if kind is HeaderKind.URL:
        url, removed = scrub_url(value, rules)
        return (name, url) if removed else header
    text = rules.scrub_field(name.decode("latin-1"), value.decode("latin-1"))
    if text is None:
        return header
    return (name, text.encode("latin-1")) if text else None
