"""Every remark of the linter: the configuration that earns it, the rule it names, and one that does not."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from consent_mw import ConsentConfig, ConsentMiddleware
from consent_mw.build import build_policy
from consent_mw.cli import main
from consent_mw.lint import lint
from consent_mw.regimes.load import load_regimes

SECRET = "0123456789abcdef0123456789abcdef"
OWN = {"id": "counter", "name": "Counter", "purposes": ["analytics"], "retention": "a week", "policy_url": "/counter"}
SOUND: dict[str, Any] = {
    "controller": {"name": "Shop Ltd", "email": "privacy@shop.example"},
    "policy": {"privacy_url": "/privacy"},
    "services": [{**OWN, "cookies": [{"name": "c", "days": 90}]}],
}
EVERYWHERE = {"country_header": "cf-ipcountry", "trusted_proxies": ["*"]}


def remarks(**changes: Any) -> list[tuple[str, str]]:
    config = ConsentConfig(**{**SOUND, **changes})
    return [(remark.rule, remark.where) for remark in lint(config, build_policy(config))]


def test_a_sound_configuration_earns_none() -> None:
    assert remarks() == []


@pytest.mark.parametrize(
    ("changes", "rule", "where"),
    [
        ({"controller": {}}, "EU-16", "controller.name"),
        ({"controller": {"name": "Shop Ltd"}}, "CN-04", "controller"),
        ({"policy": {}}, "EU-16", "policy.privacy_url"),
        ({"services": []}, "FR-05", "use"),
        ({"services": [{**OWN, "retention": ""}]}, "EU-16", "services"),
        ({"services": [{**OWN, "cookies": [{"name": "c"}]}]}, "EU-16", "services"),
        ({"services": [{**OWN, "owner": "Counter Inc."}], "regime": EVERYWHERE}, "CN-11", "services"),
        ({"services": [{**OWN, "cookies": [{"name": "c", "days": 365}]}]}, "EU-13", "cookies"),
        ({"services": [{**OWN, "hosts": ["stats.google-analytics.com"]}]}, "EU-16", "services.counter"),
        ({"cookies": [{"name": "x", "purpose": "security"}]}, "EU-14", "cookies.x"),
        ({"cookies": [{"name": "c", "purpose": "identification"}]}, "EU-14", "cookies.c"),
        ({"categories": [{"id": "base", "required": True, "purposes": ["media"]}]}, "EU-01", "categories.base"),
        ({"categories": [{"id": "geolocation", "separate": False}]}, "CN-08", "categories.geolocation"),
        ({"cookie": {"max_age_days": 30}}, "IT-01", "cookie.max_age_days"),
        ({"cookie": {"max_age_days": 365}}, "FR-02", "cookie.max_age_days"),
        ({"ledger": {"retention_days": 90}}, "EU-11", "ledger.retention_days"),
        ({"ledger": {"retention_days": 90}, "regime": {"default": "us-opt-out"}}, "CA-11", "ledger.retention_days"),
        ({"ledger": {"retention_days": 90}, "regime": {"default": "cn"}}, "CN-13", "ledger.retention_days"),
        ({"ledger": {"retention_days": 90}, "regime": {"default": "in"}}, "IN-04", "ledger.retention_days"),
        ({"regime": {"default": "opt-out"}}, "EU-04", "regime.default"),
        ({"regime": {**EVERYWHERE, "opt_out": ["uk"]}}, "UK-02", "regime.opt_out"),
        ({"regime": {"default": "ca-qc"}}, "QC-02", "categories.personalization_analytics"),
        ({"regime": {"default": "in"}}, "IN-02", "categories.personalization_analytics"),
        ({"enforcement": {"mode": "report-only"}}, "EU-01", "enforcement.mode"),
        ({"enforcement": {"unclassified_cookies": "allow"}}, "EU-01", "enforcement.unclassified_cookies"),
        ({"enforcement": {"exempt_paths": ["/"]}}, "EU-01", "enforcement.exempt_paths"),
        ({"banner": {"enabled": False}}, "EU-08", "banner.enabled"),
        ({"banner": {"position": "center", "modal": True}}, "EU-10", "banner.modal"),
        ({"banner": {"locales": ["en"]}, "regime": {"default": "ca-qc"}}, "QC-03", "banner.locales"),
        ({"banner": {"locales": ["en"]}, "regime": {"default": "br"}}, "BR-03", "banner.locales"),
        ({"banner": {"locales": ["de"]}, "regime": {"default": "in"}}, "IN-03", "banner.locales"),
        ({"banner": {"texts": {"en": {"accept_all": "Great!"}}}}, "CA-10", "banner.texts.en"),
        ({"banner": {"texts": {"en": {"accept_all": "OK", "reject_all": "ok"}}}}, "EU-05", "banner.texts.en"),
        (
            {"banner": {"texts": {"en": {"accept_all": "Yes", "reject_all": "No, I do not like good offers"}}}},
            "EU-07",
            "banner.texts.en",
        ),
        (
            {
                "policy": {
                    "privacy_url": "/p",
                    "published_at": "2026-11-01",
                    "effective_at": "2026-12-01",
                    "material": True,
                }
            },
            "CO-05",
            "policy.changes",
        ),
        ({"policy": {"privacy_url": "/p", "changes": ["More."]}}, "EU-18", "policy.changes"),
        ({"policy": {"privacy_url": "/p", "changes": {"en": ["More."]}}}, "EU-18", "policy.changes"),
    ],
)
def test_each_remark_names_its_rule_and_its_key(changes: dict[str, Any], rule: str, where: str) -> None:
    found = remarks(**changes)
    assert (rule, where) in found
    assert rule in load_regimes().rules


def test_a_note_says_why_a_cookie_is_necessary() -> None:
    assert remarks(cookies=[{"name": "x", "purpose": "security", "note": "Rate limit of the sign-in form."}]) == []


def test_check_lists_them_and_fails_only_when_told_to(tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text('use = ["youtube"]\n')
    out = io.StringIO()
    assert main(["check", str(file)], out) == 0
    assert "remark EU-16 controller.name: visitors are not told who asks" in out.getvalue()
    assert main(["check", "--strict", str(file)], io.StringIO()) == 1


def test_a_start_says_each_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "consent_mw"):
        ConsentMiddleware(PlainTextResponse("ok"), {"use": ["youtube"]}, secret_key=SECRET, ledger=None)
    said = [record.getMessage() for record in caplog.records if "controller.name" in record.getMessage()]
    assert said == ["EU-16 controller.name: visitors are not told who asks"]
