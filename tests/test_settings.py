"""The sections of a configuration, each with its rules. What a mistake says is in ``test_config``."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw import ConfigError, ConsentConfig
from consent_mw.settings import CookieSettings, EnforcementSettings, PolicySettings

PUBLISHED = date(2026, 11, 1)


@given(st.integers(-400, 400), st.integers(0, 365))
def test_a_material_change_gives_its_notice(days: int, notice: int) -> None:
    dates = {"published_at": PUBLISHED, "effective_at": PUBLISHED + timedelta(days=days)}
    values: dict[str, Any] = {**dates, "material": True, "minimum_notice_days": notice}
    if days >= notice:
        assert ConsentConfig(policy=values).policy.effective_at == dates["effective_at"]
    else:
        with pytest.raises(ConfigError, match="effective_at"):
            ConsentConfig(policy=values)


def test_a_change_that_is_not_material_needs_no_notice() -> None:
    assert PolicySettings(published_at=PUBLISHED, effective_at=PUBLISHED).material is False
    assert PolicySettings(published_at=PUBLISHED).effective_at is None


@pytest.mark.parametrize(
    ("given_", "kept"), [("consent", "consent"), ("__Host-choice", "choice"), ("a_b-C1", "a_b-C1")]
)
def test_the_cookies_prefix_comes_by_itself(given_: str, kept: str) -> None:
    assert CookieSettings(name=given_).name == kept


@pytest.mark.parametrize("secure", ["auto", True, False])
def test_secure_is_automatic_or_said(secure: Any) -> None:
    assert CookieSettings(secure=secure).secure == secure


@pytest.mark.parametrize("domain", ["example.org", "shop.example.org", "localhost", "xn--shp-0na.example"])
def test_a_domain_is_a_plain_host_name(domain: str) -> None:
    assert CookieSettings(domain=domain).domain == domain


@pytest.mark.parametrize("origin", ["https://shop.example", "http://localhost:8000", "HTTPS://Shop.Example"])
def test_an_origin_is_scheme_host_and_port_in_lower_case(origin: str) -> None:
    assert ConsentConfig(origins=[origin]).origins == (origin.lower(),)


def test_space_around_a_value_does_not_count() -> None:
    assert ConsentConfig(controller={"name": "  Shop Ltd "}).controller.name == "Shop Ltd"


@pytest.mark.parametrize("paths", [["/"], ["/api", "/healthz"], []])
def test_exempt_paths_begin_with_a_slash(paths: list[str]) -> None:
    assert EnforcementSettings(exempt_paths=tuple(paths)).exempt_paths == tuple(paths)


@pytest.mark.parametrize("url", ["", "/", "/privacy", "https://example.org/privacy?x=1", "http://example.org"])
def test_a_link_is_a_web_address_or_a_path(url: str) -> None:
    assert ConsentConfig(policy={"privacy_url": url}).policy.privacy_url == url


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example", 'https://a"b',
     "https://a<b", "https://a b", "vbscript:x", "\x01https://a", "https://a\nb"],
)  # fmt: skip
def test_a_link_that_could_run_or_lead_astray_is_refused(url: str) -> None:
    for values in ({"policy": {"privacy_url": url}}, {"controller": {"url": url}}):
        with pytest.raises(ConfigError, match="url"):
            ConsentConfig(**values)


@given(st.text(max_size=30))
def test_no_line_of_text_can_end_a_header_or_a_line(text: str) -> None:
    try:
        name = ConsentConfig(controller={"name": text}).controller.name
    except ConfigError:
        return
    assert not any(ord(character) < 0x20 or ord(character) == 0x7F for character in name)
