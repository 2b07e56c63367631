"""What the gate puts into one page and judges it by: for its visitor, or in the universal mode for everybody alike."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec

from starlette.types import Scope

from consent_mw.core.urls import resolve
from consent_mw.enforce.holding import FRAMES
from consent_mw.enforce.page import Page, TagMemo
from consent_mw.enforce.page_headers import RawHeaders, csp_nonce, has_charset, has_csp, header
from consent_mw.enforce.references import Judge
from consent_mw.enforce.tags import Tag
from consent_mw.web.device import MAX_USER_AGENT_LENGTH, is_bot
from consent_mw.web.head import page_address
from consent_mw.web.news import CHANGE
from consent_mw.web.site import host_name
from consent_mw.web.visit import Visit

logger = logging.getLogger("consent_mw")
P = ParamSpec("P")
POST_WIDTH = "550"
"""Of what a script would show in place of a post or a form, in pixels; how high that gets nobody knows."""


def make_page(visit: Visit, scope: Scope, headers: RawHeaders) -> Page:
    """
    :param headers: of the response, as the app sent them
    """
    site, ours = visit.site, _Insertions(visit, scope, headers)
    host = host_name(header(scope["headers"], b"host"))
    return Page(
        judge=make_judge(visit, scope),
        block=_guarded(ours.block),
        placeholder=_guarded(ours.placeholder),
        head=_guarded(ours.head)(),
        located=visit.located and not site.is_universal,
        has_charset=ours.has_charset,
        everything_granted=ours.everything,
        # in report-only mode every page is to be told of
        memo=site.tag_memo(ours.consent.grants, host) if site.enforces else TagMemo(),
    )


class _Insertions:
    """What we put into one page, in the visitor's language until the page's own is known."""

    def __init__(self, visit: Visit, scope: Scope, headers: RawHeaders) -> None:
        self._site = site = visit.site
        self._visit = visit
        self._scope = scope
        self.consent = visit.consent
        if site.is_universal:  # a change that lies ahead is told to everybody
            self.consent = replace(site.nobody, change_ahead=visit.consent.change_ahead)
        self.everything = visit.everything and not site.is_universal
        self.has_charset = has_charset(header(headers, b"content-type"))
        self._nonce = csp_nonce(headers)
        self._inline_allowed = bool(self._nonce) or not has_csp(headers)
        self._return_to, self._root = page_address(scope), scope.get("root_path", "")
        accept = b"" if site.is_universal else header(scope["headers"], b"accept-language")
        self._accept = accept.decode("latin-1")
        self._locale = site.best_locale(self._accept)

    def block(self, has_base: bool, lang: str) -> bytes:
        site, consent, headers = self._site, self.consent, self._scope["headers"]
        if lang:
            self._locale = site.best_locale(self._accept, lang)
        if not site.enforces:
            return b""
        if not site.is_universal and is_bot(header(headers, b"user-agent")[:MAX_USER_AGENT_LENGTH]):
            return b""
        host = header(headers, b"host").decode("latin-1")
        rendered = site.banner.block(
            consent,
            self._locale,
            origin=f"//{host}{self._root}" if has_base else self._root,
            return_to=self._return_to,
            nonce=self._nonce,
            inline_style=self._inline_allowed,
            is_universal=site.is_universal,
        )
        if consent.change_ahead and CHANGE.encode() in rendered:
            text = site.banner.text_hash(self._locale)
            site.notices.shown(self._visit.consent, self._scope, text=text, language=self._locale)
        return rendered

    def placeholder(self, ids: list[str], tag: Tag) -> bytes:
        target = resolve(tag.value(b"src") or tag.value(b"data") or "")
        is_frame = tag.name in FRAMES
        return self._site.banner.placeholder(
            ids[0],
            self._locale,
            consent=self.consent,
            return_to=self._return_to,
            host=target.host if target is not None else "",
            width=(tag.value(b"width") or "") if is_frame else POST_WIDTH,
            height=(tag.value(b"height") or "") if is_frame else "0",
        )

    def head(self) -> bytes:
        site, consent, root, nonce = self._site, self.consent, self._root, self._nonce
        if not site.enforces:
            return b""
        # a page that names its charset itself must do so within the first 1024 bytes
        inline = consent.stored is None and not site.is_universal and self._inline_allowed and self.has_charset
        guard = b"" if self.everything else site.guard.tags(consent, root=root, nonce=nonce, inline=inline)
        return guard + site.consent_mode.tag(consent, root=root, nonce=nonce)


def make_judge(visit: Visit, scope: Scope) -> Judge:
    site = visit.site
    return Judge(
        (site.nobody if site.is_universal else visit.consent).grants,
        site.own_hosts | {host_name(header(scope["headers"], b"host"))},
        site.observed.reference,
        strict=site.containment is not None,
    )


def _guarded(render: Callable[P, bytes]) -> Callable[P, bytes]:
    """What we add to a page must never break it: a failure adds nothing."""

    def safely(*args: P.args, **kwargs: P.kwargs) -> bytes:
        try:
            return render(*args, **kwargs)
        except Exception:
            logger.exception("could not render a part of the banner; the page goes out without it")
            return b""

    return safely
