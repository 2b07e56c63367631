"""Configuration from TOML, mappings and keywords; every mistake named with its key, its value and what is allowed."""

from __future__ import annotations

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi.exchange import answering, call
from consent_mw import ConfigError, ConsentConfig, ConsentError, ConsentMiddleware
from consent_mw.config import check_secrets

SECRET = "0123456789abcdef0123456789abcdef"


# Where it comes from


def test_nothing_has_to_be_configured() -> None:
    config = ConsentConfig.load(None)
    assert config == ConsentConfig()
    assert (config.path, config.use, config.enforcement.mode) == ("/consent", (), "enforce")


def test_a_file_a_mapping_keywords_and_a_ready_configuration_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text('path = "/privacy"\nuse = ["youtube"]\n[policy]\nversion = "7"\n', encoding="utf-8")
    mapping: dict[str, Any] = {"path": "/privacy", "use": ["youtube"], "policy": {"version": "7"}}
    before = copy.deepcopy(mapping)
    config = ConsentConfig(**mapping)
    for source in (file, str(file), mapping, config):
        assert ConsentConfig.load(source) == config
    assert mapping == before


def test_the_middleware_takes_each_of_them(tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text('path = "/privacy"', encoding="utf-8")
    for source in (file, str(file), {"path": "/privacy"}, ConsentConfig(path="/privacy")):
        app = ConsentMiddleware(answering(), source, secret_key=SECRET, ledger=None)
        assert call(app, "/privacy/state").status == 200


@pytest.mark.parametrize("content", [b"path = ", b"\xff\xfe", b"path = 1 2", b"path = '/a'\npath = '/b'"])
def test_a_file_that_is_no_toml_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml.*not a readable TOML file"):
        ConsentConfig.load(file)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            ConsentConfig.load(path)


@pytest.mark.parametrize("source", [5, [], b"x", object()])
def test_anything_else_is_told_what_is_allowed(source: Any) -> None:
    with pytest.raises(ConfigError, match="allowed are a path, a mapping, a ConsentConfig or None"):
        ConsentConfig.load(source)


def test_a_configuration_does_not_change_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        ConsentConfig().path = "/x"  # type: ignore[misc]


# Mistakes


MISTAKES: list[tuple[dict[str, Any], list[str]]] = [
    ({"pth": "/x"}, ["pth", "unknown key", "did you mean 'path'", "allowed: path, use"]),
    ({"enforcement": {"mod": "enforce"}}, ["enforcement.mod", "unknown key", "'mode'", "exempt_paths"]),
    ({"services": [{"id": "x", "name": "X", "purposes": ["analytics"], "host": "x"}]}, ["services.0.host", "'hosts'"]),
    ({"path": "consent"}, ["path = 'consent'"]),
    ({"path": "/consent/"}, ["path = '/consent/'"]),
    ({"path": "/"}, ["path = '/'"]),
    ({"path": "/a b"}, ["path = '/a b'"]),
    ({"path": "/a\nb"}, ["path = "]),
    ({"path": 5}, ["path = 5", "string"]),
    ({"path": "/x/../consent"}, ["path = '/x/../consent'", "allowed"]),
    ({"use": "youtube"}, ["use = 'youtube'"]),
    ({"use": ["You Tube"]}, ["use.0 = 'You Tube'"]),
    ({"origins": ["shop.example"]}, ["origins.0 = 'shop.example'"]),
    ({"origins": ["https://shop.example/"]}, ["origins.0 = 'https://shop.example/'"]),
    ({"policy": {"version": ""}}, ["policy.version = ''"]),
    ({"policy": {"published_at": "soon"}}, ["policy.published_at = 'soon'"]),
    ({"policy": {"privacy_url": "javascript:alert(1)"}}, ["policy.privacy_url", "javascript:alert(1)"]),
    ({"policy": {"minimum_notice_days": -1}}, ["policy.minimum_notice_days = -1", "0"]),
    ({"policy": {"material": True}}, ["policy", "published_at and effective_at"]),
    (
        {"policy": {"material": True, "published_at": "2026-11-01", "effective_at": "2026-11-02"}},
        ["effective_at = 2026-11-02", "allowed: 2026-11-08 or later"],
    ),
    ({"cookie": {"max_age_days": 401}}, ["cookie.max_age_days = 401", "400"]),
    ({"cookie": {"max_age_days": 0}}, ["cookie.max_age_days = 0"]),
    ({"cookie": {"name": "a b"}}, ["cookie.name = 'a b'"]),
    ({"cookie": {"name": "__Secure-consent"}}, ["cookie.name = '__Secure-consent'", "allowed"]),
    ({"cookie": {"secure": "yes please"}}, ["cookie.secure", "'auto'"]),
    ({"cookie": {"domain": "-.example"}}, ["cookie.domain = '-.example'"]),
    ({"enforcement": {"mode": "off"}}, ["enforcement.mode = 'off'", "'enforce' or 'report-only'"]),
    (
        {"enforcement": {"unclassified_cookies": True}},
        ["enforcement.unclassified_cookies = True", "'block' or 'allow'"],
    ),
    ({"enforcement": {"exempt_paths": ["api"]}}, ["enforcement.exempt_paths.0 = 'api'"]),
    ({"ledger": {"retention_days": 0}}, ["ledger.retention_days = 0"]),
    ({"regime": {"default": "opt_in"}}, ["regime.default = 'opt_in'", "opt-in", "opt-out"]),
    ({"categories": [{"id": "Big"}]}, ["categories.0.id = 'Big'"]),
    ({"categories": [{"id": "x", "purposes": ["spying"]}]}, ["categories.0.purposes.0 = 'spying'", "'analytics'"]),
    ({"services": [{"id": "x", "name": "X"}]}, ["service 'x'", "category or at least one purpose"]),
    (
        {"services": [{"id": "x", "name": "X", "purposes": ["media"], "hosts": ["https://x.example"]}]},
        ["services.0.hosts.0 = 'https://x.example'"],
    ),
    (
        {"services": [{"id": "x", "name": "X", "purposes": ["media"], "inline": ["ga"]}]},
        ["services.0", "'ga'", "4 ASCII"],
    ),
    (
        {"services": [{"id": "x", "name": "X", "purposes": ["media"], "paths": ["https://x/y"]}]},
        ["services.0.paths", "neither 'host/prefix' nor '/file-name'"],
    ),
    ({"cookies": [{"name": "a b", "category": "necessary"}]}, ["cookies.0.name = 'a b'"]),
    ({"cookies": [{"name": "a;b", "category": "necessary"}]}, ["cookies.0.name = 'a;b'"]),
    ({"cookies": [{"name": "x"}]}, ["cookie 'x'", "either a category or a purpose"]),
    ({"cookies": [{"name": "x", "category": "a", "purpose": "media"}]}, ["either a category or a purpose"]),
    ({"cookies": [{"name": "x", "category": "necessary", "without_consent": "maybe"}]}, ["'block' or 'session_only'"]),
    ({"controller": {"name": "a\nb"}}, ["controller.name = 'a\\nb'"]),
    ({"controller": {"email": "nobody"}}, ["controller.email = 'nobody'"]),
    ({"banner": {"position": "top"}}, ["banner.position = 'top'", "'bottom'"]),
    ({"banner": {"modal": True}}, ["modal = true", "position = 'bottom'", 'allowed: position = "center"']),
    ({"banner": {"theme": {"accent": "red;}"}}}, ["accent = 'red;}'", "#rrggbb"]),
    ({"banner": 5}, ["banner = 5"]),
]


@pytest.mark.parametrize(("values", "words"), MISTAKES, ids=[str(next(iter(values))) for values, _ in MISTAKES])
def test_a_mistake_is_named_with_its_key_its_value_and_what_is_allowed(
    values: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        ConsentConfig(**values)
    for word in words:
        assert word in str(error.value)
    assert "pydantic" not in str(error.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        ConsentConfig(path="x", cookie={"max_age_days": 0}, nonsense=1)
    assert all(word in str(error.value) for word in ("path", "cookie.max_age_days", "nonsense"))


def test_a_mistake_is_a_value_error_and_one_of_ours() -> None:
    with pytest.raises(ValueError, match="path"):
        ConsentConfig(path="x")
    assert issubclass(ConfigError, ConsentError)


@pytest.mark.parametrize("key", [5, ["a", "secret"], {"x": "top secret"}])
def test_a_mistake_never_shows_a_key(key: Any) -> None:
    with pytest.raises(ConfigError) as error:
        ConsentConfig(ledger={"signing_key": key})
    assert "ledger.signing_key" in str(error.value)
    assert "top secret" not in str(error.value)
    assert "5" not in str(error.value)


def test_a_configuration_does_not_show_its_key() -> None:
    config = ConsentConfig(ledger={"signing_key": "c2VjcmV0" * 6})
    assert "c2VjcmV0" not in repr(config)


@given(
    st.dictionaries(
        st.sampled_from([*ConsentConfig.model_fields, "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=3,
    )
)
def test_whatever_is_written_loads_or_is_a_config_error(values: dict[str, Any]) -> None:
    with suppress(ConfigError):
        assert isinstance(ConsentConfig.load(values), ConsentConfig)


# Secrets


@pytest.mark.parametrize("given_", [SECRET, [SECRET], (SECRET, SECRET[::-1])])
def test_a_secret_is_a_string_or_several_with_the_newest_last(given_: Any) -> None:
    keys = check_secrets(given_)
    assert keys == ((given_,) if isinstance(given_, str) else tuple(given_))


@pytest.mark.parametrize("given_", [None, b"x" * 32, 5, {}, object()])
def test_a_secret_of_another_type_is_a_config_error(given_: Any) -> None:
    with pytest.raises(ConfigError, match=r"secret_key is of type \w+; allowed is one str, or a list"):
        check_secrets(given_)


@pytest.mark.parametrize("given_", ["", "short", SECRET[:31], [SECRET, "short"], []])
def test_a_short_secret_is_refused_and_not_shown(given_: Any) -> None:
    with pytest.raises(ConfigError, match="allowed") as error:
        check_secrets(given_)
    assert "short'" not in str(error.value)
    assert SECRET[:31] not in str(error.value)


def test_a_secret_is_measured_in_bytes() -> None:
    assert check_secrets("\u00e9" * 16)
    with pytest.raises(ConfigError, match=r"secret_key\[1\] has 31 bytes; allowed: 32 or more"):
        check_secrets([SECRET, "x" * 31])


@pytest.mark.parametrize("given_", [[None], [SECRET, b"x" * 32]])
def test_each_of_several_secrets_is_a_string(given_: Any) -> None:
    with pytest.raises(ConfigError, match=r"secret_key\[\d\]: allowed is a str, not"):
        check_secrets(given_)


# What a start says


def test_a_start_says_that_a_valid_consent_needs_declared_services(caplog: pytest.LogCaptureFixture) -> None:
    ConsentMiddleware(answering(), secret_key=SECRET, ledger=None)
    assert "no service is declared" in caplog.text
    caplog.clear()
    ConsentMiddleware(answering(), {"use": ["youtube"]}, secret_key=SECRET, ledger=None)
    assert "no service is declared" not in caplog.text


def test_a_start_says_what_a_domain_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    ConsentMiddleware(answering(), {"cookie": {"domain": "shop.example"}}, secret_key=SECRET, ledger=None)
    assert "'shop.example' gives up the __Host- prefix" in caplog.text


def test_a_start_says_that_only_reporting_holds_nothing_back(caplog: pytest.LogCaptureFixture) -> None:
    ConsentMiddleware(answering(), {"enforcement": {"mode": "report-only"}}, secret_key=SECRET, ledger=None)
    assert "'report-only': nothing is held back" in caplog.text


@pytest.mark.parametrize("ledger", ["mysql://x", "sqlite://x", "", "consent.sqlite3", "postgresql:x"])
def test_a_ledger_that_nobody_knows_stops_the_start(ledger: str) -> None:
    with pytest.raises(ConfigError, match="ledger"):
        ConsentMiddleware(answering(), secret_key=SECRET, ledger=ledger)
