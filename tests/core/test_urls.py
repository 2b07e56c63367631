"""Where a reference leads, as browsers read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.core.urls import OWN, Target, resolve

BASE = Target("shop.example", "/a/b")


@pytest.mark.parametrize(
    "reference",
    [
        "https://t.example/x",
        "HTTPS://T.EXAMPLE/x",
        "//t.example/x",
        "\\\\t.example/x",
        "/\\t.example/x",
        "\t//t.example/x",
        "  https://t.example/x  ",
        "ht\ntps://t.exa\tmple/x",
        "https:\\\\t.example\\x",
        "https:t.example/x",
        "https:/t.example/x",
        "https:////t.example/x",
        "https://user:pass@t.example:8443/x",
        "https://t.example./x",
        "https://t%2Eexample/x",
        "https://\uff54.example/x",
        "https://t\u3002example/x",
        "https://t\u00ad.example/x",
        "wss://t.example/x",
        "rtsp://T.Example/x",
        "blob:https://t.example/x",
        "\x00\x1fhttps://t.example/x",
    ],
)
def test_every_spelling_of_a_host_is_that_host(reference: str) -> None:
    assert resolve(reference, BASE) == Target("t.example", "/x")


@pytest.mark.parametrize(
    "reference",
    ["data:text/html,x", "mailto:a@t.example", "javascript:alert(1)", "about:blank", "https://", "https://%", "tel:1"],
)
def test_what_contacts_no_host_leads_nowhere(reference: str) -> None:
    assert resolve(reference, BASE) is None


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("x.js", "/a/x.js"),
        ("/x.js", "/x.js"),
        ("/x.js?u=//t.example", "/x.js"),
        ("#//t.example", "/a/b"),
        ("?https://t.example", "/a/b"),
        ("", "/a/b"),
        ("\\x.js", "/x.js"),
        ("1:2", "/a/1:2"),
    ],
)
def test_a_relative_reference_stays_with_its_base(reference: str, path: str) -> None:
    assert resolve(reference, BASE) == Target("shop.example", path)
    assert resolve(reference, Target("", "/a/b")) == Target("", path)


def test_a_base_on_a_shared_host_hides_no_path_behind_dots() -> None:
    assert resolve("../collect/./x", BASE) == Target("shop.example", "/collect/x")


@given(st.text(max_size=60))
def test_no_reference_makes_it_fail(reference: str) -> None:
    found = resolve(reference, OWN)
    assert found is None or found.host == found.host.lower()
