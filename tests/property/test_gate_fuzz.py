"""Random pages through the gate: nothing raises, no chunking matters, and no address of the tracker stays live.

The result is read by html5lib, which knows nothing of ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent_mw.enforce.elements import FETCHING
from consent_mw.enforce.html_gate import HtmlGate
from enforce.gating import EMBEDDED, TRACKER, boxed

_HOSTS = [
    f"http://{TRACKER}/a",
    f"//{TRACKER}/a",
    f"\\\\{TRACKER}\\a",
    f"&#47;/{TRACKER}/a",
    "/own",
    "https://other.example/",
]
_PIECES = [
    *"< > </ /> \" ' = <!-- --> --!> <!--> <![CDATA[ ]]> &lt; & ; / \\ \n \f \0 é".split(" "),
    *(f"<{name}" for name in ("img", "p", "script", "style", "svg", "math", "iframe", "noscript", "input")),
    *(f"<{name}>" for name in ("p", "script", "style", "svg", "math", "title", "textarea", "noscript", "table", "td")),
    *(f"</{name}>" for name in ("p", "script", "style", "svg", "math", "title", "textarea", "noscript", "iframe")),
    *(f"<{name}>" for name in ("foreignObject", "desc", "mi", "annotation-xml", "xmp", "plaintext", "select", "head")),
    *(f' src="{host}"' for host in _HOSTS),
    *(f" src={host}" for host in _HOSTS),
    *(f" href='{host}'" for host in _HOSTS),
    *(f'<img src="{host}">' for host in _HOSTS),
    *(f'<script src="{host}"></script>' for host in _HOSTS),
    *(f'<link rel=stylesheet href="{host}">' for host in _HOSTS),
    *(f"<p style='background: url({host})'>" for host in _HOSTS),
    *(f"<style>@import '{host}';</style>" for host in _HOSTS),
    *(f'<b onclick="fetch(\'{host}\')">' for host in _HOSTS),
    *(f"<svg><image xlink:href='{host}'/></svg>" for host in _HOSTS),
    *(f"<noscript><img src={host}></noscript>" for host in _HOSTS),
    *(f'<iframe srcdoc="<img src={host}>"></iframe>' for host in _HOSTS),
    *(f"<base href={host}>" for host in _HOSTS),
    *(f"<{name} src={host}>" for name in ("video", "object", "embed") for host in _HOSTS),
    f"<script src=//{EMBEDDED}/x></script>",
    "<blockquote class=tracker-post>",
]  # fmt: skip
pages = (
    st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=5)), max_size=25)
    .map("".join)
    .map(lambda text: text.encode("utf-8", "replace"))
)


def outcome(chunks: Iterable[bytes]) -> tuple[bytes, bool]:
    gate = HtmlGate(boxed())
    out = b"".join([*map(gate.feed, chunks), gate.close()])
    return out, gate.failed


def live(markup: bytes, *, scripting: bool) -> Iterator[tuple[str, str, str]]:
    """Elements of a page whose attributes, as html5lib reads them, would make a browser contact the tracker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
        tree: Any = parser.parse(markup, scripting=scripting, transport_encoding="utf-8")
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        name = element.tag.rpartition("}")[2].lower()
        if name == "script" and element.get("type") == "text/plain":
            continue
        for attribute, value in element.attrib.items():
            plain = attribute.rpartition("}")[2]
            fetches = plain.encode() in FETCHING.get(name.encode(), ())
            if (fetches or plain in ("style", "onclick")) and TRACKER in unquote(value.replace("\\", "/")):
                yield name, attribute, value


@given(page=pages, data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_pages(page: bytes, data: st.DataObject) -> None:
    check(page, data)


@pytest.mark.deep
@given(page=pages, data=st.data())
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_random_pages(page: bytes, data: st.DataObject) -> None:
    check(page, data)


def check(page: bytes, data: st.DataObject) -> None:
    out, failed = outcome([page])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(page)), max_size=5)))
    chunks = [page[start:end] for start, end in zip([0, *cuts], [*cuts, len(page)], strict=True)]
    # What the engine gives up on is escaped from there on, or from a little earlier where chunks were larger.
    assert outcome(chunks) == (out, failed) or failed
    for scripting in (True, False):
        assert list(live(out, scripting=scripting)) == []
