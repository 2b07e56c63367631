"""The corpus through the gate itself: at any split, and byte for byte where nothing is denied."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import Grants, resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.enforce.html_gate import HtmlGate
from consent_mw.enforce.page import Page
from consent_mw.enforce.references import Judge
from consent_mw.enforce.rendered import gate_for, kind_of
from corpus.forms import CONFIG, Form, benign, live

SPLITS = 5
POLICY = build_policy(ConsentConfig.load(CONFIG))
# Their gate is another one (headers), or their bytes are not the page's (codings, charsets that are refused).
LIVE = [form for form in live() if form.group not in ("headers", "documents")]
BENIGN = [form for form in benign() if form.group != "headers" and kind_of(form.type.encode()) is not None]


def denied() -> Grants:
    return resolve(POLICY, None, NO_SIGNALS).grants


def gated(form: Form, chunks: Iterable[bytes]) -> bytes:
    page = Page(
        judge=Judge(denied(), frozenset({"site.test"}), lambda service, reference: None),
        block=lambda has_base, lang: b"",
        placeholder=lambda ids, tag: b"",
    )
    kind = kind_of(form.type.encode())
    gate = gate_for(kind, page) if kind is not None else HtmlGate(page)
    out = b"".join([*map(gate.feed, chunks), gate.close()])
    assert not gate.failed
    return out


def split(body: bytes, seed: int) -> list[bytes]:
    cuts = sorted(random.Random(seed).choices(range(len(body) + 1), k=6))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@pytest.mark.parametrize("form", [*LIVE, *BENIGN], ids=str)
def test_the_output_does_not_depend_on_the_chunks(form: Form) -> None:
    whole = gated(form, [form.body])
    assert gated(form, [form.body[at : at + 1] for at in range(len(form.body))]) == whole
    for seed in range(SPLITS):
        assert gated(form, split(form.body, seed)) == whole


@pytest.mark.parametrize("form", LIVE, ids=str)
def test_a_live_form_is_changed_by_insertions_only(form: Form) -> None:
    out = gated(form, [form.body])
    assert out != form.body
    if form.group == "noscript":  # where two readings disagree, markup is shown as text
        out = out.replace(b"&lt;", b"<")
    rest = iter(out)
    assert all(byte in rest for byte in form.body), "every byte of the page is still there, in order"


@pytest.mark.parametrize("form", BENIGN, ids=str)
def test_a_benign_page_comes_through_byte_for_byte(form: Form) -> None:
    assert gated(form, [form.body]) == form.body


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(live()) >= 250
    assert len(benign()) >= 90
