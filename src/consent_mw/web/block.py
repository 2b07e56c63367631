"""What stands at the start of a page's body: the question, the way back to it, and what the script needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from consent_mw.banner_settings import BannerSettings
from consent_mw.core.decision import Consent
from consent_mw.core.policy import Policy
from consent_mw.core.regime import Regime
from consent_mw.settings import Controller, PolicySettings
from consent_mw.web.assets import Asset, find
from consent_mw.web.html import CLOSE, OPEN, escape, slot
from consent_mw.web.news import change_ahead, news
from consent_mw.web.preferences import allow_form, choice_buttons, form_start, preferences_address
from consent_mw.web.state import state_view
from consent_mw.web.words import LIST_SEPARATOR, Words


class Block:
    """Renders the block for one state of consent and one language.

    :param notice: the site's privacy notice, linked on the first layer, and a change of it to tell of
    """

    def __init__(
        self,
        policy: Policy,
        settings: BannerSettings,
        controller: Controller,
        notice: PolicySettings,
        assets: Mapping[str, Asset],
    ) -> None:
        self._policy = policy
        self._settings = settings
        self._controller = controller
        self._notice = notice
        self._script = find(assets, "banner.js")
        self._style = find(assets, "banner.css")

    def render(self, consent: Consent, words: Words, *, inline_style: bool, is_universal: bool) -> str:
        """With slots for what belongs to a request."""
        asks = consent.asks and not is_universal
        mode = " data-mode=universal" if is_universal else " data-mode=strict" if self._policy.only_declared else ""
        if not (self._policy.declares_services or self._policy.only_declared):
            mode += " data-open"  # the grant of a category covers services that the state does not list
        signal = consent.honours_signal
        own = not self._settings.enabled  # the site asks in its own way
        question = "" if own else self._first_layer(consent, words, asks=asks)
        return (
            f'{OPEN}<div id="consent-root" class="{self._settings.position}{" signal" if signal else ""}" '
            f'lang="{escape(words.tag)}" dir="{words.direction}" '
            f'data-nosnippet data-consent-path="{slot("base")}" '
            f"data-consent-state='{_state(consent)}'{mode}>"
            f"{self._style_markup(inline_style)}"
            f'<p id="consent-status" role="status" data-saved="{words["saved"]}" data-failed="{words["failed"]}" '
            f'data-cookies="{words["no_cookies"]}"{_signal_text(words) if is_universal else ""}>'
            f"{words['signal_status'] if signal else ''}</p>"
            f"{change_ahead(self._notice, words) if consent.change_ahead else ''}"
            f"{question}{_entry(consent, words, hidden=asks or own)}"
            f'<dialog id="consent-preferences" aria-label="{words["preferences_title"]}"></dialog>'
            f"{allow_form(consent, words)}"
            f'<script src="{slot("base")}/assets/{self._script.name}" defer{slot("nonce")}></script></div>{CLOSE}'
        )

    def _style_markup(self, inline: bool) -> str:
        if inline:
            return f"<style{slot('nonce')}>{self._style.body.decode()}</style>"
        return f'<link rel="stylesheet" href="{slot("base")}/assets/{self._style.name}"{slot("nonce")}>'

    def _first_layer(self, consent: Consent, words: Words, *, asks: bool) -> str:
        """Who asks, what for, and two buttons of the same kind (Taskforce report 2023, paragraphs 8 and 14)."""
        # Only the script makes it modal: without one it is a box, and the page can be read.
        tag, shown = ('dialog closedby="none"', " open") if self._settings.modal else ("section", "")
        return (
            f'<{tag} id="consent-banner" aria-labelledby="consent-title"{shown if asks else " hidden"}>'
            f"{form_start('decision', words)}<div>"
            f'<h2 id="consent-title">{words["title"]}</h2><p>{self._question(consent, words)}</p></div>'
            f'<div class="c-actions">{choice_buttons(words, self._settings)}'
            f'<a href="{preferences_address(words)}" data-consent-action="open">{words["choose"]}</a></div>'
            f"</form></{tag.partition(' ')[0]}>"
        )

    def _question(self, consent: Consent, words: Words) -> str:
        if consent.stale:
            return words.html("news", categories=LIST_SEPARATOR.join(news(id, consent, words) for id in consent.stale))
        asked = [
            category.id for category in self._policy.optional if not self._policy.is_separate(category, consent.rules)
        ]
        suffix = "_opt_out" if consent.rules.regime is Regime.OPT_OUT else ""
        who = f"<b>{escape(words.who())}</b>" if self._controller.name else escape(words.who())
        sentences = [words.html(f"intro{suffix}", who=who, purposes=_list(asked, words)), words[f"assurance{suffix}"]]
        if self._notice.privacy_url:
            sentences.append(f'<a href="{escape(self._notice.privacy_url)}">{words["privacy_notice"]}</a>')
        return " ".join(sentences)


def _signal_text(words: Words) -> str:
    """A page that everybody shares cannot say it itself; its script does."""
    return f' data-signal="{words["signal_status"]}"'


def _state(consent: Consent) -> str:
    """JSON for an attribute in single quotes, in which its own need no escape."""
    view = state_view(consent)
    shared = {key: value for key, value in view.items() if key not in ("decided_at", "expires_at")}
    json_text = escape(json.dumps(shared, separators=(",", ":"))[:-1]).replace("&quot;", '"')
    return f'{json_text},"decided_at":{slot("decided_at")},"expires_at":{slot("expires_at")}}}'


def _entry(consent: Consent, words: Words, *, hidden: bool) -> str:
    """The way back, on every page (GDPR art. 7(3)); in the words of 11 CCR 7013 it leads to the same place, where one
    click refuses everything."""
    link = f'<a href="{preferences_address(words)}" data-consent-action="open">'
    opt_out = f" · {link}{words['opt_out_link']}</a>" if consent.rules.opt_out_link else ""
    return f'<div id="consent-entry"{" hidden" if hidden else ""}>{link}{words["settings"]}</a>{opt_out}</div>'


def _list(ids: Sequence[str], words: Words) -> str:
    return LIST_SEPARATOR.join(f"<b>{escape(words.label(id))}</b>" for id in ids)
