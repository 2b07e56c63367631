"""The regimes' data: whole, sourced, and no weaker than it says."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError
from scripts import regimes_page

from consent_mw.core.regime import Regime
from consent_mw.regimes.load import load_regimes
from consent_mw.regimes.schema import RegimesFile

REGIMES = {entry.id: entry for entry in load_regimes().regimes}
EEA = set("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split())
BINDING = {f"US-{state}" for state in "CA CO CT DE MD MN MT NE NH NJ OR TX".split()}


def raw() -> dict[str, Any]:
    return tomllib.loads((files("consent_mw.regimes") / "regimes.toml").read_text(encoding="utf-8"))


def test_every_country_of_the_eea_is_there() -> None:
    european = {region for entry in REGIMES.values() if "EU-01" in entry.rules for region in entry.regions}
    assert european >= EEA


def test_the_united_states_are_whole_and_an_unknown_state_falls_under_the_stricter_regime() -> None:
    assert set(REGIMES["us-opt-out"].regions) == BINDING | {"US"}
    assert len(REGIMES["us"].regions) == 51 - len(BINDING)


@pytest.mark.parametrize("entry", REGIMES.values(), ids=REGIMES)
def test_location_is_asked_for_alone_everywhere_and_a_refusal_holds_six_months(entry: Any) -> None:
    assert "location" in entry.separate
    assert "location" not in entry.allowed
    assert entry.refusal_days >= 184
    assert set(entry.signals) == {"gpc", "dnt"}


def test_a_profile_has_all_the_rules_of_its_base() -> None:
    assert set(REGIMES["eu"].rules) < set(REGIMES["eu-it"].rules)
    assert REGIMES["us"].refusal_days == REGIMES["us-opt-out"].refusal_days == 366


def test_advertising_is_allowed_before_a_choice_in_the_united_states_only() -> None:
    lax = {id for id, entry in REGIMES.items() if "advertising" in entry.allowed}
    assert lax == {"us", "us-opt-out"}
    assert {id for id, entry in REGIMES.items() if entry.regime is Regime.OPT_OUT} == lax | {"uk"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"regime": "opt-out"}, "allows something"),
        ({"allowed": ["analytics"]}, "allows something"),
        ({"binding_signals": ["gpc"], "signals": []}, "binding signal"),
        ({"regime": "opt-out", "allowed": ["location"]}, "asked for alone"),
        ({"regions": ["DE"]}, "two regimes"),
        ({"regions": ["Germany"]}, "pattern"),
        ({"rules": ["EU-99"]}, "unknown rule"),
        ({"colour": "blue"}, "Extra inputs"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change: dict[str, Any], named: str) -> None:
    values = raw()
    values["regimes"] = [{**entry, **(change if entry["id"] == "ch" else {})} for entry in values["regimes"]]
    with pytest.raises(ValidationError, match=named):
        RegimesFile.model_validate(values)


def test_the_reference_page_says_what_the_data_says() -> None:
    written = regimes_page.PAGE.read_text(encoding="utf-8")
    assert written == regimes_page.page(load_regimes()), "run: python -m scripts.regimes_page"
