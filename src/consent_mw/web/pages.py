"""Our own pages: preferences, errors, the question at a page that needs consent. No third party, and no script but for
the one in a frame, which speaks to the page around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from consent_mw.core.policy import Policy
from consent_mw.settings import Controller
from consent_mw.web.html import escape, slot
from consent_mw.web.preferences import form_start
from consent_mw.web.receipt_page import receipt_body
from consent_mw.web.words import Words


class Styles(NamedTuple):
    """Addresses of the two style sheets: the banner's, with the tokens, and that of everything after it."""

    banner: str
    preferences: str


def preferences(
    words: Words, controller: Controller, form: str, styles: Styles, *, privacy_url: str, receipt: bool, ticket: str
) -> str:
    """What is in ``<main>`` the banner's script shows as a dialog over the site's page, the style included."""
    said, link = "", _receipt_link(words) if receipt else ""
    if ticket:  # the only time that this link can be had
        said = f'<p id="consent-status" role="status">{words["saved"]}</p>{_receipt_link(words, f"?ticket={ticket}")}'
    body = (
        f'<main id="consent-preferences">{_link(styles.preferences)}'
        f"<header><h1>{words['preferences_title']}</h1>"
        f'<a href="{slot("return_to")}" data-consent-action="close">{words["close"]}</a></header>'
        f"{said}{form}{link}{_controller(words, controller, privacy_url)}</main>"
    )
    return _document(words, words["preferences_title"], body, _link(styles.banner), ' id="consent-root"')


def error(words: Words, status: int, title: str, detail: str, styles: Styles) -> str:
    body = (
        f'<main class="consent-plain"><h1>{words["error_title"]}</h1>'
        f"<p>{words['error_text']}</p>"
        f'<p><small lang="en" dir="ltr">{status} {escape(title)}: {escape(detail)}</small></p>'
        f'<nav><a href="{slot("return_to")}">{words["back"]}</a></nav></main>'
    )
    return _document(words, words["error_title"], body, _links(styles))


def leaving(words: Words, id: str, address: str, styles: Styles) -> str:
    """No redirect goes to a service that is denied; whoever reads this may go there all the same."""
    name = escape(words.label(id))
    body = (
        f'<main class="consent-plain"><h1>{name}</h1><p>{words.html("placeholder_note", name=name)}</p>'
        f'<nav><a href="{escape(address)}" rel="noreferrer">{escape(address)}</a></nav></main>'
    )
    return _document(words, words.label(id), body, _links(styles))


def required(
    words: Words, policy: Policy, ids: Sequence[str], current: str, styles: Styles, *, feature: str = ""
) -> str:
    """Yes and no are buttons of one kind here too; "no" leads to the site's first page."""
    items = "".join(f"<li><b>{escape(words.label(id))}</b>{_about(words, policy, id)}</li>" for id in ids)
    asked = "".join(
        f'<input type="hidden" name="{"category" if id in policy.categories else "service"}" value="{escape(id)}">'
        for id in ids
    )
    for_what = f"<p><strong>{escape(feature)}</strong></p>" if feature else ""
    body = (
        f'<main class="consent-plain"><h1>{words["required_title"]}</h1>{for_what}<p>{words["required_text"]}</p>'
        f"<ul>{items}</ul>"
        f"<nav>{form_start('decision', words)}{current}{asked}"
        f'<button name="action" value="save">{words["required_allow"]}</button></form>'
        f'<form action="/"><button>{words["required_decline"]}</button></form></nav></main>'
    )
    return _document(words, words["required_title"], body, _links(styles))


def frame(words: Words, box: str, form: str, styles: Styles, script: str) -> str:
    """What a frame shows that the page guard holds back."""
    head = f'{_links(styles)}<script src="{script}" defer></script>'
    return _document(words, words["settings"], box + form, head, " data-frame")


def receipt(words: Words, shown: Mapping[str, Any], query: str, styles: Styles) -> str:
    return _document(words, words["receipt_title"], receipt_body(words, shown, query), _links(styles))


def _about(words: Words, policy: Policy, id: str) -> str:
    category = policy.categories.get(id)
    if category is not None:
        return f"<p>{escape(words.description(category))}</p>"
    service = policy.services.get(id)
    return f"<p>{escape(words.purposes(service.purposes))}</p>" if service is not None else ""


def _receipt_link(words: Words, query: str = "") -> str:
    return f'<p><a href="{slot("base")}/receipt{escape(query)}">{words["receipt_title"]}</a></p>'


def _controller(words: Words, controller: Controller, privacy_url: str) -> str:
    lines = [escape(line) for line in (controller.name, controller.address, controller.contact) if line]
    if controller.email:
        lines.append(f'<a href="mailto:{escape(controller.email)}">{escape(controller.email)}</a>')
    if controller.url:
        lines.append(f'<a href="{escape(controller.url)}">{escape(controller.url)}</a>')
    if privacy_url:
        lines.append(f'<a href="{escape(privacy_url)}">{words["privacy_notice"]}</a>')
    return f"<p><small>{words['controller']}<br>{'<br>'.join(lines)}</small></p>" if lines else ""


def _link(address: str) -> str:
    return f'<link rel="stylesheet" href="{address}">'


def _links(styles: Styles) -> str:
    return "".join(map(_link, styles))


def _document(words: Words, title: str, body: str, head: str, attributes: str = "") -> str:
    return (
        f'<!doctype html><html lang="{escape(words.tag)}" dir="{words.direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title>{head}</head>'
        f'<body class="consent-page"{attributes}>{body}</body></html>'
    )
