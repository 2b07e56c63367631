"""Random pages through the gate: nothing raises, no chunking matters, and no address of the tracker stays live.

The result is read by justhtml, which knows nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from justhtml import JustHTML

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
PIECES = [
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
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=25)
    .map("".join)
    .map(lambda text: text.encode("utf-8", "replace"))
)


def outcome(chunks: Iterable[bytes]) -> tuple[bytes, bool]:
    gate = HtmlGate(boxed())
    out = b"".join([*map(gate.feed, chunks), gate.close()])
    return out, gate.failed


def live(markup: bytes, *, scripting: bool) -> list[tuple[str, str, str]]:
    """Elements of a page whose attributes, as justhtml reads them, would make a browser contact the tracker."""
    page = JustHTML(markup.decode("utf-8", "replace"), sanitize=False, scripting_enabled=scripting)
    waiting, found = [page.root], []
    while waiting:
        node = waiting.pop()
        waiting += node.children or ()
        waiting += [content for content in [getattr(node, "template_content", None)] if content is not None]
        found += live_attributes(node.name.lower(), getattr(node, "attrs", None) or {})
    return found


def live_attributes(element: str, attributes: Mapping[str, str | None]) -> Iterator[tuple[str, str, str]]:
    if element == "script" and attributes.get("type") == "text/plain":
        return
    for attribute, value in attributes.items():
        plain = attribute.rpartition("}")[2].removeprefix("xlink:")
        fetches = plain.encode() in FETCHING.get(element.encode(), ())
        if (fetches or plain in ("style", "onclick")) and TRACKER in unquote((value or "").replace("\\", "/")):
            yield element, attribute, value or ""


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
    check_cut(page, data.draw(st.lists(st.integers(0, len(page)), max_size=5)))


def check_cut(page: bytes, cuts: list[int]) -> None:
    out, failed = outcome([page])
    cuts = sorted(cuts)
    chunks = [page[start:end] for start, end in zip([0, *cuts], [*cuts, len(page)], strict=True)]
    # What the engine gives up on is escaped from there on, or from a little earlier where chunks were larger.
    assert outcome(chunks) == (out, failed) or failed
    for scripting in (True, False):
        assert live(out, scripting=scripting) == []
