"""The page guard as it is served: small, the same for everybody, and on a page only where something is held back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from asgi.exchange import answering, call, consent_cookie, wrapped
from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.decision import resolve
from consent_mw.core.signals import NO_SIGNALS
from consent_mw.web.guard import UNDECLARED, Guard

BUDGET = 4 * 1024


def guard(config: dict[str, Any]) -> Guard:
    own = {entry["name"] for entry in config.get("cookies", ())}
    return Guard(build_policy(ConsentConfig.load(config)), "/consent", own_hosts=["static.shop"], own_names=own)


def served(config: dict[str, Any], stem: str) -> str:
    return next(asset.body.decode() for name, asset in guard(config).assets.items() if name.startswith(f"{stem}."))


@pytest.mark.parametrize("config", [{}, {"use": ["google-analytics", "youtube", "hotjar"]}])
def test_it_stays_within_its_budget_with_every_host_of_the_catalogue(config: dict[str, Any]) -> None:
    sizes = {name.partition(".")[0]: len(asset.brotli or b"") for name, asset in guard(config).assets.items()}
    assert sizes["guard"] <= BUDGET
    assert sizes["guard"] + sizes["device"] <= BUDGET * 1.5


def test_a_long_block_list_is_known_to_it_and_is_a_file_for_newcomers_too(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("\n".join(f"||tracks-{number}.example^" for number in range(30_000)), encoding="utf-8")
    config = {"enforcement": {"lists": [{"file": str(path), "category": "identification"}]}}
    assert "tracks-29999.example" in served(config, "exactly")
    nobody = resolve(build_policy(ConsentConfig.load(config)), None, NO_SIGNALS)
    assert b"<script src=" in guard(config).tags(nobody, inline=True)
    assert b"<script src=" not in guard({}).tags(nobody, inline=True)


def test_everybody_gets_the_same_files() -> None:
    app = wrapped(answering())
    cookies = [consent_cookie(app, {"action": action}) for action in ("reject_all", "accept_all")]
    pages = [call(app, headers=[cookie]).body for cookie in cookies]
    addresses = [re.findall(rb'src="(/consent/assets/(?:guard|device)[^"]+)"', page) for page in pages]
    assert len(addresses[0]) == 2
    assert addresses[0] == addresses[1]
    granted = [set(re.findall(rb'data-granted="([^"]*)"', page)) for page in pages]
    assert granted == [{b"necessary"}, {b"necessary identification personalization_analytics"}]


def test_it_is_the_first_script_and_stands_between_our_marks() -> None:
    body = call(
        wrapped(answering(b"<!doctype html><html><head><script>run()</script></head><body></body></html>"))
    ).body
    assert re.match(rb'<!doctype html><html><head><!--consent--><script data-at="/consent/assets/"', body)


HTML = (b"content-type", b"text/html; charset=utf-8")


def test_who_comes_for_the_first_time_has_it_in_the_page_and_fetches_nothing() -> None:
    app = wrapped(answering(headers=[HTML]))
    first = call(app).body
    later = call(app, headers=[consent_cookie(app, {"action": "reject_all"})]).body
    files = re.findall(rb'<script src="(/consent/assets/(?:guard|device)[^"]+)" data-granted="necessary"></', later)
    tag = rb'<script data-at="/consent/assets/" data-granted="necessary">(.*?)</script>'
    (both,) = re.findall(tag, first, re.DOTALL)
    assert len(files) == 2
    assert both == b"".join(call(app, file.decode()).body for file in files)
    assert b"\n" not in both, "what we insert is one line, easy to cut out again"
    assert b"/consent/assets/guard" not in first
    assert b"data-at=" not in later


def test_no_name_of_a_site_ends_the_script_in_the_page() -> None:
    storage = ["</script><script>run()</script>"]
    device = served(
        {"services": [{"id": "own", "name": "Own", "category": "identification", "storage": storage}]}, "device"
    )
    assert "\\u003c/script>" in device
    assert "</script" not in device


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([HTML, (b"content-security-policy", b"script-src 'self'")], id="policy without a nonce"),
        pytest.param([(b"content-type", b"text/html")], id="charset left to the page's first 1024 bytes"),
    ],
)
def test_where_a_long_inline_script_could_not_run_or_would_harm_it_is_a_file(
    headers: list[tuple[bytes, bytes]],
) -> None:
    assert b'<script src="/consent/assets/guard.' in call(wrapped(answering(headers=headers))).body


def test_whoever_granted_everything_gets_none() -> None:
    app = wrapped(answering())
    assert b"data-granted" not in call(app, headers=[consent_cookie(app)]).body


def test_it_carries_the_nonce_of_the_app() -> None:
    policy = (b"content-security-policy", b"script-src 'nonce-abc123'")
    body = call(wrapped(answering(headers=[(b"content-type", b"text/html"), policy]))).body
    assert len(re.findall(rb'<script src="/consent/assets/(?:guard|device)[^>]* nonce="abc123"></script>', body)) == 2


def test_under_a_mount_its_address_is_the_mounts() -> None:
    assert b'<script data-at="/shop/consent/assets/"' in call(wrapped(answering()), root_path="/shop").body


def test_declared_services_are_known_exactly_and_the_rest_belongs_to_nobody() -> None:
    text = served({"use": ["hotjar"], "services": [{"id": "own", "name": "Own", "category": "necessary"}]}, "guard")
    assert '"hotjar":"hotjar.com hotjar.io' in text
    assert f'[["{UNDECLARED}",' in text
    assert '"own":["static.shop"]' in text


def test_own_answers_to_undeclared_services_go_along_with_the_visitor() -> None:
    app = wrapped(answering())
    choice = {"action": "save", "categories": {"personalization_analytics": True}, "services": {"hotjar": False}}
    body = call(app, headers=[consent_cookie(app, choice)]).body
    found = re.search(rb'data-references="([^"]*)"', body)
    assert found is not None
    assert json.loads(found[1].replace(b"&quot;", b'"')).keys() == {UNDECLARED}
    choice["categories"] = {}
    choice["services"] = {"hotjar": True}
    body = call(app, headers=[consent_cookie(app, choice)]).body
    assert b"{&quot;necessary&quot;:&quot;hotjar.com" in body


def test_the_site_s_own_names_are_known_at_once() -> None:
    cookies = [
        {"name": "cart_*", "category": "necessary"},
        {"name": "remember", "category": "identification", "without_consent": "session_only"},
    ]
    text = served({"cookies": cookies}, "device")
    assert '{"necessary":"cart_*","~identification":"remember"}' in text
    assert '"open":false' in text
    assert '"place":"geolocation"' in text
    assert '"open":true' in served({"enforcement": {"unclassified_cookies": "allow"}}, "device")
