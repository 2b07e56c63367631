"""Our own pages: preferences, errors, and the question at a page that needs consent. No script, no third party."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consent_mw.core.policy import Policy
from consent_mw.settings import Controller
from consent_mw.web.html import escape, slot
from consent_mw.web.preferences import form_start
from consent_mw.web.receipt_page import receipt_body
from consent_mw.web.words import Words

_STYLE = """
body{margin:0;font:medium/1.55 system-ui,sans-serif;background:Canvas}
.consent-page{min-height:100vh;box-sizing:border-box;padding:clamp(1em,5vw,4em) 1.25em;
background:var(--consent-background);color:var(--consent-text)}
.consent-page main{max-width:42em;margin:0 auto;text-wrap:pretty}
.consent-page h1{margin:0 0 .5em;font-size:1.75em;font-weight:650;line-height:1.2;letter-spacing:-.01em}
.consent-page a{color:inherit;text-underline-offset:.2em}
.consent-page .consent-plain :is(form,nav){display:grid;gap:.625em;
grid-template-columns:repeat(auto-fit,minmax(min(12em,100%),1fr));}
.consent-page .consent-plain nav{margin:1.5em 0}
.consent-page .consent-plain :is(button,nav a){min-height:2.75em;padding:.5em 1em;box-sizing:border-box;
border:1px solid var(--consent-accent);border-radius:calc(var(--consent-radius)*.6);background:var(--consent-accent);
color:var(--consent-accent-text);font:inherit;font-weight:600;line-height:1.5;text-align:center;text-decoration:none}
.consent-page .consent-plain li{margin:.5em 0}
.consent-page small,.consent-page .consent-plain p{opacity:.85}
.consent-page :focus-visible{outline:3px solid var(--consent-accent);outline-offset:2px}
.consent-page #consent-root#consent-root{position:static;display:block;padding:0;pointer-events:auto}
.consent-page #consent-root#consent-root :is(dl,table){margin:.25em 0 .75em;opacity:.85;font-size:.875em}
.consent-page #consent-root#consent-root summary{width:fit-content;opacity:.85;font-size:.875em;cursor:pointer}
.consent-page #consent-root#consent-root li+li{margin-top:.75em}
.consent-page #consent-root#consent-root dl{display:grid;grid-template-columns:minmax(7em,auto) 1fr;gap:.125em 1em}
.consent-page #consent-root#consent-root dd{margin:0;overflow-wrap:anywhere}
.consent-page #consent-root#consent-root :is(th,td){padding:.125em 1em .125em 0;text-align:start;font-weight:400}
.consent-page #consent-root#consent-root th{border-bottom:1px solid #8886}
.consent-page #consent-root#consent-root form{margin-top:1.5em}
"""


def preferences(
    words: Words, controller: Controller, form: str, message: str, style: str, privacy_url: str = ""
) -> str:
    said = f'<p id="consent-status" role="status">{escape(message)}</p>' if message else ""
    body = (
        f'<main id="consent-preferences"><p><a href="{slot("return_to")}">{words["back"]}</a></p>'
        f'<h1>{words["preferences_title"]}</h1><div id="consent-root" dir="{words.direction}">{said}{form}</div>'
        f"{_controller(words, controller, privacy_url)}</main>"
    )
    return _document(words, words["preferences_title"], body, style)


def error(words: Words, status: int, title: str, detail: str, style: str) -> str:
    body = (
        f'<main class="consent-plain"><h1>{words["error_title"]}</h1>'
        f'<p id="consent-status" role="status">{words["error_text"]}</p>'
        f'<p lang="en"><small>{status} {escape(title)}: {escape(detail)}</small></p>'
        f'<nav><a href="{slot("return_to")}">{words["back"]}</a></nav></main>'
    )
    return _document(words, words["error_title"], body, style)


def required(words: Words, policy: Policy, ids: Sequence[str], current: str, style: str) -> str:
    """Yes and no are buttons of one kind here too; "no" leads to the site's first page."""
    items = "".join(f"<li><b>{escape(words.label(id))}</b>{_about(words, policy, id)}</li>" for id in ids)
    asked = "".join(
        f'<input type="hidden" name="{"category" if id in policy.categories else "service"}" value="{escape(id)}">'
        for id in ids
    )
    body = (
        # The page asks for itself; a second question on top of it would only confuse.
        "<style>#consent-root#consent-root #consent-banner{display:none!important}</style>"
        f'<main class="consent-plain"><h1>{words["required_title"]}</h1><p>{words["required_text"]}</p><ul>{items}</ul>'
        f"<nav>{form_start('decision', words)}{current}{asked}"
        f'<button name="action" value="save">{words["required_allow"]}</button></form>'
        f'<form action="/"><button>{words["required_decline"]}</button></form></nav></main>'
    )
    return _document(words, words["required_title"], body, style)


def receipt(words: Words, shown: Mapping[str, Any], query: str, style: str) -> str:
    return _document(words, words["receipt_title"], receipt_body(words, shown, query), style)


def _about(words: Words, policy: Policy, id: str) -> str:
    category = policy.categories.get(id)
    if category is not None:
        return f"<p>{escape(words.description(category))}</p>"
    service = policy.services.get(id)
    return f"<p>{escape(words.purposes(service.purposes))}</p>" if service is not None else ""


def _controller(words: Words, controller: Controller, privacy_url: str) -> str:
    lines = [escape(line) for line in (controller.name, controller.address, controller.contact) if line]
    if controller.email:
        lines.append(f'<a href="mailto:{escape(controller.email)}">{escape(controller.email)}</a>')
    if controller.url:
        lines.append(f'<a href="{escape(controller.url)}">{escape(controller.url)}</a>')
    if privacy_url:
        lines.append(f'<a href="{escape(privacy_url)}">{words["privacy_notice"]}</a>')
    return f"<p><small>{words['controller']}<br>{'<br>'.join(lines)}</small></p>" if lines else ""


def _document(words: Words, title: str, body: str, style: str) -> str:
    return (
        f'<!doctype html><html lang="{escape(words.tag)}" dir="{words.direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><style>{style}{_STYLE}</style></head>'
        f'<body class="consent-page">{body}</body></html>'
    )
