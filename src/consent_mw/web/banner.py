"""The banner as it stands in a page: visible at first paint, complete without JavaScript, the same for "yes" and "no".

What all visitors with the same answers see is rendered once and remembered; the few parts that belong to a request
(where to return to, the page's nonce, the time of the choice) are filled in as bytes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from consent_mw.banner_settings import BannerSettings
from consent_mw.core.decision import Consent
from consent_mw.core.policy import Policy, Service, canonical_json, text_hash
from consent_mw.i18n import Locales
from consent_mw.settings import Controller, PolicySettings
from consent_mw.web import pages
from consent_mw.web.assets import Asset, find
from consent_mw.web.block import Block
from consent_mw.web.html import Template, escape, slot
from consent_mw.web.news import announced
from consent_mw.web.placeholder import WHOLE_PAGE, placeholder
from consent_mw.web.preferences import allow_form, current_choice, preferences_form
from consent_mw.web.state import timestamp
from consent_mw.web.words import Words, load_words

MAX_CACHED_VIEWS = 512
NO_NOTICE = PolicySettings()


class Banner:
    """Renders everything that a visitor sees of us.

    :param path: prefix of our endpoints, for example ``/consent``
    :param notice: the site's privacy notice, linked on the first layer, and a change of it to tell of
    :ivar texts: the exact words of every language by their hash, as canonical JSON
    :raises ConfigError: for a language or text that does not exist
    """

    def __init__(
        self,
        policy: Policy,
        *,
        path: str,
        settings: BannerSettings,
        controller: Controller,
        locales: Locales,
        assets: Mapping[str, Asset],
        notice: PolicySettings = NO_NOTICE,
    ) -> None:
        self._policy = policy
        self._path = path
        self._settings = settings
        self._controller = controller
        self._privacy_url = notice.privacy_url
        self._block = Block(policy, settings, controller, notice, assets)
        self._styles = pages.Styles(
            *(f"{slot('base')}/assets/{find(assets, name).name}" for name in ("banner.css", "preferences.css"))
        )
        self._frame_script = f"{slot('base')}/assets/{find(assets, 'frame.js').name}"
        self._words = load_words(locales, policy, settings, controller)
        shown = {tag: canonical_json(words.shown() | announced(notice, tag)) for tag, words in self._words.items()}
        self._hashes = {tag: text_hash(texts) for tag, texts in shown.items()}
        self.texts = {self._hashes[tag]: texts for tag, texts in shown.items()}
        self._views: dict[Hashable, Template] = {}

    def text_hash(self, locale: str) -> str:
        """Hash of the exact words shown in a language, for the record of a decision."""
        return self._hashes[self._in(locale).tag]

    def block(
        self,
        consent: Consent,
        locale: str,
        *,
        origin: str = "",
        return_to: str = "/",
        nonce: str = "",
        inline_style: bool = True,
        is_universal: bool = False,
    ) -> bytes:
        """What stands at the start of a page's body.

        :param origin: put before our own addresses, where the page has a ``<base>`` or the app is mounted at a path
        :param nonce: of the page's Content-Security-Policy
        :param inline_style: False where that policy allows no inline style; then the style is a file
        :param is_universal: the same for everybody: the question stays hidden until the script knows who is there
        """
        key = (locale, inline_style, is_universal, consent.key)
        template = self._views.get(key)
        if template is None:
            if len(self._views) >= MAX_CACHED_VIEWS:
                self._views.clear()
            template = self._views[key] = Template(
                self._block.render(consent, self._in(locale), inline_style=inline_style, is_universal=is_universal)
            )
        stored = consent.stored
        return template.fill(
            {
                **self._addresses(origin, return_to),
                "nonce": f' nonce="{escape(nonce)}"' if nonce else "",
                "decided_at": _json_time(stored.decided_at) if stored is not None else "null",
                "expires_at": _json_time(consent.expires_at) if consent.expires_at is not None else "null",
            }
        )

    def placeholder(
        self,
        id: str,
        locale: str,
        *,
        consent: Consent,
        return_to: str = "/",
        host: str = "",
        width: str = "",
        height: str = "",
    ) -> bytes:
        """What stands in front of a frame that is held back. Its button belongs to a form of :meth:`block`.

        :param id: the category or service that the frame waits for
        :param host: where it would have come from, for where nobody knows whose that is
        :param width: the frame's ``width`` attribute, so that nothing moves when it appears; likewise ``height``
        """
        return placeholder(self._policy, id, self._in(locale), host=host, width=width, height=height).encode()

    def frame_page(self, id: str, consent: Consent, locale: str, *, host: str, origin: str = "") -> bytes:
        """The same as a document, for a frame that a script inserted: no script of ours need touch its page."""
        words, (width, height) = self._in(locale), WHOLE_PAGE
        box = placeholder(self._policy, id, words, host=host, width=width, height=height)
        form = allow_form(consent, words, ' target="_parent"')
        page = pages.frame(words, box, form, self._styles, self._frame_script)
        return Template(page).fill(self._addresses(origin, "/"))

    def preferences_page(
        self,
        consent: Consent,
        locale: str,
        *,
        origin: str = "",
        return_to: str = "/",
        ticket: str = "",
        observed: Iterable[Service] = (),
    ) -> bytes:
        """The second layer as a page, with every detail.

        :param origin: put before our own addresses, where the app is mounted at a path
        :param ticket: leads to the receipt of what has just been saved
        :param observed: services seen on a site that declares none
        """
        words = self._in(locale)
        form = preferences_form(consent, words, self._settings, observed=observed)
        page = pages.preferences(
            words,
            self._controller,
            form,
            self._styles,
            privacy_url=self._privacy_url,
            receipt=consent.subject is not None,
            ticket=ticket,
        )
        return Template(page).fill(self._addresses(origin, return_to))

    def error_page(
        self, status: int, title: str, detail: str, locale: str, *, origin: str = "", return_to: str = "/"
    ) -> bytes:
        """What a visitor without JavaScript reads when a form could not be accepted."""
        page = pages.error(self._in(locale), status, title, detail, self._styles)
        return Template(page).fill(self._addresses(origin, return_to))

    def leaving_page(self, id: str, address: str, locale: str, *, origin: str = "") -> bytes:
        """What stands in the way of a redirect to a service that is denied: a link, to follow or not."""
        page = pages.leaving(self._in(locale), id, address, self._styles)
        return Template(page).fill(self._addresses(origin, "/"))

    def required_page(
        self,
        required: Sequence[str],
        consent: Consent,
        locale: str,
        *,
        feature: str = "",
        origin: str = "",
        return_to: str = "/",
    ) -> bytes:
        """What a visitor meets at a page that works only with something they have not granted: a plain question."""
        words = self._in(locale)
        page = pages.required(words, self._policy, required, current_choice(consent), self._styles, feature=feature)
        return Template(page).fill(self._addresses(origin, return_to))

    def receipt_page(self, receipt: Mapping[str, Any], locale: str, *, query: str, origin: str = "") -> bytes:
        """A receipt to read and print.

        :param query: of the address of its file
        """
        page = pages.receipt(self._in(locale), receipt, query, self._styles)
        return Template(page).fill(self._addresses(origin, f"{origin}{self._path}/preferences"))

    def _in(self, locale: str) -> Words:
        return self._words.get(locale) or self._words[self._settings.locales[0]]

    def _addresses(self, origin: str, return_to: str) -> dict[str, str]:
        return {
            "base": escape(origin + self._path),
            "return_to": escape(return_to),
            "return_query": quote(return_to, safe="/"),
        }


def _json_time(epoch_seconds: int) -> str:
    """As :func:`~consent_mw.web.state.state_view` has it in JSON."""
    return f'"{timestamp(epoch_seconds)}"'
