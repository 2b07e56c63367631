"""What stands in front of a frame, a post or a form that is held back.

Phrasing content only, so that it may stand wherever a frame may; its button reaches its form by ``form=``, because a
form inside a paragraph or another form would tear the page apart.
"""

from __future__ import annotations

import re

from consent_mw.core.policy import Policy
from consent_mw.web.html import CLOSE, OPEN, escape
from consent_mw.web.words import Words

_LENGTH = re.compile(r"[0-9]{1,5}%?")


WHOLE_PAGE = "100vw", "100vh"
"""Width and height in a document of its own."""


def placeholder(policy: Policy, id: str, words: Words, *, host: str, width: str, height: str) -> str:
    """
    :param host: says who it is where no service does
    :param height: of the frame; "0" for what a script would show, which takes no place yet
    """
    name = escape(words.label(id) if policy.knows(id) else host or id)
    kind = "category" if id in policy.categories else "service"
    text = f"<span><b>{words.html('placeholder_text', name=name)}</b></span>"
    if _may_ask(policy, id):
        value = escape(id)
        text += f"<span>{words.html('placeholder_note', name=name)}</span>"
        if _may_load_once(policy, id, is_frame=height != "0"):
            text += f'<button type="button" data-consent-action="load">{words["placeholder_load"]}</button>'
        text += (
            f'<button form="consent-allow" name="{kind}" value="{value}" data-consent-action="allow">'
            f"{words.html('placeholder_allow', name=name)}</button>"
        )
    else:
        text += f"<span>{words['placeholder_blocked']}</span>"
    # An empty drawing of the frame's size holds the place: attributes need no style, which a policy may forbid.
    sizes = f' width="{_length(width, "300")}" height="{_length(height, "150")}"'
    return (
        f'{OPEN}<span data-consent-placeholder="{escape(id)}" lang="{escape(words.tag)}" dir="{words.direction}">'
        f'<svg aria-hidden="true"{sizes}></svg><span>{text}</span></span>{CLOSE}'
    )


def _may_ask(policy: Policy, id: str) -> bool:
    """Consent can be asked for what the site discloses, and by category where it declares nothing."""
    service = policy.services.get(id)
    if service is None:
        return id in policy.categories
    return service.declared or not policy.declares_services


def _may_load_once(policy: Policy, id: str, *, is_frame: bool) -> bool:
    """In strict mode the page's own policy forbids it, until there is a fresh page.

    The page guard keeps a script of a service that was not declared from what it needs to show something.
    """
    return not policy.only_declared and (is_frame or (id in policy.services and policy.services[id].declared))


def _length(value: str, default: str) -> str:
    value = value.strip().removesuffix("px")
    return value if _LENGTH.fullmatch(value) or value in WHOLE_PAGE else default
