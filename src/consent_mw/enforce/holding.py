"""One element held back: made inert and restorable, or put from another tool's words into ours."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from consent_mw.enforce.element_text import ElementText
from consent_mw.enforce.elements import FETCHING, MARKABLE
from consent_mw.enforce.page import Page
from consent_mw.enforce.references import Judge
from consent_mw.enforce.script import strings
from consent_mw.enforce.tags import PREFIX, Tag

_NOT_JAVASCRIPT = ("json", "text/html", "text/template", "x-template", "text/plain", "handlebars", "mustache", "x-tmpl")
_INERT_BY_TYPE = frozenset({b"script", b"style"})
FRAMES = frozenset({b"iframe", b"embed", b"object", b"video"})
"""What takes a place on the page."""
_SPECK = frozenset({"0", "1", "0px", "1px"})
"""Sizes of frames that nobody is meant to see: nothing stands in for them."""


def held(page: Page, tag: Tag, extra: Collection[str] = (), *, with_box: bool = False) -> bytes:
    """The tag as it is when it may live, else inert.

    :param extra: ids of denied services that the element's text calls, or a document in its attributes
    :param with_box: a placeholder may stand in front of it, for what it would have shown
    """
    judge = page.judge
    ids, names = judge.tag(tag)
    marks = [judge.named(name) for name in (tag.value(b"data-consent") or "").split()]
    marked = judge.denied(marks)
    ids = list(dict.fromkeys([*(marks if marked else ()), *ids, *extra]))
    if not ids:
        return _box(page, tag, ids) + tag.raw if with_box else tag.raw
    if marked:
        names |= MARKABLE
    if extra:
        names |= FETCHING.get(tag.name, frozenset())
    by_type = tag.name in _INERT_BY_TYPE
    if by_type:
        names |= FETCHING[b"script"]
    elif not any(attribute.name in names for attribute in tag.attributes):
        return tag.raw  # a mark on an element that loads nothing
    if _is_plain_script(tag) and tag.raw_value(b"data-consent") is not None:
        by_type = False  # the author said all of it in our words: it runs once it is granted
    inert = tag.held(ids, names, inert_type=by_type)
    return _box(page, tag, ids) + inert if with_box else inert


def _box(page: Page, tag: Tag, ids: Sequence[str]) -> bytes:
    """The placeholder: of a frame that is held back, a script that would show something, a quote that waits for one."""
    judge = page.judge
    if tag.name == b"blockquote":
        waits_for = judge.posts(tag)
    elif tag.name in FRAMES and not _is_speck(tag):
        waits_for = list(ids)
    else:
        waits_for = [id for id in ids[:1] if tag.name == b"script" and judge.shows(id)]
    return page.placeholder(waits_for, tag) if waits_for else b""


def held_script(page: Page, script: ElementText) -> bytes:
    """The start tag of an inline script, inert when its text loads or calls a denied service."""
    judge, tag = page.judge, script.tag
    kind = (tag.value(b"type") or "").strip().lower()
    if any(word in kind for word in _NOT_JAVASCRIPT):
        out = adopted(judge, tag)
        return out if out is not None else held(page, tag)
    if kind in ("importmap", "speculationrules"):
        return held(page, tag, judge.addresses(strings(script.text)))
    return held(page, tag, judge.inline(*(reading.encode() for reading in script.readings)))


def adopted(judge: Judge, tag: Tag) -> bytes | None:
    """A tag that was marked for another tool, in our words; None when it was not.

    Our script releases it once what it names is granted.
    """
    named = tag.value(b"data-category") or tag.value(b"data-cookieconsent") or tag.value(b"data-name")
    if not named or tag.raw_value(b"data-consent") is not None:
        return None
    is_script = _is_plain_script(tag)
    sources = {b"data-" + name for name in (FETCHING.get(tag.name) or MARKABLE)}
    renames = {a.name: PREFIX + a.name[5:] for a in tag.attributes if a.name in sources}
    if is_script:
        renames[b"data-type"] = PREFIX + b"type"
    if not (is_script or renames):
        return None
    names = named.replace(",", " ").split()
    if not names or not all(map(judge.knows, names)):
        return None  # some other meaning of these attributes
    return tag.adopted(map(judge.named, names), renames)


def _is_plain_script(tag: Tag) -> bool:
    """A script that its author made inert."""
    return tag.name == b"script" and (tag.value(b"type") or "").strip().lower() == "text/plain"


def _is_speck(tag: Tag) -> bool:
    sizes = {(tag.value(name) or "").strip().lower() for name in (b"width", b"height")}
    style = "".join((tag.value(b"style") or "").lower().split())
    return not sizes.isdisjoint(_SPECK) or "display:none" in style or "visibility:hidden" in style
