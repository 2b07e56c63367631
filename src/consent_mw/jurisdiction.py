"""Which regime's rules a visitor falls under. Built at start-up; a request costs one look-up.

The region comes from a header that a trusted proxy sets, and from nowhere else. What is not known, not trusted or
contradictory is the strictest answer, so a forged header can never make anything weaker.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import logging
from collections.abc import Mapping

from consent_mw.config import ConsentConfig
from consent_mw.core.regime import DAY_SECONDS, Regime, Rules
from consent_mw.errors import ConfigError
from consent_mw.regimes.load import load_regimes
from consent_mw.regimes.schema import RegimeEntry

ANYONE = "*"
STRICTEST = "strict"
_MAX_REMEMBERED = 4096
_MAX_SAID = 300

logger = logging.getLogger("consent_mw")


class Jurisdictions:
    """The rules by region.

    :raises ConfigError: for settings that contradict each other
    """

    def __init__(self, config: ConsentConfig) -> None:
        settings = config.regime
        self.default = default_rules(config)
        self.by_region: Mapping[str, Rules] = _by_region(config) if settings.country_header else {}
        self.country_header = settings.country_header.encode("ascii")
        self._region_header = settings.region_header.encode("ascii")
        self._networks = tuple(ipaddress.ip_network(text) for text in settings.trusted_proxies if text != ANYONE)
        self._trusts_all = ANYONE in settings.trusted_proxies
        self._trusted: dict[str, bool] = {}
        self._said: set[str] = set()

    @property
    def all(self) -> tuple[Rules, ...]:
        """Every set of rules that a visitor may fall under."""
        return tuple(dict.fromkeys((self.default, *self.by_region.values())))

    @property
    def headers(self) -> frozenset[bytes]:
        """Names of the request headers that say where a visitor is."""
        return frozenset(filter(None, (self.country_header, self._region_header)))

    def rules(self, client: tuple[str, int] | None, head: Mapping[bytes, bytes], *, repeated: bool) -> Rules:
        """Only to be asked where :attr:`country_header` is configured.

        :param client: the peer's address, as the server saw it
        :param repeated: a deciding header may stand there twice; then none of them counts
        """
        country = head.get(self.country_header)
        if country is None:
            return self.default
        if repeated or not self._is_trusted(client):
            self._say_once("", "came from a peer that is no trusted proxy, or twice")
            return self.default
        code = country.decode("latin-1").strip().upper()
        part = head.get(self._region_header, b"").decode("latin-1").strip().upper() if self._region_header else ""
        if part and "-" not in code:
            code = part if part.startswith(f"{code}-") else f"{code}-{part}"
        found = self.by_region.get(code) or self.by_region.get(code.partition("-")[0])
        if found is None:
            self._say_once(code, f"names a region without a regime of its own, {code[:20]!r}")
        return found or self.default

    def _say_once(self, about: str, sentence: str) -> None:
        if about not in self._said and len(self._said) < _MAX_SAID:
            self._said.add(about)
            logger.warning("%s %s: the strictest rules", self.country_header.decode("ascii"), sentence)

    def repeats(self, headers: list[tuple[bytes, bytes]]) -> bool:
        names = [name for name, _ in headers]
        return any(names.count(name) > 1 for name in (self.country_header, self._region_header) if name)

    def _is_trusted(self, client: tuple[str, int] | None) -> bool:
        if self._trusts_all or client is None:
            return self._trusts_all
        host = client[0]
        known = self._trusted.get(host)
        if known is None:
            if len(self._trusted) >= _MAX_REMEMBERED:
                self._trusted.clear()
            known = self._trusted[host] = self._in_a_network(host)
        return known

    def _in_a_network(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def default_rules(config: ConsentConfig) -> Rules:
    """The rules of a visitor whose region is not known, or does not matter.

    :raises ConfigError: for an opt-out default for visitors whose region is not known
    """
    settings, max_age = config.regime, config.cookie.max_age_days * DAY_SECONDS
    entries = {entry.id: entry for entry in load_regimes().regimes}
    id = STRICTEST if settings.country_header and settings.default == Regime.OPT_IN else settings.default
    if id in entries:
        rules = _rules(entries[id], config, may_opt_out=True)
    else:
        regime = Regime(id)
        rules = Rules(
            id=regime.value,
            regime=regime,
            allowed=None if regime is Regime.OPT_OUT else frozenset(),
            consent_seconds=max_age,
            refusal_seconds=max_age,
        )
    if settings.country_header and rules.regime is Regime.OPT_OUT:
        raise ConfigError(
            f"regime.default = {settings.default!r} with a country_header would be the rules of visitors whose region "
            "is not known; allowed: an opt-in regime, and opt_out = [...] for the regions where the law allows more"
        )
    return rules


def _by_region(config: ConsentConfig) -> dict[str, Rules]:
    return {
        region: rules
        for entry in load_regimes().regimes
        for rules in (_rules(entry, config, may_opt_out=entry.id in config.regime.opt_out),)
        for region in entry.regions
    }


def _rules(entry: RegimeEntry, config: ConsentConfig, *, may_opt_out: bool) -> Rules:
    max_age = config.cookie.max_age_days
    strict = Rules(
        id=entry.id,
        separate=frozenset(entry.separate),
        itemised=entry.itemised,
        recipients=frozenset(entry.recipients),
        home=entry.home,
        signals=frozenset(entry.signals),
        # The site may end a consent earlier than the law, and ask again after a refusal later.
        consent_seconds=min(max_age, entry.consent_days) * DAY_SECONDS,
        refusal_seconds=max(max_age, entry.refusal_days) * DAY_SECONDS,
        opt_out_link=entry.opt_out_link,
    )
    if not may_opt_out or entry.regime is Regime.OPT_IN:
        return strict
    return dataclasses.replace(strict, regime=entry.regime, allowed=frozenset(entry.allowed), banner=entry.banner)
