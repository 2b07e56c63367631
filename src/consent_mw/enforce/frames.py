"""Frames that may not ask for the position: ``allow="geolocation"`` (W3C Permissions Policy, section 6.2) held back.

``Permissions-Policy`` does the same in Chromium only; the attribute is what Firefox and Safari go by.
"""

from __future__ import annotations

from consent_mw.enforce.tags import PREFIX, Tag

ALLOW = b"allow"
FEATURE = b"geolocation"


def without_geolocation(tag: Tag) -> Tag:
    """The frame with what else it may do. The attribute stays aside, and comes back with the page that may have it."""
    own = next((attribute for attribute in tag.attributes if attribute.name == ALLOW), None)
    if own is None or FEATURE not in own.raw.lower():
        return tag
    directives = [directive.strip() for directive in own.raw.split(b";")]
    others = [directive for directive in directives if directive[: len(FEATURE)].lower() != FEATURE and directive]
    kept = b' allow="' + b"; ".join(others).replace(b'"', b"&quot;") + b'"' if others else b""
    raw = tag.raw
    return Tag(raw[: tag.name_end] + kept + raw[tag.name_end : own.start] + PREFIX + raw[own.start :])
