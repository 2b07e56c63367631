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
    site = visit.site
    consent = visit.consent
    if site.is_universal:  # a change that lies ahead is told to everybody
        consent = replace(site.nobody, change_ahead=consent.change_ahead)
    everything = visit.everything and not site.is_universal
    raw_host = header(scope["headers"], b"host")
    host = host_name(raw_host)
    nonce = csp_nonce(headers)
    inline_allowed = bool(nonce) or not has_csp(headers)
    charset_sent = has_charset(header(headers, b"content-type"))
    return_to, root = page_address(scope), scope.get("root_path", "")
    accept = "" if site.is_universal else header(scope["headers"], b"accept-language").decode("latin-1")
    locale = site.locales.negotiate(accept, site.config.banner.locales)

    def block(has_base: bool, lang: str) -> bytes:
        nonlocal locale  # of what we put into the page from here on
        if lang:
            locale = site.locales.negotiate(f"{lang},{accept}", site.config.banner.locales)
        if not site.enforces:
            return b""
        if not site.is_universal and is_bot(header(scope["headers"], b"user-agent")[:MAX_USER_AGENT_LENGTH]):
            return b""
        rendered = site.banner.block(
            consent,
            locale,
            origin=f"//{raw_host.decode('latin-1')}{root}" if has_base else root,
            return_to=return_to,
            nonce=nonce,
            inline_style=inline_allowed,
            is_universal=site.is_universal,
        )
        if consent.change_ahead and CHANGE.encode() in rendered:
            site.notices.shown(visit.consent, scope, text=site.banner.text_hash(locale), language=locale)
        return rendered

    def placeholder(ids: list[str], tag: Tag) -> bytes:
        target = resolve(tag.value(b"src") or tag.value(b"data") or "")
        is_frame = tag.name in FRAMES
        return site.banner.placeholder(
            ids[0],
            locale,
            consent=consent,
            return_to=return_to,
            host=target.host if target is not None else "",
            width=(tag.value(b"width") or "") if is_frame else POST_WIDTH,
            height=(tag.value(b"height") or "") if is_frame else "0",
        )

    def head() -> bytes:
        if not site.enforces:
            return b""
        # a page that names its charset itself must do so within the first 1024 bytes
        inline = consent.stored is None and not site.is_universal and inline_allowed and charset_sent
        guard = b"" if everything else site.guard.tags(consent, root=root, nonce=nonce, inline=inline)
        return guard + site.consent_mode.tag(consent, root=root, nonce=nonce)

    return Page(
        judge=make_judge(visit, scope),
        block=_guarded(block),
        placeholder=_guarded(placeholder),
        head=_guarded(head)(),
        located=visit.located and not site.is_universal,
        has_charset=charset_sent,
        everything_granted=everything,
        memo=site.tag_memo(consent.grants, host) if site.enforces else TagMemo(),  # else every page is to be told of
    )


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
