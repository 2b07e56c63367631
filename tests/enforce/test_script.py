"""Inline scripts: what loads something counts, what only mentions it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.enforce.script import addresses, code, strings


@pytest.mark.parametrize(
    "script",
    [
        b"fetch('//h/a')",
        b'fetch("http:\\/\\/h\\/a")',
        b"var u = `//h/a`; new Image().src = u",
        b"navigator.sendBeacon('//h/a')",
        b"import '//h/a'",
        b"(function(u){var s=document.createElement('script');s.src=u})('//h/a')",
        b'"a".replace(/"/g, ""); fetch("//h/a")',
        b"/[/*]/.test(a); fetch('//h/a')",
        b"a = '// no comment'; fetch('//h/a')",
        b"/* it's */ fetch('//h/a')",
    ],
)
def test_an_address_that_is_loaded_is_found(script: bytes) -> None:
    assert any(address.endswith("//h/a") for address in addresses(script))


@pytest.mark.parametrize(
    "script",
    [
        b"var profile = '//h/a'",
        b"// see http://h/a\nfetch('/b')",
        b"/* fetch('//h/a') */ fetch('/b')",
        b"fetch('/b'); // not http://h/a",
        b"say('We used to load http://h/a here'); fetch('/b')",
        b"",
        b"a / b / c",
    ],
)
def test_an_address_that_is_only_mentioned_is_not(script: bytes) -> None:
    assert not any("//h" in address for address in addresses(script))


def test_code_keeps_everything_else() -> None:
    assert code(b"a = 1; b('c')") == b"a = 1; b('c')"


def test_strings_of_json_names_too() -> None:
    assert strings(b'{"a": ["b\\/c", 1], "d": {"e": "f') == ["a", "b/c", "d", "e"]


@given(st.binary(max_size=300))
def test_no_script_is_too_odd(script: bytes) -> None:
    assert isinstance(code(script), bytes)
    assert all(isinstance(address, str) for address in addresses(script))
