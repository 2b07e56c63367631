"""The rules of the United States that concern software, each by its id. Not ours: CA-13 (a duty of browsers)."""

from __future__ import annotations

import html
import json
import re

import pytest

from consent_mw.build import build_policy
from consent_mw.config import ConsentConfig
from consent_mw.core.regime import DAY_SECONDS
from consent_mw.ledger.base import Event
from consent_mw.lint import lint
from consent_mw.regimes.load import load_regimes
from law.shop import GPC, Visitor, cookies_set, refused_after, rules

pytestmark = pytest.mark.anyio
STATES = "CA CO CT DE MD MN MT NE NH NJ OR TX".split()
DEFAULTS = {"identification", "personalization_analytics", "counter", "ads"}


async def test_CA_01_the_signal_is_an_opt_out() -> None:
    visitor = Visitor("US-CA")
    assert await visitor.granted() == DEFAULTS
    assert await visitor.granted(**GPC) == set()


async def test_CA_01_so_is_one_that_only_scripts_can_see() -> None:
    visitor = Visitor("US-CA")
    told = await visitor.client.post("/consent/decision", json={"signal": "gpc"}, headers=visitor.headers)
    assert told.json()["signals"]["gpc"] is True
    assert await visitor.granted() == set()


async def test_CA_02_the_header_alone_is_enough() -> None:
    visitor = Visitor("US-CA")
    assert cookies_set(await visitor.reads(**GPC)) == {"csrftoken", "__Host-consent"}


async def test_CA_03_the_signal_overrules_an_earlier_yes_and_a_later_yes_told_of_it_counts() -> None:
    visitor = Visitor("US-CA")
    await visitor.says("accept_all")
    assert await visitor.granted(**GPC) == set()
    visitor.headers |= GPC
    await visitor.says("accept_all")
    assert await visitor.granted() == DEFAULTS


async def test_CA_04_a_signal_that_is_gone_is_no_opt_in() -> None:
    visitor = Visitor("US-CA")
    await visitor.reads(**GPC)
    assert await visitor.granted() == set()


async def test_CA_05_the_page_shows_that_it_was_processed_and_every_switch_is_off() -> None:
    visitor = Visitor("US-CA", headers=GPC)
    assert ">Opt-out request honored<" in (await visitor.reads()).text
    assert "Global Privacy Control" in (text := await visitor.preferences())
    assert text.count(" checked") == 1  # what is necessary


async def test_CA_06_processing_can_be_confirmed() -> None:
    visitor = Visitor("US-CA", headers=GPC)
    state = await visitor.state()
    assert state["signals"]["gpc"] is True
    assert state["categories"]["personalization_analytics"] == "denied"


async def test_CA_07_a_link_on_every_page_refuses_all_sale_and_sharing() -> None:
    visitor = Visitor("US-CA")
    link = re.search(
        r'<a href="([^"]*)"[^>]*>Do not sell or share my personal information</a>', (await visitor.reads()).text
    )
    assert link is not None
    assert 'value="reject_all"' in (await visitor.reads(html.unescape(link[1]))).text
    await visitor.says("reject_all")
    assert await visitor.granted() == set()
    assert cookies_set(await visitor.reads()) == {"csrftoken"}


async def test_CA_08_it_is_complied_with_at_once_and_recorded() -> None:
    visitor = Visitor("US-CA", headers=GPC)
    await visitor.reads()
    (record,) = visitor.ledger.records
    assert record.statement.event is Event.SIGNAL_HONOURED


async def test_CA_09_nobody_is_asked_to_opt_back_in_for_twelve_months() -> None:
    answer = await Visitor("US-CA").says("reject_all")
    assert f"Max-Age={366 * DAY_SECONDS}" in answer.headers["set-cookie"]
    assert refused_after(365, "us-opt-out")


async def test_CA_10_accept_all_stands_beside_reject_all() -> None:
    text = (await Visitor("US-CA", regime={"country_header": "cf-ipcountry", "trusted_proxies": ["*"]}).reads()).text
    accept, reject = text.index('value="accept_all"'), text.index('value="reject_all"')
    assert text[min(accept, reject) : max(accept, reject)].count("<button") == 1


async def test_CA_11_a_shorter_retention_than_24_months_is_remarked_on() -> None:
    config = ConsentConfig(regime={"default": "us-opt-out"}, ledger={"retention_days": 365})
    assert "CA-11" in {remark.rule for remark in lint(config, build_policy(config))}


async def test_CA_12_location_is_off() -> None:
    assert "geolocation" not in await Visitor("US-CA").granted()


async def test_CO_01_the_signal_is_an_opt_out() -> None:
    assert await Visitor("US-CO").granted(**GPC) == set()
    answer = await Visitor("US-CO").reads("/.well-known/gpc.json")
    assert json.loads(answer.text)["gpc"] is True


async def test_CO_02_a_signal_that_is_gone_is_no_consent() -> None:
    visitor = Visitor("US-CO")
    await visitor.reads(**GPC)
    assert await visitor.granted() == set()


async def test_CO_03_refusing_works_where_accepting_does_and_costs_nothing() -> None:
    visitor = Visitor("US-CO")
    await visitor.says("reject_all")
    assert "The whole page." in (await visitor.reads()).text


async def test_CO_04_a_consent_ends_within_24_months() -> None:
    assert rules("us-opt-out").consent_seconds <= 731 * DAY_SECONDS


async def test_CO_05_a_change_is_told_ahead() -> None:
    change = {
        "published_at": "2020-01-01",
        "effective_at": "2999-01-01",
        "material": True,
        "changes": ["We sell shoes."],
    }
    assert "We sell shoes." in (await Visitor("US-CO", policy=change).reads()).text


async def test_CO_06_opt_outs_are_recorded_and_location_needs_consent() -> None:
    visitor = Visitor("US-CO")
    assert "geolocation" not in await visitor.granted()
    await visitor.says("reject_all")
    assert len(visitor.ledger.records) == 1


async def test_CT_01_the_signal_counts_against_an_earlier_choice() -> None:
    visitor = Visitor("US-CT")
    await visitor.says("accept_all")
    assert await visitor.granted(**GPC) == set()


@pytest.mark.parametrize("state", STATES)
async def test_US_01_the_signal_is_binding_in_twelve_states(state: str) -> None:
    entry = next(entry for entry in load_regimes().regimes if f"US-{state}" in entry.regions)
    assert entry.binding_signals == ("gpc",)
    assert await Visitor(f"US-{state}").granted(**GPC) == set()


@pytest.mark.parametrize("state", ["VA", "UT", "FL"])
async def test_US_02_it_is_honoured_elsewhere_too(state: str) -> None:
    assert await Visitor(f"US-{state}").granted() == DEFAULTS
    assert await Visitor(f"US-{state}").granted(**GPC) == set()


@pytest.mark.parametrize("state", ["MD", "OR", "VA", "CA"])
async def test_US_03_location_is_off_in_every_state(state: str) -> None:
    visitor = Visitor(f"US-{state}")
    await visitor.says("accept_all")
    assert "geolocation" not in await visitor.granted()


async def test_US_04_coarse_means_one_decimal() -> None:
    answer = await Visitor("US-CA", location={"precise": "coarsen"}).reads("/echo?lat=38.8977&lon=-77.0365")
    assert answer.json()["query"] == {"lat": "38.9", "lon": "-77.0"}
