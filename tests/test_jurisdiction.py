"""From a request's headers to the rules of its visitor, and what cannot be forged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.config import ConsentConfig
from consent_mw.core.regime import Regime
from consent_mw.errors import ConfigError
from consent_mw.jurisdiction import Jurisdictions

PROXY, STRANGER = ("10.0.0.7", 1), ("203.0.113.7", 1)


def jurisdictions(**regime: Any) -> Jurisdictions:
    settings = {"country_header": "X-Country", "trusted_proxies": ["10.0.0.0/8", "::1"], **regime}
    return Jurisdictions(ConsentConfig(regime=settings))


def found(where: Jurisdictions, country: bytes, client: tuple[str, int] | None = PROXY, region: bytes = b"") -> str:
    head = {b"x-country": country, **({b"x-region": region} if region else {})}
    return where.rules(client, head, repeated=False).id


@pytest.mark.parametrize(
    ("country", "regime"),
    [
        (b"DE", "eu-de"), (b"at", "eu"), (b" GB ", "uk"), (b"CH", "ch"), (b"CN", "cn"), (b"BR", "br"), (b"IN", "in"),
        (b"US-CA", "us-opt-out"), (b"US-VA", "us"), (b"US", "us-opt-out"), (b"US-ZZ", "us-opt-out"),
        (b"CA-QC", "ca-qc"), (b"CA", "strict"), (b"CA-ON", "strict"),
        (b"XX", "strict"), (b"T1", "strict"), (b"", "strict"), (b"\xff", "strict"), (b"DE, US", "strict"),
    ],
)  # fmt: skip
def test_a_region_has_its_regime_and_an_unknown_one_the_strictest(country: bytes, regime: str) -> None:
    assert found(jurisdictions(opt_out=["us", "us-opt-out", "uk"]), country) == regime


def test_a_second_header_names_the_part_of_the_country() -> None:
    where = jurisdictions(region_header="x-region")
    assert found(where, b"US", region=b"VA") == "us"
    assert found(where, b"US", region=b"US-VA") == "us"
    assert found(where, b"CA", region=b"QC") == "ca-qc"
    assert found(where, b"US") == "us-opt-out"


@pytest.mark.parametrize("client", [STRANGER, None, ("testclient", 1), ("10.0.0.7.evil", 1)])
def test_the_header_counts_from_a_trusted_proxy_only(client: tuple[str, int] | None) -> None:
    assert found(jurisdictions(opt_out=["us"]), b"US-VA", client) == "strict"


def test_a_star_trusts_every_peer() -> None:
    assert found(jurisdictions(trusted_proxies=["*"]), b"CN", None) == "cn"


def test_a_header_that_stands_there_twice_does_not_count() -> None:
    where = jurisdictions()
    headers = [(b"x-country", b"US-VA"), (b"x-country", b"DE")]
    assert where.repeats(headers)
    assert where.rules(PROXY, dict(headers), repeated=True).id == "strict"


@given(st.binary(max_size=8), st.booleans())
def test_no_header_of_a_stranger_grants_anything(country: bytes, twice: bool) -> None:
    where = jurisdictions(opt_out=["us", "us-opt-out", "uk"])
    assert where.rules(STRANGER, {b"x-country": country}, repeated=twice) == where.default


def test_visitors_are_asked_first_unless_the_site_names_their_regime() -> None:
    assert {rules.regime for rules in jurisdictions().all} == {Regime.OPT_IN}
    lax = {rules.id for rules in jurisdictions(opt_out=["us"]).all if rules.regime is Regime.OPT_OUT}
    assert lax == {"us"}


def test_a_default_regime_for_everyone_needs_no_header() -> None:
    rules = Jurisdictions(ConsentConfig(regime={"default": "us-opt-out"})).default
    assert (rules.regime, rules.banner, rules.opt_out_link) == (Regime.OPT_OUT, False, True)


def test_a_consent_may_end_earlier_than_the_law_says_and_a_refusal_later() -> None:
    short = Jurisdictions(ConsentConfig(cookie={"max_age_days": 30}, regime={"default": "eu"})).default
    long = Jurisdictions(ConsentConfig(cookie={"max_age_days": 400}, regime={"default": "eu"})).default
    assert (short.consent_seconds, short.refusal_seconds) == (30 * 86_400, 184 * 86_400)
    assert (long.consent_seconds, long.refusal_seconds) == (184 * 86_400, 400 * 86_400)


@pytest.mark.parametrize(
    ("regime", "named"),
    [
        ({"default": "mars"}, "regime.default = 'mars': unknown regime; allowed: opt-in, opt-out, strict, eu"),
        ({"country_header": "x-country"}, "could be forged"),
        ({"trusted_proxies": ["10.0.0.1"]}, "need a country_header"),
        ({"country_header": "x", "trusted_proxies": ["10.0.0.1/99"]}, "regime.trusted_proxies"),
        ({"country_header": "x", "trusted_proxies": ["proxy.test"]}, "regime.trusted_proxies"),
        ({"country_header": "x", "trusted_proxies": ["*"], "opt_out": ["eu"]}, "opt-out regimes; allowed: uk"),
        ({"country_header": "x", "trusted_proxies": ["*"], "default": "us"}, "visitors whose region"),
        ({"country_header": "x y", "trusted_proxies": ["*"]}, "regime.country_header"),
    ],
)
def test_what_cannot_be_right_is_said_at_start_up(regime: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Jurisdictions(ConsentConfig(regime=regime))


def test_what_cannot_be_placed_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    where = jurisdictions()
    for _ in range(3):
        found(where, b"KE")
        found(where, b"DE", STRANGER)
    assert [record.getMessage() for record in caplog.records] == [
        "x-country names a region without a regime of its own, 'KE': the strictest rules",
        "x-country came from a peer that is no trusted proxy, or twice: the strictest rules",
    ]
